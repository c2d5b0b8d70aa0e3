"""Alerts as figures without names, for whoever leads: by department, kind and month; few are not told apart from none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from kehu.govern.slugs import name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.watch.kinds import KINDS

FEWEST: Final = 3
"""Different people; a count with fewer behind it is not told: one person's many alerts are one person's."""
_MONTHS: Final = timedelta(days=183)


@dataclass(frozen=True, slots=True)
class Figure:
    """How many alerts a department had of a kind in a month; None: fewer people than :data:`FEWEST`."""

    department: str
    kind: str
    month: date
    alerts: int | None
    dismissed: int | None
    cases: int | None


def figures(*, actor: Actor, since: date | None = None) -> list[Figure]:
    """By department, kind and month, the newest first; the last half-year, or since the month of a day.

    Each month is told as a whole: two answers that begin a day apart would tell by their difference what one person did.

    Raises:
        ActRefused: the role may not see them.
    """
    require_act("watch-figures", actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select d.slug, a.kind, date_trunc('month', a.day)::date, count(*), count(distinct a.human),"
            " count(*) filter (where a.state = 2), count(distinct a.human) filter (where a.state = 2),"
            " count(*) filter (where a.state = 3), count(distinct a.human) filter (where a.state = 3)"
            " from watch_alert a join guard_department d on d.id = a.department"
            " where a.day >= %s group by 1, 2, 3 order by 3 desc, 1, 2",
            [(since or timezone.now().date() - _MONTHS).replace(day=1)],
        )
        return [
            Figure(slug, name_of(KINDS, kind), month, told(n, of), told(dismissed, of_these), told(cases, of_those))
            for slug, kind, month, n, of, dismissed, of_these, cases, of_those in cursor.fetchall()
        ]


def told(count: int, people: int) -> int | None:
    """A count as it may be told, by how many people are behind it."""
    return count if people >= FEWEST else None
