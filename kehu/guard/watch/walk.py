"""Walking: customer after customer in the order of their arrival, which is the order of their ids and mostly of their numbers.

Customers whom somebody opened are sorted by id; where no more than a few others lie between two of them they are
neighbours. A stretch of neighbours that was opened mostly in one direction is a walk. Work takes customers as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

Visits = Mapping[UUID, tuple[datetime, datetime]]
"""Customers, each with the first and last look at them."""

SHORTEST: Final = 8  # customers
_GAP: Final = 3  # customers left out between two neighbours, at most
_ONE_WAY: Final = 0.8  # of the steps go in the same direction
_NEW: Final = timedelta(days=3)  # whoever has just arrived is dealt with in that order by anybody's work

_GAPS: Final = f"""
select (select count(*) from (select 1 from subject_state s where s.subject > w.low and s.subject < w.high
    and s.subject = s.customer and not s.hidden limit {_GAP + 1}) x)
from unnest(%b::uuid[], %b::uuid[]) with ordinality as w (low, high, n) order by w.n
"""


def longest_walks(raw: Connection[Any], people: Sequence[Visits]) -> list[list[UUID]]:
    """For each person the longest walk among the customers they visited, with their first looks; empty: there is none.

    All are asked about in one statement.
    """
    ordered = [_in_order(visits) for visits in people]
    low = [one for held in ordered for one in held[:-1]]
    high = [one for held in ordered for one in held[1:]]
    found = raw.execute(_GAPS, (low, high)).fetchall() if low else []
    gaps = iter(gap for (gap,) in found)
    return [
        _longest(held, [next(gaps) for _ in held[1:]], visits) for held, visits in zip(ordered, people, strict=True)
    ]


def _in_order(visits: Visits) -> list[UUID]:
    """Customers in the order of their arrival, without those who had just come; none where they are too few for a walk."""
    held = sorted(
        (one for one, (first, _) in visits.items() if first - arrived(one, first) > _NEW), key=lambda one: one.int
    )
    return held if len(held) >= SHORTEST else []


def _longest(customers: Sequence[UUID], gaps: Sequence[int], visits: Visits) -> list[UUID]:
    best: list[UUID] = []
    stretch = list(customers[:1])
    for one, gap in zip(customers[1:], gaps, strict=True):
        if gap <= _GAP:
            stretch.append(one)
            continue
        best = _longer(best, stretch, visits)
        stretch = [one]
    return _longer(best, stretch, visits)


def arrived(customer: UUID, otherwise: datetime) -> datetime:
    """When a customer came in, as their id says (UUIDv7, RFC 9562); ``otherwise`` where it is of another kind."""
    if customer.version != 7:
        return datetime.fromtimestamp(0, otherwise.tzinfo)
    return datetime.fromtimestamp((customer.int >> 80) / 1_000, otherwise.tzinfo)


def _longer(best: list[UUID], stretch: list[UUID], visits: Visits) -> list[UUID]:
    if len(stretch) < max(SHORTEST, len(best) + 1):
        return best
    ups = sum(visits[one][0] < visits[other][0] for one, other in pairwise(stretch))
    steps = len(stretch) - 1
    return stretch if max(ups, steps - ups) >= _ONE_WAY * steps else best
