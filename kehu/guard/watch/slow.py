"""What no single day shows: a little more each day, or a walk of a few customers a day. Looked for when a day is over."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.guard.watch.days import OPENS, customers_of
from kehu.guard.watch.detect import Finding
from kehu.guard.watch.kinds import KINDS
from kehu.guard.watch.walk import longest_walks

_BACK: Final = timedelta(days=60)
_RECENT: Final = 7  # days of work
_EARLIER: Final = 12  # days of work before those, at least
_Z: Final = 3.5
_GROWN: Final = 1.4  # times as many
_QUIET: Final = 14  # days after which the same is told again
_WALK_DAYS: Final = 9
_EVERY: Final = 3  # days: reading so many of them again is most of what a day's end costs
_WALK: Final = 15  # customers

Closed = tuple[UUID, date]
"""A person and a day that is over."""

_HISTORY: Final = """
select human, role, day, opened from watch_day where day > %s and day <= %s and opened > 0
    and role in (select role from watch_day where human = any (%s)) order by human, day
"""
_TOLD: Final = """
select human from watch_alert where human = any (%s) and kind = %s and day > %s::date - %s and day <= %s
    and (%s::text is null or evidence @> jsonb_build_object('found', jsonb_build_array(jsonb_build_object('measure', %s::text))))
"""
_OPENED: Final = """
select e.seq, e.human, e.at from ledger_entry e
where e.human = any (%s) and e.at >= %s and e.at < %s and e.action = any (%s) order by e.at
"""


def slow_findings(raw: Connection[Any], closed: Sequence[Closed], zone: str) -> list[tuple[UUID, date, Finding]]:
    """What the days that have just ended show together with those before them."""
    found: list[tuple[UUID, date, Finding]] = []
    by_day: dict[date, list[Closed]] = defaultdict(list)
    for one in closed:
        by_day[one[1]].append(one)
    for day, ended in sorted(by_day.items()):
        found += _drifts(raw, day, ended)
        if day.toordinal() % _EVERY == 0:
            found += _walks(raw, day, ended, zone)
    return found


def _drifts(raw: Connection[Any], day: date, ended: Sequence[Closed]) -> list[tuple[UUID, date, Finding]]:
    humans = [one[0] for one in ended]
    with raw.cursor(binary=True) as cursor:
        days: dict[UUID, list[tuple[date, float]]] = defaultdict(list)
        roles: dict[UUID, str] = {}
        for human, role, on, opened in cursor.execute(_HISTORY, (day - _BACK, day, humans)):
            days[human].append((on, math.log1p(opened)))
            roles[human] = role
    risen = {
        human: (_mean(held[-_RECENT:]), _mean(held[:-_RECENT]))
        for human, held in days.items()
        if len(held) >= _RECENT + _EARLIER
    }
    known = _told(raw, humans, "volume", day, "opened-drift") | _told(raw, humans, "volume", day, None, within=1)
    found = []
    for human in humans:
        if human not in risen or human in known or days[human][-1][0] != day:
            continue
        recent, earlier = risen[human]
        others = [r - e for one, (r, e) in risen.items() if one != human and roles[one] == roles[human]]
        shift = max(0.0, statistics.median(others)) if len(others) >= 5 else 0.0
        before = [value for _, value in days[human][:-_RECENT]]
        spread = max(statistics.stdev(before), 0.2) * math.sqrt(1 / _RECENT + 1 / len(before))
        if recent - earlier - shift > _Z * spread and math.exp(recent - earlier - shift) >= _GROWN:
            said = {
                "measure": "opened-drift", "seen": round(math.expm1(recent)), "own": round(math.expm1(earlier)),
                "days": _RECENT, "from": days[human][-_RECENT][0].isoformat(), "to": day.isoformat(),
            }  # fmt: skip
            found.append((human, day, Finding("volume", max(1, round(math.expm1(recent))), {"found": [said]})))
    return found


def _walks(raw: Connection[Any], day: date, ended: Sequence[Closed], zone: str) -> list[tuple[UUID, date, Finding]]:
    humans = [one[0] for one in ended]
    humans = list(set(humans) - _told(raw, humans, "sequential", day, None))
    row = raw.execute(
        "select (%s::date + 1)::timestamp at time zone %s, (%s::date - %s::int)::timestamp at time zone %s",
        (day, zone, day, _WALK_DAYS - 1, zone),
    ).fetchone()
    assert row is not None
    visits: dict[UUID, dict[UUID, tuple[datetime, datetime]]] = defaultdict(dict)
    rows: dict[tuple[UUID, UUID], int] = {}
    with raw.cursor(binary=True) as cursor:
        opened = cursor.execute(_OPENED, (humans, row[1], row[0], list(OPENS))).fetchall()
        customers, _ = customers_of(cursor, [one[0] for one in opened])
    for seq, human, at in opened:
        for customer in customers.get(seq, ()):
            first, _ = visits[human].setdefault(customer, (at, at))
            visits[human][customer] = (first, at)
            rows.setdefault((human, customer), seq)
    found = []
    people = list(visits.items())
    for (human, held), walk in zip(people, longest_walks(raw, [one for _, one in people]), strict=True):
        if len(walk) >= _WALK:
            times = [held[one][0] for one in walk]
            evidence = {
                "found": [{"measure": "walked-week", "seen": len(walk), "days": _WALK_DAYS}],
                "rows": [rows[human, one] for one in walk], "of": len(walk), "since": min(times).isoformat(),
                "until": max(times).isoformat(),
            }  # fmt: skip
            found.append((human, day, Finding("sequential", len(walk), evidence)))
    return found


def _told(
    raw: Connection[Any], humans: Sequence[UUID], kind: str, day: date, measure: str | None, *, within: int = _QUIET
) -> set[UUID]:
    """Of whom the same was told lately."""
    rows = raw.execute(_TOLD, (list(humans), KINDS[kind], day, within, day, measure, measure)).fetchall()
    return {row[0] for row in rows}


def _mean(held: Sequence[tuple[date, float]]) -> float:
    return statistics.fmean(value for _, value in held)
