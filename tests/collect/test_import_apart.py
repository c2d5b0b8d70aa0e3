"""Two who were found to be two customers stay two, whatever comes in later; whoever objects to linkage is left alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from kehu.collect.imports.undo import erase_taken_back, take_back
from kehu.collect.models import Import
from kehu.govern import states
from kehu.govern.slugs import PURPOSES
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Proposal
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import queue
from kehu.serve.desk import queries
from kehu.serve.rights import holds
from kehu.serve.rights.erasing.erasure import erase
from kehu.serve.rights.incidents import register as incidents
from kehu.vault.assignment import PROBABLE, WHY, assign
from kehu.vault.ids import new_id
from tests.cast import staff
from tests.collect.test_import import NUMBER

ROW = "external_id,full_name,national_id\n{},林婉清,{}\n"


def customers() -> dict[str, list[UUID]]:
    with connection.cursor() as cursor:
        cursor.execute("select customer, array_agg(subject order by subject) from subject_state group by 1 order by 1")
        return dict(cursor.fetchall())


def both(bring) -> list[UUID]:
    bring(ROW.format("K1", NUMBER))
    bring(ROW.format("S1", NUMBER), channel="shop")
    [(_, pair)] = customers().items()
    return pair


def part(one: UUID, other: UUID) -> None:
    with transaction.atomic():
        review.undo(one, other, actor=owner_actor())


def test_no_exact_key_joins_them_again(bring):
    one, other = both(bring)
    part(one, other)
    again = bring(f"external_id,full_name,national_id,email\nS1,林婉清,{NUMBER},new@mail.example\n", channel="shop")
    assert again.code == 0 and set(customers()) == {one, other}


@pytest.mark.parametrize("seen", [True, False])
def test_two_whom_an_import_joined_by_a_wrong_number_and_somebody_saw_are_an_incident(bring, seen):
    bring("external_id,full_name,email\nK1,王小明,wang@mail.example\n")
    bring(ROW.format("S1", NUMBER), channel="shop")
    wrong = bring(ROW.format("K1", NUMBER)).json["import"]
    [(one, pair)] = customers().items()
    assert len(pair) == 2
    if seen:
        assert queries.show(one, actor=staff("service"), purpose="service").fields
    take_back(Import.objects.get(id=wrong), actor=owner_actor())
    assert set(customers()) == set(pair)
    assert len(incidents.listed(actor=owner_actor())) == seen


def test_a_hold_keeps_what_an_import_brought_that_is_taken_back_though_they_were_one_with_another(bring):
    first = bring(ROW.format("K1", NUMBER)).json["import"]
    bring(ROW.format("S1", NUMBER), channel="shop")
    [(_, [lin, other])] = customers().items()
    holds.hold(lin, actor=owner_actor(), reason="sues")
    take_back(Import.objects.get(id=first), actor=owner_actor())
    Import.objects.filter(id=first).update(undone_at=timezone.now() - timedelta(days=31))
    assert erase_taken_back(actor=owner_actor()) == 0
    with connection.cursor() as cursor:
        cursor.execute("select subject, hidden, held from subject_state order by subject")
        assert cursor.fetchall() == [(lin, True, True), (other, False, True)]
    holds.release(lin, actor=owner_actor())
    assert erase_taken_back(actor=owner_actor()) == 1 and set(customers()) == {other}


@pytest.mark.parametrize("seen", [True, False])
def test_two_who_were_one_through_somebody_of_an_import_that_is_undone_are_an_incident(bring, seen):
    bring("external_id,full_name,email\nK1,王小明,wang@mail.example\n")
    bring(ROW.format("S1", NUMBER), channel="shop")
    between = bring("external_id,full_name\nF1,王\n", channel="form").json["import"]
    one, other, third = (subject for subjects in customers().values() for subject in subjects)
    with transaction.atomic():
        assign(
            connection.connection, [(one, third), (other, third)], certainty=PROBABLE, why=WHY["linkage"], run=new_id(),
            by=owner_actor().staff,
        )  # fmt: skip
    if seen:
        assert queries.show(one, actor=staff("service"), purpose="service").fields
    take_back(Import.objects.get(id=between), actor=owner_actor())
    # whoever left with the import was found to be nobody else
    assert [row["persons"] for row in incidents.listed(actor=owner_actor())] == ([2] if seen else [])


def test_a_third_joins_one_of_them_at_most(bring):
    one, other = both(bring)
    part(one, other)
    joined = bring(ROW.format("F1", NUMBER), channel="form")
    assert joined.json["merged"] == 1
    assert sorted(len(origins) for origins in customers().values()) == [1, 2] and {one, other} <= {
        origin for origins in customers().values() for origin in origins
    }
    assert not any({one, other} <= set(origins) for origins in customers().values())


def test_whoever_objects_to_linkage_is_a_customer_of_their_own(bring):
    bring(ROW.format("K1", NUMBER))
    [one] = customers()
    states.enter(one, "objection", by=owner_actor().staff, id=new_id(), purpose=PURPOSES["accuracy"])
    assert bring(ROW.format("S1", NUMBER), channel="shop").json["merged"] == 0
    bring("external_id,full_name,email\nK1,林婉清,lin@mail.example\n")
    bring("order_id,email,ordered_at,amount\nB1,lin@mail.example,2026-01-02,5\n", "--kind", "orders")
    assert all(len(origins) == 1 for origins in customers().values())


def test_an_order_goes_with_whose_address_it_came_under(bring):
    """Two are one by mistake: what came meanwhile by an address belongs to whoever has it, not to the elder of them."""
    bring(f"external_id,full_name,email,national_id\nK1,林婉清,lin@mail.example,{NUMBER}\n")
    bring(f"external_id,full_name,email,national_id\nS1,林婉清,other@mail.example,{NUMBER}\n", channel="shop")
    [(_, (one, other))] = customers().items()
    bring("order_id,email,ordered_at,amount\nB1,other@mail.example,2026-01-02,5\n", "--kind", "orders")
    part(one, other)
    assert [len(origins) for origins in (customers()[one], customers()[other])] == [1, 2]


class TestANoOutlivesItsRecord:
    """Two were found to be two customers, and the import of the record that it was said of is taken back."""

    @pytest.fixture
    def said(self, bring):
        first = bring(ROW.format("K1", NUMBER))
        bring(ROW.format("S1", NUMBER), channel="shop")
        bring("external_id,full_name\nF1,林婉青\n", channel="form")
        [(gone, stays), (other,)] = customers().values()
        queue.propose([queue.Pair.of(gone, other, 1.0)], run=new_id())
        review.reject(Proposal.objects.get(state="open").id, actor=owner_actor())
        self.import_ = Import.objects.get(id=first.json["import"])
        return stays, other

    def joined(self, one, other) -> bool:
        with transaction.atomic():
            return not assign(connection.connection, [(one, other)], certainty=PROBABLE, why=4, run=None, by=new_id())

    def test_the_customers_stay_two(self, said):
        take_back(self.import_, actor=owner_actor())
        assert said in queue.decided_apart() and not self.joined(*said)
        Import.objects.update(undone_at=timezone.now() - timedelta(days=31))
        assert erase_taken_back(actor=owner_actor()) == 1
        assert said in queue.decided_apart() and not self.joined(*said)

    def test_until_the_answer_is_taken_back(self, said):
        take_back(self.import_, actor=owner_actor())
        with transaction.atomic():
            review.take_back(actor=owner_actor())
        assert queue.decided_apart() == [] and self.joined(*said)

    def test_until_one_of_them_is_erased(self, said):
        take_back(self.import_, actor=owner_actor())
        erase(said[0], actor=owner_actor(), reason="asked")
        assert not Proposal.objects.filter(follows__isnull=False).exists()
