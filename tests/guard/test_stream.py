"""A stream: the database works ahead of what is opened, and nothing is opened, recorded or kept back that should not be."""

from __future__ import annotations

import pytest
from django.db import connection

from kehu.guard.gate import read as gate_read
from kehu.guard.gate.read import Gate, LedgerUnavailable, gate
from kehu.guard.setup import open_owner
from kehu.vault.keys import EpochKeyMissing
from tests.cast import admit, staff

COUNT = 47


@pytest.fixture
def people(database, monkeypatch):
    monkeypatch.setattr(gate_read, "CHUNK", 10)
    return admit(*({"email": f"c{n}@mail.example"} for n in range(COUNT)))


def rows(actor):
    with connection.cursor() as cursor:
        cursor.execute("select subjects from ledger_entry where actor = %s order by seq", [actor.credential])
        return [count for (count,) in cursor.fetchall()]


def mails(chunks):
    return {one.customer: [said.normal for said in one.contributions] for chunk in chunks for one in chunk}


def test_everybody_is_opened_once_and_stands_in_the_ledger_piece_by_piece(people):
    mia = staff("service")
    chunks = list(gate().stream(iter(people), actor=mia, purpose="service", fields=["email"]))
    assert [len(chunk) for chunk in chunks] == [20, 20, 7]
    assert mails(chunks) == {subject: [f"c{n}@mail.example"] for n, subject in enumerate(people)}
    assert sum(rows(mia)) == COUNT and max(rows(mia)) == 5  # 10 of a row's most, half of it at a time
    assert [one.customer for chunk in chunks for one in chunk] == sorted(people)


def test_what_runs_ahead_of_a_failure_is_taken_back(people, monkeypatch):
    mia, whole = staff("service"), Gate._unseal
    list(gate().stream(people[:1], actor=mia, purpose="service"))  # its decisions are made
    before, seen = rows(mia), []

    def breaks(self, raw, found):
        seen.append(len(found))
        if len(seen) == 2:
            raise MemoryError
        return whole(self, raw, found)

    monkeypatch.setattr(Gate, "_unseal", breaks)
    with pytest.raises(MemoryError):
        list(gate().stream(people, actor=mia, purpose="service"))
    # two pieces were recorded and opened or about to be; the third, which ran ahead, stands nowhere
    assert rows(mia)[len(before) :] == [5, 5]
    with connection.cursor() as cursor:  # and holds nobody up
        cursor.execute("set lock_timeout = '2s'")
        cursor.execute("update subject_state set restricted = true where subject = any (%s)", [people])


def test_a_key_rotated_meanwhile_is_asked_for_again_and_nobody_is_left_out(people, monkeypatch):
    mia, whole, failed = staff("service"), Gate._unseal, []

    def once(self, raw, found):
        if len(failed) < 2:
            failed.append(found)
            raise EpochKeyMissing
        return whole(self, raw, found)

    monkeypatch.setattr(Gate, "_unseal", once)
    chunks = list(gate().stream(people, actor=mia, purpose="service", fields=["email"]))
    assert mails(chunks) == {subject: [f"c{n}@mail.example"] for n, subject in enumerate(people)}


def test_without_the_ledger_nothing_comes_out_of_a_stream(people, database):
    mia = staff("service")
    list(gate().stream(people[:20], actor=mia, purpose="service"))
    with open_owner(database) as owner:
        owner.execute("revoke insert on ledger_use from kehu_app")
    with pytest.raises(LedgerUnavailable) as refused:
        next(gate().stream(people, actor=mia, purpose="service"))
    assert "mail.example" not in str(refused.value) and refused.value.__cause__ is None


def test_a_commit_that_fails_lets_nothing_of_its_piece_out(people, database):
    mia = staff("service")
    list(gate().stream(people[:20], actor=mia, purpose="service"))
    with open_owner(database) as owner:
        owner.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;"
            "create constraint trigger late after insert on ledger_entry deferrable initially deferred"
            " for each row execute function refuse()"
        )
    before = rows(mia)
    for some in (people, people[:5]):  # several pieces, and a single one
        with pytest.raises(LedgerUnavailable):
            next(gate().stream(some, actor=mia, purpose="service"))
    assert rows(mia) == before
