"""Walking: customer after customer in the order of their arrival, which is the order of their ids and mostly of their numbers.

Customers whom somebody opened are sorted by id; where no more than a few others lie between two of them they are
neighbours. A stretch of neighbours that was opened mostly in one direction is a walk. Work takes customers as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

SHORTEST: Final = 8  # customers
_GAP: Final = 3  # customers left out between two neighbours, at most
_ONE_WAY: Final = 0.8  # of the steps go in the same direction
_NEW: Final = timedelta(days=3)  # whoever has just arrived is dealt with in that order by anybody's work

_GAPS: Final = f"""
select (select count(*) from (select 1 from subject_state s where s.subject > w.low and s.subject < w.high
    and s.subject = s.customer and not s.hidden limit {_GAP + 1}) x)
from unnest(%s::uuid[], %s::uuid[]) with ordinality as w (low, high, n) order by w.n
"""


def longest_walk(raw: Connection[Any], visits: Mapping[UUID, tuple[datetime, datetime]]) -> list[UUID]:
    """The longest walk among these customers, each with its first look; empty: there is none."""
    customers = sorted(
        (one for one, (first, _) in visits.items() if first - arrived(one, first) > _NEW), key=lambda one: one.int
    )
    if len(customers) < SHORTEST:
        return []
    gaps = raw.execute(_GAPS, (customers[:-1], customers[1:])).fetchall()
    best: list[UUID] = []
    stretch = customers[:1]
    for one, (gap,) in zip(customers[1:], gaps, strict=True):
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


def _longer(best: list[UUID], stretch: list[UUID], visits: Mapping[UUID, tuple[datetime, datetime]]) -> list[UUID]:
    if len(stretch) < max(SHORTEST, len(best) + 1):
        return best
    ups = sum(visits[one][0] < visits[other][0] for one, other in pairwise(stretch))
    steps = len(stretch) - 1
    return stretch if max(ups, steps - ups) >= _ONE_WAY * steps else best
