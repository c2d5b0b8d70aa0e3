"""Taking a large import back: in parts, each for good, with how far it has come."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from kehu.collect.imports import actions, undo
from kehu.collect.imports.queries import status
from kehu.govern.slugs import ACTIONS
from kehu.guard.staff.actions import owner_actor

NUMBERS = ("11010519491231002X", "110105199003077470", "110101199001011237")


def customers() -> list[int]:
    """Of how many origin subjects each customer is."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_state group by customer order by 1")
        return [row[0] for row in cursor.fetchall()]


def undos() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = %s", [ACTIONS["undo"]])
        return int(cursor.fetchone()[0])


@pytest.fixture
def joined(bring) -> UUID:
    """An import that joined three customers to those who were here."""
    rows = (f"K{number},林{number},{one}\n" for number, one in enumerate(NUMBERS))
    text = "external_id,full_name,national_id\n" + "".join(rows)
    bring(text)
    second = bring(text, channel="shop")
    assert second.counts() == (3, 0, 0, 3, 0, 0) and customers() == [2, 2, 2]
    return UUID(second.json["import"])


def test_what_it_joined_comes_apart_by_customers_and_goes_on_after_a_crash(joined, monkeypatch):
    monkeypatch.setattr(undo, "_LINKS", 1, raising=False)
    told = undo.tell_mistake

    def dies(were, *, actor):
        if len(customers()) > 4:
            raise SystemExit
        told(were, actor=actor)

    with monkeypatch.context() as killed:
        killed.setattr(undo, "tell_mistake", dies)
        with pytest.raises(SystemExit):
            actions.undo(joined, actor=owner_actor())
    assert customers() == [1, 1, 2, 2] and actions.left_half(joined)
    assert actions.undo(joined, actor=owner_actor()) == 3
    assert customers() == [1] * 6 and not actions.left_half(joined) and undos() == 1


def test_it_says_how_far_it_has_come(joined, monkeypatch):
    monkeypatch.setattr(undo, "_STEP", 2)
    step, told = undo._step, list[tuple[int, int]]()

    def dies(*asked):
        if status(joined).taken_back:
            raise SystemExit
        return step(*asked)

    with monkeypatch.context() as killed:
        killed.setattr(undo, "_step", dies)
        with pytest.raises(SystemExit):
            actions.undo(joined, actor=owner_actor(), progress=lambda *so_far: told.append(so_far))
    assert (status(joined).taken_back, status(joined).share) == (2, 2 / 3) and told == [(0, 3), (2, 3)]
    actions.undo(joined, actor=owner_actor(), progress=lambda *so_far: told.append(so_far))
    assert told[2:] == [(2, 3), (3, 3)]
