"""Clocks of the registers in rows that doors show: which law, until when, how it was counted, how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from kehu.govern.clocks import Pause
from kehu.govern.deadlines import Clock, Known, Told, counts, incident_clocks, request_clocks
from kehu.govern.laws import PACKS, company, load_packs
from kehu.guard.gate.state import packs_of
from kehu.serve.rights.models import Incident, Request, RequestStep

EVERY_PACK = sum(pack.bit for pack in load_packs().values())
OLDEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""Nothing that these registers hold is older: a day before is a slip of the hand, and of some no clock can be counted."""


def require_past(at: datetime, name: str) -> None:
    """That a moment somebody names is one they can mean.

    Raises:
        ValueError: it lies in the future, or before :data:`OLDEST`.
    """
    if not OLDEST <= at <= timezone.now():
        raise ValueError(f"{name}: lies in the future, or before {OLDEST.year}")


def packs_of_subjects(subjects: Iterable[Any]) -> int:
    """The laws that apply to these origin subjects, as bits; nobody known is under every law."""
    with connection.cursor() as cursor:
        cursor.execute("select bit_or(packs) from subject_state where subject = any (%s)", [list(subjects)])
        found = cursor.fetchone()[0]
    return EVERY_PACK if found is None else int(found)


def told_of(steps: Sequence[RequestStep]) -> Told:
    """What the steps, in the order of their times, say of the clock."""
    once = {step.kind: step.at for step in steps}
    pauses: list[Pause] = []
    for step in steps:
        if step.kind == "suspend":
            pauses.append(Pause(step.at))
        elif step.kind == "resume" and pauses:
            pauses[-1] = Pause(pauses[-1].start, step.at)
    return Told(once.get("confirm"), once.get("extend"), tuple(pauses))


def laws_of(bits: int) -> list[str]:
    """Packs by their bits, in order."""
    held = packs_of(bits)
    return [name for name in PACKS if name in held]


def clocks_of_request(row: Request, steps: Sequence[RequestStep], *, now: datetime) -> list[Clock]:
    """Every clock of a request, the earliest first."""
    return request_clocks(
        laws_of(row.packs), row.right, row.received_at, told=told_of(steps), now=now, company=company(),
        answered=row.answered_at,
    )  # fmt: skip


def clocks_of_incident(row: Incident) -> list[Clock]:
    """Every clock of an incident that runs or may run, the earliest first."""
    done = {name: datetime.fromisoformat(at) for name, at in row.done.items()}
    known = Known(row.persons, row.facts, row.handled_at, row.told_at, done)
    return incident_clocks(laws_of(row.packs), row.aware_at, known, company=company())


def due_of(clocks: Sequence[Clock]) -> datetime | None:
    """The end that counts for a request: the earliest answer."""
    clock = counts(clocks)
    return clock.due.at if clock and clock.due else None


def end_of_request(row: Request, *, now: datetime) -> datetime | None:
    """The end that counts now: the one that is noted with a request does not move while its clock stands."""
    return due_of(clocks_of_request(row, list(row.steps.order_by("at", "id")), now=now))


def next_due(clocks: Sequence[Clock]) -> datetime | None:
    """The earliest end of an incident's clocks whose report is not made."""
    return min((clock.due.at for clock in clocks if clock.due and clock.done is None), default=None)


def clock_row(clock: Clock, *, now: datetime) -> dict[str, Any]:
    """A clock as doors print it; ``read`` false: nobody here has read the text it rests on."""
    due, rule = clock.due, clock.counted_by
    return {
        "law": clock.law,
        "clock": f"{clock.law}.{clock.row}",
        "step": clock.step,
        "state": state_of(clock, now=now),
        "due": due.at.isoformat() if due else None,
        "due_on": due.day.isoformat() if due else None,
        "term": {"n": clock.term.n, "unit": clock.term.unit},
        "article": clock.article,
        "source": clock.source,
        "read": clock.read,
        "counting": {"rule": rule.id, "article": rule.article, "read": rule.read} if rule else None,
        "moved_from": due.moved_from.isoformat() if due and due.moved_from else None,
        "provisional": bool(due and due.provisional),
        "extended": clock.extended,
        "applies": clock.applies,
    }


def state_of(clock: Clock, *, now: datetime) -> str:
    """``done``, ``suspended``, ``overdue``, ``now`` (at once, not done yet), ``running``, or ``timely`` (no day)."""
    if clock.done is not None:
        return "done"
    if clock.suspended:
        return "suspended"
    if clock.overdue(now):
        return "overdue"
    return {"at-once": "now", "timely": "timely"}.get(clock.term.unit, "running")
