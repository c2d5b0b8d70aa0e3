"""What became of cases, as figures without names: beside those of alerts (:mod:`kehu.guard.watch.figures`)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.watch.cases import FINDINGS
from kehu.guard.watch.figures import told
from kehu.guard.watch.kinds import STATES as ALERT_STATES


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cases of one department that closed within the year with one finding; ``count``: None where few people are behind it."""

    department: str
    finding: str
    count: int | None


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
        return [Outcome(slug, FINDINGS[finding - 1], told(n, people)) for slug, finding, n, people in cursor.fetchall()]


def alerts_waiting(reader: UUID) -> int:
    """How many alerts nobody has taken up, but those about the reader."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from watch_alert where state = %s and human <> %s", [ALERT_STATES["open"], reader]
        )
        [count] = cursor.fetchone()
    return int(count)
