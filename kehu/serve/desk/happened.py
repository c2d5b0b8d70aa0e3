"""Orders and interactions of a customer, a page at a time: which of them a reader opens, and how many there are.

When something happened is sealed, and a customer may have tens of thousands. So they are gone through in the order in which they
came in, or were when their sender says so; nothing of them is opened to find a page. Within a page they stand by their own time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as part
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import RECORD_KINDS, name_of
from kehu.guard.gate.decisions import LET_OUT, Decision
from kehu.guard.gate.read import EVENT_KINDS, Contribution, Opened
from kehu.guard.installation import installation
from kehu.refine.clean.moments import moment_of
from kehu.refine.survive import text_of

PAGE: Final = 300
"""Orders and interactions that one page opens."""
FIGURED: Final = 1_000
"""Orders that are opened for the figures of a customer's record, whether it lists them or not; of more the newest."""
_ORDER: Final = RECORD_KINDS["order"]
_KINDS: Final = {"transaction": _ORDER, "interaction": RECORD_KINDS["interaction"]}
_EVENT_TIMES: Final = ("ordered_at", "at")
# an id begins with the milliseconds in which its record came; what its sender dates takes its place among them by that time
_PLACE: Final = """case when r.said_at is null then r.id
    else rpad(lpad(to_hex(greatest(0, extract(epoch from r.said_at) * 1000)::bigint), 12, '0'), 32, '0')::uuid end"""
_HELD: Final = """from subject_state s join record r using (subject)
where s.customer = (select x.customer from subject_state x where x.subject = %(subject)s) and not s.hidden and not r.hidden"""
_NEWEST: Final = f"""select r.subject, r.id, r.kind {_HELD} and r.kind = any (%(kinds)s::smallint[])
order by {_PLACE} desc, r.id desc limit %(most)s offset %(after)s"""


@dataclass(frozen=True, slots=True)
class Event:
    """An order or an interaction: when, and its fields as far as they may be seen."""

    record: UUID
    kind: str
    at: datetime | None
    came_at: datetime
    said_at: datetime | None
    channel: int
    fields: Mapping[str, str] = part(repr=False)

    @property
    def amount(self) -> Decimal | None:
        """What was paid, where that may be seen and is a number."""
        try:
            return Decimal(self.fields["amount"])
        except (KeyError, InvalidOperation):
            return None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records are to be opened, each with its origin subject: those of a page, and ``beside`` them for figures alone.

    ``counts``: how many of each kind there are in all; ``whole``: the kinds of which none is left out.
    """

    listed: tuple[tuple[UUID, UUID], ...]
    beside: tuple[tuple[UUID, UUID], ...]
    counts: Mapping[str, int]
    whole: frozenset[str]


def choose(subject: UUID, names: Iterable[str], *, after: int = 0, figured: int = 0) -> Choice:
    """The events of a page, of the kinds that these fields are of; nothing is opened.

    Args:
        after: how many newer ones are passed over.
        figured: so many of the newest orders are chosen, whether they are on the page or not.
    """
    kinds = sorted(_kinds_of(names))
    if not kinds:
        return Choice((), (), {}, frozenset())
    asked: dict[str, Any] = {"subject": subject, "kinds": kinds, "most": PAGE, "after": after}
    with connection.cursor() as cursor:
        cursor.execute(f"select r.kind, count(*) {_HELD} and r.kind = any (%(kinds)s::smallint[]) group by 1", asked)
        counts = dict(cursor.fetchall())
        cursor.execute(_NEWEST, asked)
        listed = cursor.fetchall()
        chosen = dict.fromkeys(listed)
        if figured and counts.get(_ORDER, 0) > sum(kind == _ORDER for *_, kind in listed):
            cursor.execute(_NEWEST, asked | {"kinds": [_ORDER], "most": figured, "after": 0})
            chosen |= dict.fromkeys(cursor.fetchall())
    held = Counter(kind for *_, kind in chosen)
    ids = [(subject, record) for subject, record, _ in chosen]
    return Choice(
        tuple(ids[: len(listed)]),
        tuple(ids[len(listed) :]),
        {name_of(RECORD_KINDS, kind): number for kind, number in counts.items()},
        frozenset(name_of(RECORD_KINDS, kind) for kind, number in counts.items() if held[kind] >= number),
    )


def _kinds_of(names: Iterable[str]) -> set[int]:
    field = installation().rules.dictionary.field
    return {_KINDS[held.category] for held in map(field, names) if held.event}


def shown_counts(decision: Decision, counts: Mapping[str, int]) -> dict[str, int]:
    """How many there are of each kind of which something comes out; of what a purpose does not show no number is told."""
    out = _kinds_of(name for name, row in decision.fields.items() if any(one.answer in LET_OUT for one in row))
    return {kind: number for kind, number in counts.items() if RECORD_KINDS[kind] in out}


def events_of(opened: Opened) -> tuple[Event, ...]:
    """What the gate let out of orders and interactions, the newest first by their own time."""
    by_record: dict[UUID, list[Contribution]] = {}
    for one in opened.contributions:
        if one.kind in EVENT_KINDS:
            by_record.setdefault(one.record, []).append(one)
    events = [_event(record, said) for record, said in by_record.items()]
    return tuple(
        sorted(events, key=lambda one: (one.at or one.came_at, one.said_at or one.came_at, one.record), reverse=True)
    )


def came_at(record: UUID) -> datetime:
    """When a record came in: its id says so (UUIDv7, milliseconds)."""
    return datetime.fromtimestamp((record.int >> 80) / 1000, tz=UTC)


def _event(record: UUID, said: list[Contribution]) -> Event:
    type_of = installation().rules.dictionary.field
    texts = {one.field: text_of(one, type_of(one.field).type) for one in said}
    at = next((moment for name in _EVENT_TIMES if (moment := moment_of(texts.get(name)))), None)
    first = said[0]
    return Event(record, name_of(RECORD_KINDS, first.kind), at, came_at(record), first.said_at, first.channel, texts)
