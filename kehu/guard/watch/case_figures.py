"""Figures without names, for managers: alerts by department, kind and month, and what became of cases.

A cell is shown where it is about at least three different people; no sums stand beside cells, so that none can be told from
the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.watch.cases import FINDINGS
from kehu.guard.watch.kinds import KINDS
from kehu.guard.watch.kinds import STATES as ALERT_STATES

FEWEST: Final = 3  # different people
MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """Alerts of one kind in one department and month. ``count``: None where fewer than three people are behind it."""

    month: date
    department: str
    kind: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cases of one department that closed within the year with one finding; ``count`` as in :class:`Figure`."""

    department: str
    finding: str
    count: int | None


def figures(*, actor: Actor) -> list[Figure]:
    """Of the last twelve months, the newest month first.

    Raises:
        ActRefused: the role may not.
    """
    require_act("watch-figures", actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select date_trunc('month', a.day)::date, d.slug, a.kind, count(*), count(distinct a.human) from watch_alert a"
            " join guard_department d on d.id = a.department"
            " where a.day >= date_trunc('month', current_date) - make_interval(months => %s)"
            " group by 1, 2, 3 order by 1 desc, 2, 3",
            [MONTHS - 1],
        )
        return [
            Figure(month, slug, name_of(KINDS, kind), _shown(n, people))
            for month, slug, kind, n, people in cursor.fetchall()
        ]


def outcomes(*, actor: Actor) -> list[Outcome]:
    """What became of cases, by department.

    Raises:
        ActRefused: the role may not.
    """
    require_act("watch-figures", actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select d.slug, c.finding, count(*), count(distinct c.human) from watch_case c"
            " join guard_department d on d.id = c.department where c.closed_at > clock_timestamp() - interval '1 year'"
            " group by 1, 2 order by 1, 2"
        )
        return [
            Outcome(slug, FINDINGS[finding - 1], _shown(n, people)) for slug, finding, n, people in cursor.fetchall()
        ]


def alerts_waiting(reader: UUID) -> int:
    """How many alerts nobody has taken up, but those about the reader."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from watch_alert where state = %s and human <> %s", [ALERT_STATES["open"], reader]
        )
        [count] = cursor.fetchone()
    return int(count)


def _shown(count: int, people: int) -> int | None:
    return count if people >= FEWEST else None
