"""A merge taken back while linkage writes, on connections of their own: the two stay two, whoever commits first."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from kehu.govern.parts import retried
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import LinkageRun
from kehu.refine.resolve import runs
from kehu.serve.rights.incidents import wrong_merge
from kehu.vault.ids import new_id
from tests.cast import admit
from tests.races import beside, somebody_waits, until

SAME = {
    "given_name": "alice", "family_name": "harper", "birth_date": "1984-03-09", "email": "harper@mail.example",
    "phone": "+61355501234", "postal_code": "4132", "street": "wattle grove", "house_number": "12",
}  # fmt: skip


def customer(subject):
    with connection.cursor() as cursor:
        cursor.execute("select customer from subject_state where subject = %s", [subject])
        return cursor.fetchone()[0]


@pytest.fixture
def joined(database):
    """Two that a run joined, wrongly, and a third like them."""
    crowd = admit(*[SAME] * 3)
    run = LinkageRun.objects.create(id=new_id(), everything=True, staff=new_id(), newest=crowd[2], state="done")
    retried(lambda: runs._assigned([(crowd[0], crowd[1])], run.id, owner_actor()))
    return crowd


@pytest.mark.parametrize("first", ["un-merge", "run"])
def test_a_chain_over_a_third_and_an_unmerge_at_once(joined, first):
    """Linkage joins both to a third while they are parted: one waits for the other at the log, and then looks."""
    one, other, third = joined
    holds, go = threading.Event(), threading.Event()
    run, owner = new_id(), owner_actor()

    def link(*, hold: bool) -> None:
        def work() -> None:
            runs._assigned([(one, third), (other, third), (one, other)], run, owner)
            if hold:
                holds.set()
                assert go.wait(10)

        retried(work)

    def part(*, hold: bool) -> None:
        def work() -> None:
            wrong_merge.part(one, other, actor=owner)
            if hold:
                holds.set()
                assert go.wait(10)

        retried(work)

    before, after = (part, link) if first == "un-merge" else (link, part)
    thread, wrong = beside(lambda: before(hold=True))
    assert holds.wait(10)
    second, wrong_too = beside(lambda: after(hold=False))
    until(lambda: somebody_waits("advisory"))
    go.set()
    thread.join(20)
    second.join(20)
    assert (wrong, wrong_too) == ([], [])
    assert customer(one) != customer(other)
    assert customer(third) in (customer(one), customer(other), third)
    runs.resolve(actor=owner, everything=True)
    assert customer(one) != customer(other)


def test_a_run_that_had_looked_before_the_unmerge_joins_by_what_stands_now(joined, monkeypatch):
    one, other, third = joined
    looked, go, link = threading.Event(), threading.Event(), runs._linked

    def linked(*arguments):
        found = link(*arguments)
        looked.set()
        assert go.wait(20)
        return found

    monkeypatch.setattr(runs, "_linked", linked)
    owner = owner_actor()
    thread, wrong = beside(lambda: runs.resolve(actor=owner, everything=True))
    assert looked.wait(20)
    wrong_merge.part(one, other, actor=owner)
    go.set()
    thread.join(30)
    assert wrong == []
    assert customer(one) != customer(other) and customer(third) in (one, other)
