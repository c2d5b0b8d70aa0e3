"""What waits in the review queue, for whom, and how far a day has come. Ids and numbers only; nothing is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.refine.models import OPEN

PRIVACY_ROLES: Final = frozenset({"privacy", "owner"})
"""Who answers where three others did not settle it."""
# Bits: the model rather says two, is near even, rather says one.
BANDS: Final[Mapping[str, tuple[float | None, float | None]]] = {
    "two": (None, -1.0), "even": (-1.0, 3.0), "one": (3.0, None),
}  # fmt: skip

_WAITING: Final = """
from refine_proposal p join subject_state a on a.subject = p.older join subject_state b on b.subject = p.younger
where p.state in ('open', 'second', 'third', 'privacy') and a.customer <> b.customer and not a.hidden and not b.hidden
    and (%(kind)s::int is null or a.kind = %(kind)s)
    and (%(since)s::timestamptz is null or p.found_at >= %(since)s)
    and (%(low)s::float8 is null or coalesce(p.weight, 0) >= %(low)s)
    and (%(high)s::float8 is null or coalesce(p.weight, 0) < %(high)s)
    and (%(channel)s::int is null or exists (select 1 from record r
        where r.subject in (p.older, p.younger) and r.channel = %(channel)s and not r.hidden))
    and (%(by)s::uuid is null or not exists (select 1 from refine_answer n
        where n.proposal = p.id and n.by = %(by)s and n.withdrawn_at is null))
    and (p.state <> 'privacy' or %(settles)s)
"""
_COLUMNS: Final = (
    "p.id, a.customer, b.customer, p.weight, p.found_at, p.state, p.value, a.kind,"
    " (select count(*) from refine_answer n where n.proposal = p.id and n.withdrawn_at is null)"
)
_TODAY: Final = """
select count(*) filter (where n.by = %(by)s), count(*) from refine_answer n
where n.at >= %(morning)s and n.withdrawn_at is null
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question: are these two customers one? ``weight`` in bits: 0 is even odds of the model, 10 is a thousand to one.

    ``older`` and ``younger`` are the customers as they are now; opening them goes through the gate like any read.
    ``answers``: how many people have answered so far; ``value``: what an answer is worth
    (:mod:`kehu.refine.resolve.review.worth`).
    """

    id: UUID
    older: UUID
    younger: UUID
    weight: float | None
    found_at: datetime
    state: str = OPEN
    value: float = 0.0
    kind: int = 1
    answers: int = 0

    @property
    def round(self) -> int:
        """Which answer is wanted: the first is 1."""
        return self.answers + 1


@dataclass(frozen=True, slots=True)
class Sought:
    """Which questions are wanted. ``by``: a person, who is asked nothing twice; ``settles``: they may settle for others."""

    kind: int | None = None
    channel: int | None = None
    since: datetime | None = None
    band: str | None = None
    by: UUID | None = None
    settles: bool = True

    def values(self) -> dict[str, Any]:
        """For the statements of this module."""
        low, high = BANDS.get(self.band or "", (None, None))
        return {
            "kind": self.kind, "channel": self.channel, "since": self.since, "low": low, "high": high, "by": self.by,
            "settles": self.settles,
        }  # fmt: skip


EVERYTHING: Final = Sought()


@dataclass(frozen=True, slots=True)
class Day:
    """How far today has come: answers of one person and of all, and what still waits for that person."""

    own: int
    all: int
    waiting: int
    whole: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", self.all + self.waiting)


def open_proposals(
    *, limit: int = 100, after: tuple[float, UUID] | None = None, sought: Sought = EVERYTHING
) -> list[Proposal]:
    """What waits, the worthiest answer first.

    Args:
        after: value and id of the last one of the page before.
    """
    place = {"value": after[0] if after else None, "id": after[1] if after else None, "limit": limit}
    # the bound beside it is what the index is entered by
    behind = " and p.value <= %(value)s and (p.value < %(value)s or p.id > %(id)s::uuid)" if after else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {_COLUMNS} {_WAITING}{behind} order by p.value desc, p.id limit %(limit)s",
            sought.values() | place,
        )
        return [Proposal(*row) for row in cursor.fetchall()]


def before(value: float, id: UUID, *, sought: Sought) -> Proposal | None:
    """The one before a place in the queue."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {_COLUMNS} {_WAITING} and p.value >= %(value)s::float8"
            " and (p.value > %(value)s or p.id < %(id)s::uuid)"
            " order by p.value, p.id desc limit 1",
            sought.values() | {"value": value, "id": id},
        )
        row = cursor.fetchone()
    return Proposal(*row) if row else None


def proposal_of(id: UUID) -> Proposal | None:
    """One that waits, whoever answered it."""
    with connection.cursor() as cursor:
        cursor.execute(f"select {_COLUMNS} {_WAITING} and p.id = %(id)s", EVERYTHING.values() | {"id": id})
        row = cursor.fetchone()
    return Proposal(*row) if row else None


def count_waiting(sought: Sought = EVERYTHING) -> int:
    """How many of these wait."""
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) {_WAITING}", sought.values())
        return int(cursor.fetchone()[0])


def today(by: UUID, *, sought: Sought) -> Day:
    """How far today has come for one person."""
    morning = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
    with connection.cursor() as cursor:
        cursor.execute(_TODAY, {"by": by, "morning": morning})
        own, every = cursor.fetchone()
    return Day(own, every, count_waiting(sought))
