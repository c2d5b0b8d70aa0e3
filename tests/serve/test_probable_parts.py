"""A part that linkage alone joined: confirmed within the request's clock, or not part of the answer, which says so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from kehu.guard.gate.acts import Refused
from kehu.guard.guests.credentials import guest_actor, sign_in
from kehu.guard.staff.actions import owner_actor
from kehu.serve.portal.waiting import waiting
from kehu.serve.rights import probable, requests
from kehu.serve.rights.copy import export
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.models import Incident, ProbablePart, Request, RequestStep
from kehu.serve.rights.scope import scope_of
from kehu.vault.assignment import EXACT_KEY, PROBABLE
from tests.cast import admit, staff
from tests.serve.holdings import link

HER = {"full_name": "林婉清", "email": "lin@mail.example", "phone": "+8613800006721"}
HERS_TOO = {"full_name": "林婉清", "email": "old@mail.example"}
SOMEBODY = {"full_name": "林婉青", "email": "lin@mail.example"}


def asked(right: str = "access", **options):
    lin, other = admit(HER, options.pop("other", HERS_TOO))
    link(lin, other, PROBABLE)
    return lin, other, requests.open_request(subject=lin, right=right, actor=owner_actor(), **options)


def parts(id):
    return [(one.id, one.state, one.tries_left) for one in probable.parts_of(id, actor=owner_actor())]


@pytest.mark.parametrize("right", probable.REACH)
def test_it_is_named_to_the_office_without_a_value_until_the_clock_ends(database, right):
    lin, other, id = asked(right)
    [one] = probable.parts_of(id, actor=owner_actor())
    assert (one.id, one.state, one.records, one.due) == (other, "open", 1, Request.objects.get(id=id).due)
    assert "mail.example" not in str(one)
    assert scope_of(lin).part == (lin,)


def test_a_right_that_hands_nothing_over_asks_of_none(database):
    assert parts(asked("object")[2]) == []


def test_the_person_names_what_only_that_part_carries(database):
    lin, other, id = asked()
    her = guest_actor(lin)
    with pytest.raises(probable.NotTheirs) as failed:
        probable.name_fact(id, "new@mail.example", actor=her)
    assert failed.value.left == 2
    assert probable.name_fact(id, " OLD@mail.example", actor=her) == 1
    assert parts(id) == [(other, "confirmed", 2)] and scope_of(lin).part == (lin, other)


@pytest.mark.parametrize(
    "held, said",
    [
        ("+85261234567", "6123 4567"), ("+886912345678", "0912-345-678"), ("+819012345678", "090-1234-5678"),
        ("+8613812345678", "138 1234 5678"),
    ],
)  # fmt: skip
def test_a_phone_number_is_theirs_as_its_country_writes_it(database, held, said):
    lin, _, id = asked(other={"full_name": "林婉清", "phone": held})
    assert probable.name_fact(id, said, actor=guest_actor(lin)) == 1


def test_what_a_household_shares_shows_nothing(database):
    lin, other, id = asked(other=SOMEBODY)
    with pytest.raises(probable.NotTheirs):
        probable.name_fact(id, "lin@mail.example", actor=guest_actor(lin))
    assert scope_of(lin).unconfirmed == (other,)


def test_after_three_wrong_facts_the_office_has_to_look(database):
    lin, _, id = asked()
    her = guest_actor(lin)
    for n in range(probable.TRIES):
        with pytest.raises(probable.NotTheirs):
            probable.name_fact(id, f"{n}@mail.example", actor=her)
    with pytest.raises(probable.UnknownPart):
        probable.name_fact(id, "old@mail.example", actor=her)


def test_another_request_gives_no_more_tries(database):
    lin, other, id = asked()
    her = guest_actor(lin)
    for n in range(probable.TRIES):
        with pytest.raises(probable.NotTheirs) as failed:
            probable.name_fact(id, f"{n}@mail.example", actor=her)
    assert failed.value.left == 0
    again = requests.open_request(subject=lin, right="erase", actor=her)
    assert parts(again) == [(other, "open", 0)]
    with pytest.raises(probable.UnknownPart):
        probable.name_fact(again, "old@mail.example", actor=her)
    requests.answer_request(id, outcome="refused", actor=owner_actor())  # somebody has looked
    assert parts(again) == [(other, "open", probable.TRIES)]


def test_nobody_names_facts_for_anothers_request(database):
    _, other, id = asked()
    [stranger] = admit({"full_name": "stranger"})
    with pytest.raises(Refused):
        probable.name_fact(id, "old@mail.example", actor=guest_actor(stranger))
    assert parts(id) == [(other, "open", 3)]


def test_the_office_confirms_and_the_answer_reaches_it(database, tmp_path):
    lin, other, id = asked()
    probable.confirm(id, other, actor=owner_actor())
    copy = export.export(lin, actor=owner_actor(), to=tmp_path / "copy.age")
    requests.answer_request(id, outcome="done", actor=owner_actor(), text="here")
    [row] = requests.one(id, actor=owner_actor())
    assert (copy.unconfirmed, row["answer"]) == ((), "here")


def test_the_office_finds_somebody_else_and_they_are_parted_for_good(database):
    lin, other, id = asked()
    assert probable.decline(id, other, actor=owner_actor()) is None and not Incident.objects.exists()
    assert scope_of(lin).unconfirmed == () and [state for _, state, _ in parts(id)] == ["declined"]
    link(lin, other, EXACT_KEY)
    assert scope_of(lin).part == (lin,)  # no later evidence joins them


def test_answered_before_anybody_confirmed_the_answer_says_so(database, tmp_path):
    lin, other, id = asked()
    assert export.export(lin, actor=owner_actor(), to=tmp_path / "copy.age").unconfirmed == (other,)
    requests.answer_request(id, outcome="done", actor=owner_actor(), text="here", language="zh-hans")
    [row] = requests.one(id, actor=owner_actor())
    assert row["answer"].startswith("here\n\n另有 1 条记录可能属于您") and [s for _, s, _ in parts(id)] == ["left-out"]


def test_when_the_clock_has_run_out_it_stays_out_by_itself(database):
    lin, other, id = asked(received_at=timezone.now() - timedelta(days=200))
    assert parts(id) == [(other, "open", 3)]
    assert probable.left_out_when_over(by=owner_actor().staff) == 1
    assert probable.left_out_when_over(by=owner_actor().staff) == 0
    with pytest.raises(probable.UnknownPart):
        probable.confirm(id, other, actor=owner_actor())
    requests.answer_request(id, outcome="partly", actor=owner_actor())
    [row] = requests.one(id, actor=owner_actor())
    assert "There may be 1 more record(s) of you" in row["answer"] and scope_of(lin).unconfirmed == (other,)


def test_while_the_clock_stands_nothing_stays_out(database):
    _, other, id = asked()
    Request.objects.filter(id=id).update(packs=2)  # under the law of the EU an identity check stops the clock
    requests.step(id, "suspend", actor=owner_actor(), reason="please prove who you are")
    later = timezone.now() + timedelta(days=60)
    assert probable.left_out_when_over(now=later, by=owner_actor().staff) == 0
    assert parts(id) == [(other, "open", 3)]


def test_while_the_clock_stands_the_end_that_is_shown_moves_with_it(database):
    lin, _, id = asked()
    Request.objects.filter(id=id).update(packs=2)
    requests.step(id, "suspend", actor=owner_actor(), reason="please prove who you are")
    week = timedelta(days=7)  # and so much has gone by since
    Request.objects.update(received_at=F("received_at") - week, due=F("due") - week)
    RequestStep.objects.update(at=F("at") - week)
    noted, now = Request.objects.get(id=id).due, timezone.now()
    [hers] = waiting(sign_in(lin).guest)
    [part] = probable.parts_of(id, actor=owner_actor())
    [shown] = requests.one(id, actor=owner_actor())
    for end in (hers.due, part.due):
        assert end - noted > timedelta(days=5) and end.date() == datetime.fromisoformat(shown["due"]).date()
    assert now < part.due


def test_an_erasure_takes_the_certain_part_and_leaves_the_other_as_it_was(database):
    lin, other, id = asked("erase")
    parts(id)
    outcome = erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert outcome.unconfirmed == (other,) and not ProbablePart.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("select subject, customer from subject_state where not residue")
        assert cursor.fetchall() == [(other, other)]


def test_a_part_erased_meanwhile_waits_no_more(database):
    _, other, id = asked()
    assert parts(id)
    erasure.erase(other, actor=owner_actor(), reason="asked")
    assert parts(id) == []


def test_a_request_of_whose_import_was_taken_back_is_shown_and_answered(database):
    """Its clock runs, though nobody finds the person any more; what was asked of before stays out of the answer."""
    lin, other, id = asked()
    assert parts(id) == [(other, "open", 3)]
    overdue = requests.open_request(subject=lin, right="erase", actor=owner_actor())
    assert parts(overdue) == [(other, "open", 3)]
    for table in ("record", "subject_state"):
        connection.cursor().execute(f"update {table} set hidden = true where subject = %s", [lin])
    assert parts(id) == [(other, "open", 3)]
    requests.answer_request(id, outcome="refused", actor=owner_actor(), text="The import was taken back.")
    [row] = requests.one(id, actor=owner_actor())
    assert row["state"] == "refused" and parts(id) == [(other, "left-out", 3)]
    Request.objects.filter(id=overdue).update(received_at=timezone.now() - timedelta(days=90), due=timezone.now())
    assert probable.left_out_when_over(by=owner_actor().staff) == 1


def test_only_the_office_decides(database):
    _, other, id = asked()
    service = staff("service")
    for act in (probable.confirm, probable.decline):
        with pytest.raises(Refused):
            act(id, other, actor=service)
