"""Learning what is usual from days that are over, in the job's transaction; a day of which an alert stands teaches nothing.

Once such an alert is dismissed its day is learnt from, late; as a case it never is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.guard.watch.hours import hour_measure, weekday_measure
from kehu.guard.watch.kinds import STATES
from kehu.guard.watch.usual import Usual

# count by measure, as a day's row has it
DAY_MEASURES: Final = {
    "opened-day": "opened", "once-day": "once", "places-day": "places", "listed-day": "listed",
    "refused-day": "refused", "walked-day": "walked",
}  # fmt: skip
_KNOWN_FOR: Final = timedelta(days=28)  # a weekday without work counts as one while somebody was here lately
_MOST_DAYS: Final = 62  # after a long sleep of the system, so many weekdays are made up for

_STANDS: Final = (
    "exists (select 1 from watch_alert a where a.human = d.human and a.day = d.day"
    f" and a.state <> {STATES['dismissed']})"
)
# The first day that is not over wherever somebody works: one that still runs where they are is no day without work, and no
# day teaches before it was looked at with those before it.
_OVER: Final = """(select min((%(at)s::timestamptz at time zone z.zone)::date) from
    (select %(zone)s::text as zone union select s.zone from guard_staff s where s.is_active and s.zone <> '') z)"""
_DAYS: Final = f"""
select d.human, d.day, d.role, {", ".join("d." + name for name in DAY_MEASURES.values())}
from watch_day d where not d.taught and d.day < {_OVER} and not {_STANDS} order by d.day, d.human
"""
_HOURS: Final = """
select h.human, h.day, h.opened, h.listed, extract(hour from h.hour at time zone coalesce(nullif(s.zone, ''), %(zone)s))::int
from watch_hour h join guard_staff s on s.id = h.human
where (h.human, h.day) in (select * from unnest(%(humans)s::uuid[], %(days)s::date[]))
"""


def teach(raw: Connection[Any], *, at: datetime, zone: str) -> int:
    """Learn from every day that is over at a moment and not learnt from yet; returns how many days of people that were."""
    said = {"at": at, "zone": zone}
    with raw.cursor(binary=True) as cursor:
        days = cursor.execute(_DAYS, said).fetchall()
        free = _free_days(raw, at, zone)
        if not days and not free:
            return 0
        keys = {"humans": [row[0] for row in days], "days": [row[1] for row in days]}
        hours: dict[tuple[UUID, date], list[tuple[int, int, int]]] = defaultdict(list)
        for human, day, *counts in cursor.execute(_HOURS, said | keys):
            hours[human, day].append((counts[0], counts[1], counts[2]))
    usual = Usual(
        raw,
        {row[0] for row in days} | {row[0] for row in free},
        {row[2] for row in days} | {row[1] for row in free},
    )
    for human, day, role, *counts in days:
        for measure, count in zip(DAY_MEASURES, counts, strict=True):
            usual.learn(human, role, measure, math.log1p(count))
        worked = set()
        for opened, listed, hour in hours[human, day]:
            worked.add(hour)
            if opened:
                usual.learn(human, role, "opened-hour", math.log1p(opened))
            if listed:
                usual.learn(human, role, "listed-hour", math.log1p(listed))
        for hour in range(24):
            usual.learn(human, role, hour_measure(hour), float(hour in worked))
        usual.learn(human, role, weekday_measure(day.isoweekday()), 1.0)
    for human, role, day in free:
        usual.learn(human, role, weekday_measure(day.isoweekday()), 0.0)
    usual.save()
    raw.execute(
        "update watch_day d set taught = true from unnest(%s::uuid[], %s::date[]) t (human, day)"
        " where d.human = t.human and d.day = t.day",
        (keys["humans"], keys["days"]),
    )
    return len(days)


def days_over(raw: Connection[Any], *, at: datetime, zone: str) -> list[tuple[UUID, date]]:
    """Days of people that have ended since :func:`teach` was last at it, whether or not they teach; to be asked before it."""
    return raw.execute(
        f"select d.human, d.day from watch_day d, watch_position p where d.day < {_OVER}"
        " and d.day > coalesce(p.taught_on, '-infinity') order by d.day, d.human",
        {"at": at, "zone": zone},
    ).fetchall()


def _free_days(raw: Connection[Any], at: datetime, zone: str) -> list[tuple[UUID, str, date]]:
    """For each day since the last one learnt: who, lately here, did not work."""
    row = raw.execute(
        f"select p.taught_on, {_OVER}, (select min(day) from watch_day) from watch_position p", {"at": at, "zone": zone}
    ).fetchone()
    if row is None or row[2] is None:
        return []
    taught, end, first = row[0], row[1], row[2]
    start = max(first, taught + timedelta(days=1) if taught else first, end - timedelta(days=_MOST_DAYS))
    if start >= end:
        return []
    found = raw.execute(
        "select h.human, h.role, g.day::date from"
        " (select distinct on (human) human, role, min(day) over (partition by human) as first,"
        "  max(day) over (partition by human) as last from watch_day where day > %(start)s::date - 28"
        "  order by human, day desc) h"
        " join guard_staff s on s.id = h.human and s.is_active"
        " cross join generate_series(%(start)s::date, %(end)s::date - 1, interval '1 day') g (day)"
        " left join watch_day d on d.human = h.human and d.day = g.day::date"
        " where g.day::date >= h.first and g.day::date <= h.last + %(known)s::int"
        " and d.human is null order by g.day, h.human",
        {"start": start, "end": end, "known": _KNOWN_FOR.days},
    ).fetchall()
    raw.execute("update watch_position set taught_on = %s", (end - timedelta(days=1),))
    return found


def forget_old(raw: Connection[Any]) -> int:
    """Drop counts and what was learnt from them twelve months ago, and alerts closed three years ago; returns how many rows."""
    gone = 0
    for statement in (
        "delete from watch_hour where day < current_date - 366",
        "delete from watch_day where day < current_date - 366",
        "delete from watch_baseline where at < clock_timestamp() - interval '366 days'",
        "delete from watch_role_baseline where at < clock_timestamp() - interval '366 days'",
        # whoever left is no longer measured
        "delete from watch_baseline b using guard_staff s where s.id = b.human and not s.is_active",
    ):
        gone += raw.execute(statement).rowcount
    row = raw.execute("select forget_closed_alerts()").fetchone()
    return gone + int(row[0] if row else 0)
