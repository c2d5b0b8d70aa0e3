"""A search by blind index costs as much as it finds, not as much as there is."""

from __future__ import annotations

import pytest

from kehu.guard.gate.read import raw_connection
from kehu.guard.setup import open_owner
from kehu.serve.desk import queries
from kehu.serve.desk.queries import BY_TOKENS, find
from kehu.serve.rights.consents import actions as rights
from kehu.vault.settling import settle_index
from tests.cast import admit, staff

SHARED = {"email": "front-desk@mail.example"}


def plan_of(owner, statement: str) -> str:
    """The plan that serves any tokens: the one that prepared statements end with."""
    return "\n".join(row[0] for row in owner.execute("explain (generic_plan) " + statement.replace("%s", "$1")))


def test_states_are_read_by_their_keys(database):
    admit(*({"email": f"c{n}@mail.example"} for n in range(6_000)))
    settle_index(raw_connection())  # as the application: the owner's function lends it the right
    with open_owner(database) as owner:
        owner.execute("analyze record, subject_state")
        plan = plan_of(owner, BY_TOKENS)
    assert "Seq Scan on subject_state" not in plan and "subject_state_pkey" in plan


def test_more_than_a_page_is_found_page_by_page_and_says_so(database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a mailbox that many share nobody is left out without a word."""
    monkeypatch.setattr(queries, "MOST", 3)
    here = sorted(admit(*(SHARED | {"full_name": f"林{n}"} for n in range(7))))
    alice = staff("service")
    first = find(SHARED, actor=alice, purpose="service")
    assert (first.subjects, first.next) == (here[:3], here[2])
    second = find(SHARED, actor=alice, purpose="service", after=first.next)
    assert (second.subjects, second.next) == (here[3:6], here[5])
    third = find(SHARED, actor=alice, purpose="service", after=second.next)
    assert (third.subjects, third.next) == (here[6:], None)
    assert first.seq < second.seq < third.seq
    assert find(SHARED | {"full_name": "林5"}, actor=alice, purpose="service").subjects == [here[5]]


def test_those_who_may_not_be_named_hide_nobody_behind_them(database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST", 2)
    here = sorted(admit(*(SHARED | {"full_name": f"林{n}"} for n in range(6))))
    mei = staff("marketing")
    none = find(SHARED, actor=mei, purpose="marketing")
    assert (none.subjects, none.next) == ([], None)  # how many they are is not told either
    agreed = {"kind": "general", "until": None, "notice": None, "by_subject": None}
    rights.give(here[4], queries.PURPOSES["marketing"], actor=staff("privacy"), **agreed)
    assert find(SHARED, actor=mei, purpose="marketing").subjects == [here[4]]
