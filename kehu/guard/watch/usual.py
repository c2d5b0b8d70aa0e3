"""What is usual: for a person, learnt day by day, and for everybody of a role, by which a new person is judged.

Counts are taken as logarithms, so that twice as many weighs the same for the busy and the quiet. Means and spreads are
weighted to the last weeks. A day teaches only once it is over, and only if no alert of it stands: see :mod:`.teach`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

OWN_MEMORY: Final = 30  # days
ROLE_MEMORY: Final = 300  # days of people
_NEVER: Final = 30  # zeros, after which another one says no more
Z_USUAL: Final = 2.0  # "up to" in words: about 49 of 50 days


@dataclass(frozen=True, slots=True)
class Measure:
    """How a count is judged: never below ``floor``; ``z``: how many spreads above the mean is too much.

    ``narrowest``: the least spread believed; ``weight``: how many days of the role's count against a person's own;
    ``mean`` and ``spread``: believed where nothing is learnt yet.
    """

    floor: int
    z: float
    narrowest: float
    weight: float
    mean: float
    spread: float


MEASURES: Final[dict[str, Measure]] = {
    "opened-hour": Measure(20, 4.0, 0.45, 20, math.log1p(6), 0.8),
    "opened-day": Measure(30, 3.5, 0.30, 5, math.log1p(20), 0.8),
    "listed-hour": Measure(400, 4.0, 0.6, 20, math.log1p(60), 1.0),
    "listed-day": Measure(800, 3.5, 0.5, 5, math.log1p(150), 1.0),
    "once-day": Measure(12, 3.5, 0.35, 5, math.log1p(15), 0.8),
    "places-day": Measure(6, 3.5, 0.25, 5, math.log1p(6), 0.6),
    "refused-day": Measure(6, 3.5, 0.5, 5, math.log1p(1), 0.5),
    "walked-day": Measure(12, 3.5, 0.5, 5, math.log1p(1), 0.5),
}


@dataclass(slots=True)
class Learnt:
    """Mean and spread of a logarithm, weighted to the newest; ``n``: how often it learnt."""

    n: int
    mean: float
    spread: float

    def learn(self, value: float, memory: int) -> None:
        """One more; an outlier teaches no more than the edge of what is usual, once there is a usual."""
        if self.n >= 5:
            edge = Z_USUAL * max(self.spread, 0.2)
            value = min(max(value, self.mean - edge), self.mean + edge)
        self.n += 1
        share = max(1 / self.n, 1 / memory)
        away = value - self.mean
        self.mean += share * away
        self.spread = math.sqrt((1 - share) * (self.spread**2 + share * away * away))


@dataclass(frozen=True, slots=True)
class Judged:
    """A count against what is usual: ``limit`` is the most that passes; ``own`` and ``role`` the usual "up to" of both."""

    seen: int
    limit: int
    z: float
    own: int | None
    role: int | None

    @property
    def too_much(self) -> bool:
        """Whether it is beyond the limit."""
        return self.seen > self.limit


class Usual:
    """What is learnt of some people and their roles, as loaded; :meth:`save` writes what was learnt since."""

    def __init__(self, raw: Connection[Any], humans: Iterable[UUID], roles: Iterable[str]) -> None:
        self._raw = raw
        self._own: dict[tuple[UUID, str], Learnt] = {}
        self._role: dict[tuple[str, str], Learnt] = {}
        self._changed: set[tuple[Any, str]] = set()
        with raw.cursor(binary=True) as cursor:
            for human, measure, *held in cursor.execute(
                "select human, measure, n, mean, spread from watch_baseline where human = any (%s)",
                (list(set(humans)),),
            ):
                self._own[human, measure] = Learnt(*held)
            for role, measure, *held in cursor.execute(
                "select role, measure, n, mean, spread from watch_role_baseline where role = any (%s)",
                (sorted(set(roles)),),
            ):
                self._role[role, measure] = Learnt(*held)

    def own(self, human: UUID, measure: str) -> Learnt | None:
        """Learnt of the person."""
        return self._own.get((human, measure))

    def role(self, role: str, measure: str) -> Learnt | None:
        """Learnt of the role."""
        return self._role.get((role, measure))

    def pooled(self, human: UUID, role: str, measure: str) -> tuple[float, float]:
        """Mean and spread that a person is judged by: their own as far as it is learnt, the role's for the rest."""
        rule = MEASURES[measure]
        own, others = self.own(human, measure), self.role(role, measure)
        prior_mean, prior_spread = (
            (others.mean, others.spread) if others and others.n >= 5 else (rule.mean, rule.spread)
        )
        if own is None:
            return prior_mean, max(prior_spread, rule.narrowest)
        share = own.n / (own.n + rule.weight)
        mean = share * own.mean + (1 - share) * prior_mean
        between = share * (1 - share) * (own.mean - prior_mean) ** 2
        return mean, max(math.sqrt(share * own.spread**2 + (1 - share) * prior_spread**2 + between), rule.narrowest)

    def judge(self, human: UUID, role: str, measure: str, seen: int, *, shift: float = 0.0) -> Judged:
        """A count of a person; ``shift``: by how much, as a logarithm, the others of the role are above their usual now."""
        rule = MEASURES[measure]
        mean, spread = self.pooled(human, role, measure)
        mean += shift
        limit = max(rule.floor, math.floor(math.expm1(mean + rule.z * spread)))
        own, others = self.own(human, measure), self.role(role, measure)
        return Judged(seen, limit, (math.log1p(seen) - mean) / spread, _up_to(own), _up_to(others))

    def learn(self, human: UUID, role: str, measure: str, value: float) -> None:
        """Learn one value for the person and for the role."""
        own = self._own.setdefault((human, measure), Learnt(0, 0.0, 0.0))
        others = self._role.setdefault((role, measure), Learnt(0, 0.0, 0.0))
        for key, held, memory in (((human, measure), own, OWN_MEMORY), ((role, measure), others, ROLE_MEMORY)):
            if value == held.mean == held.spread == 0.0 and held.n >= _NEVER:
                continue  # the hours of the night, day after day: nothing new, and not written again
            held.learn(value, memory)
            self._changed.add(key)

    def save(self) -> None:
        """Write what was learnt, in the caller's transaction."""
        own = [(*key, held.n, held.mean, held.spread) for key, held in self._own.items() if key in self._changed]
        role = [(*key, held.n, held.mean, held.spread) for key, held in self._role.items() if key in self._changed]
        for table, key, rows in (("watch_baseline", "human", own), ("watch_role_baseline", "role", role)):
            kind = "uuid" if key == "human" else "text"
            if rows:
                self._raw.execute(
                    f"insert into {table} ({key}, measure, n, mean, spread) select * from"
                    f" unnest(%s::{kind}[], %s::text[], %s::int[], %s::float8[], %s::float8[])"
                    f" on conflict ({key}, measure) do update set n = excluded.n, mean = excluded.mean,"
                    " spread = excluded.spread, at = clock_timestamp()",
                    [list(column) for column in zip(*rows, strict=True)],
                )
        self._changed.clear()


def shift_of(values: Sequence[float]) -> float:
    """By how much the others of a role are above their usual now: the median, where there are five of them; never below."""
    if len(values) < 5:
        return 0.0
    ordered = sorted(values)
    return max(0.0, ordered[len(ordered) // 2])


def _up_to(held: Learnt | None) -> int | None:
    return None if held is None else max(0, round(math.expm1(held.mean + Z_USUAL * held.spread)))
