"""What becomes of corrections and confirmations when the import is taken back whose value they were of."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect import tasks
from kehu.collect.imports import undo
from kehu.collect.imports.undo import erase_taken_back
from kehu.collect.models import Import
from kehu.guard.gate.read import gate
from kehu.guard.guests.credentials import sign_in
from kehu.guard.staff.actions import owner_actor
from kehu.refine.survive import survive
from kehu.serve.corrections import queries
from kehu.serve.corrections.actions import correct
from kehu.serve.rights import holds, requests
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.upkeep import confirming, queue
from tests.cast import staff

ROW = "external_id,full_name,email,note\nK1,Ann Lee,{},{}\n"
OLD, WRONG, RIGHT = "old@mail.example", "wrong@mail.example", "right@mail.example"


@pytest.fixture
def privacy(database):
    return staff("privacy")


@pytest.fixture
def service(database):
    return staff("service")


def ann() -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state")
        [(subject,)] = cursor.fetchall()
        return subject


def address(actor) -> str | None:
    [one] = gate().open([ann()], actor=actor, purpose="accuracy", fields=["email"])
    kept = survive(one.contributions)
    return kept["email"].said.normal if "email" in kept else None


class TestOfACustomerWhoStays:
    """An import brought another address under a key that was here; it is put right, and the import taken back."""

    @pytest.fixture
    def wrong(self, bring, service):
        bring(ROW.format(OLD, ""))
        return bring(ROW.format(WRONG, "")).json["import"]

    def test_what_the_house_put_right_by_itself_goes_with_the_value(self, wrong, kehu, privacy, service):
        correct(ann(), "email", "wrng@mail.example", reason="a letter too many", actor=privacy)
        correct(ann(), "email", RIGHT, reason="another was meant", actor=privacy)
        assert [one["gone"] for one in queries.of_customer(ann(), actor=privacy)] == [[], []]
        assert kehu("import", "undo", wrong).json == {"undone": 1}
        assert address(service) == OLD
        assert [one["gone"] for one in queries.of_customer(ann(), actor=privacy)] == [["before", "after"]] * 2
        long_ago(wrong)
        assert erase_taken_back(actor=owner_actor()) == 1
        with connection.cursor() as cursor:
            cursor.execute("select kind from record")
            assert cursor.fetchall() == [(1,)]
        assert address(service) == OLD

    def test_that_somebody_confirmed_it_goes_with_it(self, wrong, kehu, service):
        confirming.confirm(ann(), "email", how="document", actor=service)
        kehu("import", "undo", wrong)
        assert address(service) == OLD

    @pytest.mark.parametrize("way", ["portal", "phone", "request"])
    def test_what_the_customer_said_stays(self, wrong, kehu, privacy, service, way):
        if way == "portal":
            task = queue.make_by_hand(ann(), "email", actor=service).id
            confirming.answer(sign_in(ann()).guest, task, value=RIGHT)
        elif way == "phone":
            confirming.confirm(ann(), "email", how=way, value=RIGHT, actor=service)
        else:
            asked = requests.open_request(subject=ann(), right="correct", actor=privacy, text="my address")
            correct(ann(), "email", RIGHT, reason="she asked", request=asked, actor=privacy)
        kehu("import", "undo", wrong)
        assert address(service) == RIGHT

    def test_and_what_was_put_right_of_it_since(self, wrong, kehu, privacy, service):
        confirming.confirm(ann(), "email", how="phone", value="rigt@mail.example", actor=service)
        correct(ann(), "email", RIGHT, reason="misheard", actor=privacy)
        kehu("import", "undo", wrong)
        assert address(service) == RIGHT

    def test_a_value_that_stood_nowhere_before_stays(self, wrong, kehu, privacy, desk):
        correct(ann(), "phone", "+8613800006721", reason="they called", actor=privacy)
        kehu("import", "undo", wrong)
        assert desk.find("phone=+8613800006721") == [str(ann())]

    def test_it_stays_while_another_import_says_the_same_wrong_value(self, wrong, bring, kehu, privacy, service):
        again = bring(ROW.format(WRONG, "vip")).json["import"]
        correct(ann(), "email", RIGHT, reason="misspelt", actor=privacy)
        kehu("import", "undo", again)
        assert address(service) == RIGHT
        kehu("import", "undo", wrong)
        assert address(service) == OLD

    def test_and_while_one_that_came_since_may_say_it(self, wrong, bring, kehu, privacy, service):
        correct(ann(), "email", RIGHT, reason="misspelt", actor=privacy)
        since = bring(ROW.format(WRONG, "vip")).json["import"]
        kehu("import", "undo", wrong)
        assert address(service) == RIGHT
        kehu("import", "undo", since)
        assert address(service) == OLD

    def test_or_where_another_import_brought_the_same_row(self, wrong, bring, kehu, privacy, service):
        correct(ann(), "email", RIGHT, reason="misspelt", actor=privacy)
        bring(ROW.format(WRONG, ""), basis="legal_obligation")
        kehu("import", "undo", wrong)
        assert address(service) == RIGHT


def test_who_leave_with_their_corrections_are_no_two_who_had_been_taken_for_one(bring, kehu, privacy):
    number = "11010519491231002X"
    row = f"external_id,full_name,national_id\n{{}},林婉清,{number}\n"
    bring("external_id,full_name\nK9,Zoe Ox\n")
    both = bring(row.format("K1") + row.format("K2").split("\n", 1)[1]).json["import"]
    with connection.cursor() as cursor:
        cursor.execute("select customer, array_agg(subject) from subject_state group by 1 having count(*) = 2")
        [(customer, _)] = cursor.fetchall()
    for name in ("family_name", "email"):
        correct(customer, *{"family_name": ("family_name", "李"), "email": ("email", RIGHT)}[name],
                reason="misread", actor=privacy)  # fmt: skip
    kehu("import", "undo", both)
    assert incidents.listed(actor=owner_actor()) == []


class TestNothingOfThemStays:
    """Of whoever came by an import that is taken back a correction is no more than the rest of them."""

    @pytest.fixture
    def taken_back(self, bring, privacy):
        """Whoever was corrected; the import was taken back by a program that let a correction be."""

        def take_back(monkeypatch, kehu, *, erased: bool) -> UUID:
            brought = bring(ROW.format(WRONG, "")).json["import"]
            correct(ann(), "phone", "+8613800006721", reason="they called", actor=privacy)
            monkeypatch.setattr(undo, "_EDITS_TOO", "select 1")
            kehu("import", "undo", brought)
            long_ago(brought)
            if erased:
                assert erase_taken_back(actor=owner_actor()) == 1
            monkeypatch.undo()
            return ann()

        return take_back

    @pytest.mark.parametrize("erased", [False, True])
    def test_who_is_shown_by_a_correction_alone_leaves_in_the_night(self, taken_back, monkeypatch, kehu, desk, erased):
        one = taken_back(monkeypatch, kehu, erased=erased)
        assert desk.find("phone=+8613800006721") == [str(one)]
        tasks.tidy(timestamp=0)
        assert desk.find("phone=+8613800006721") == [] and left() == 0

    @pytest.mark.parametrize("erased", [False, True])
    def test_but_is_hidden_while_a_hold_lasts(self, taken_back, monkeypatch, kehu, desk, erased):
        one = taken_back(monkeypatch, kehu, erased=erased)
        holds.hold(one, actor=owner_actor(), reason="sues")
        tasks.tidy(timestamp=0)
        assert desk.find("phone=+8613800006721") == [] and left() == 1
        holds.release(one, actor=owner_actor())
        tasks.tidy(timestamp=0)
        assert left() == 0

    def test_nor_a_confirmation_that_was_itself_taken_back(self, bring, kehu, service):
        brought = bring(ROW.format(WRONG, "")).json["import"]
        done = confirming.confirm(ann(), "email", how="phone", value=RIGHT, actor=service)
        confirming.undo(done.id, actor=service)
        kehu("import", "undo", brought)
        long_ago(brought)
        assert erase_taken_back(actor=owner_actor()) == 1 and left() == 0


def left() -> int:
    """How many customers have a key yet."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key k join subject_state using (subject)")
        states = cursor.fetchone()[0]
        cursor.execute("select count(distinct subject) from facet")
        assert cursor.fetchone()[0] == states
        return states


def long_ago(brought: str) -> None:
    Import.objects.filter(id=brought).update(undone_at=timezone.now() - timedelta(days=31))
