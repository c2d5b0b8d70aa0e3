"""One day of one person against what is usual: what is worth an alert, with the counts that say why."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kehu.guard.watch.days import BREAKS_GLASS, OPENS, Day, Hour, Row
from kehu.guard.watch.hours import unusual
from kehu.guard.watch.kinds import HIGH, MEDIUM
from kehu.guard.watch.usual import Judged, Usual

FEWEST_OFF_HOURS: Final = 3  # customers opened off hours on a day, before it is told
_MANY_OFF_HOURS: Final = 10
_BREADTH: Final = 3.5  # of both scores together; each of them at least half a spread above the usual
_FAR_BEYOND: Final = 3.0  # times the limit

Shift = Callable[[Day, str, datetime | None], float]
Marks = Mapping[UUID, Sequence[tuple[str, UUID | None]]]
"""Marks of customers: their kinds, and of a colleague the account."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an alert is raised with; ``count`` is how much of it there was on the day."""

    kind: str
    count: int
    evidence: dict[str, Any]
    severity: int | None = None


def settle_off_hours(day: Day, usual: Usual) -> None:
    """Where an account has no hours of duty, what is off hours is told by when its person works."""
    if day.has_duty:
        return
    for row in day.rows:
        if row.action in OPENS and not row.refused and unusual(usual, day.human, day.role, row.clock):
            day.hours[row.hour].off_hours.update(row.customers)


def findings(day: Day, usual: Usual, shift: Shift, marks: Marks) -> list[Finding]:
    """Everything that a day gives rise to."""
    found = [_volume(day, usual, shift), _breadth(day, usual, shift), _denials(day, usual), _off_hours(day)]
    found += [_walk(day, usual), _glass(day), *_marked(day, marks)]
    return [one for one in found if one is not None]


def _volume(day: Day, usual: Usual, shift: Shift) -> Finding | None:
    told: list[tuple[Judged, dict[str, Any], list[int]]] = []
    for starts, hour in sorted(day.hours.items()):
        for measure, seen in (("opened-hour", len(hour.opened)), ("listed-hour", len(hour.listed))):
            judged = _judge(day, usual, shift, measure, seen, starts)
            if judged.too_much:
                told.append((judged, _said(measure, judged, hour=starts.isoformat()), _opening(day, hour)))
    for measure, seen in (("opened-day", len(day.visits)), ("listed-day", len(day.listed))):
        judged = _judge(day, usual, shift, measure, seen, None)
        if judged.too_much:
            told.append((judged, _said(measure, judged), [row.seq for row in day.rows if not row.probes]))
    if not told:
        return None
    told.sort(key=lambda one: one[0].seen / one[0].limit, reverse=True)
    worst = told[0][0]
    severity = HIGH if worst.seen >= _FAR_BEYOND * worst.limit else None
    rows = _rows(day, told[0][2])
    return Finding(
        "volume", max(one[0].seen for one in told), {"found": [one[1] for one in told[:4]], **rows}, severity
    )


def _breadth(day: Day, usual: Usual, shift: Shift) -> Finding | None:
    once = day.once
    many = usual.judge(day.human, day.role, "once-day", len(once))
    wide = usual.judge(day.human, day.role, "places-day", day.places)
    if len(once) <= 12 or day.places <= 6 or _together(many, wide) <= _BREADTH:
        return None
    many = usual.judge(day.human, day.role, "once-day", len(once), shift=shift(day, "once-day", None))
    wide = usual.judge(day.human, day.role, "places-day", day.places, shift=shift(day, "places-day", None))
    if _together(many, wide) <= _BREADTH:
        return None
    seen = set(once)
    rows = [row.seq for row in day.rows if row.action in OPENS and seen.intersection(row.customers)]
    evidence = {"found": [_said("once-day", many), _said("places-day", wide)], **_rows(day, rows)}
    return Finding("breadth", len(once), evidence)


def _together(many: Judged, wide: Judged) -> float:
    return (many.z + wide.z) / math.sqrt(2) if min(many.z, wide.z) > 0.5 else 0.0


def _denials(day: Day, usual: Usual) -> Finding | None:
    judged = usual.judge(day.human, day.role, "refused-day", len(day.probes))
    if not judged.too_much:
        return None
    customers = {one for one, _ in day.probes if one is not None}
    said = _said("refused-day", judged) | {"customers": len(customers), "questions": len({q for _, q in day.probes})}
    return Finding("denials", judged.seen, {"found": [said], **_rows(day, day.probes.values())})


def _off_hours(day: Day) -> Finding | None:
    count = day.off_hours
    if count < FEWEST_OFF_HOURS:
        return None
    hours = {starts: hour for starts, hour in day.hours.items() if hour.off_hours}
    said = {
        "measure": "off-hours", "seen": count, "by": "duty" if day.has_duty else "habit",
        "hours": [starts.isoformat() for starts in sorted(hours)],
    }  # fmt: skip
    off = {starts: hour.off_hours for starts, hour in hours.items()}
    rows = [
        row.seq for row in day.rows
        if row.action in OPENS and off.get(row.hour, set()).intersection(row.customers)
    ]  # fmt: skip
    severity = MEDIUM if count >= _MANY_OFF_HOURS else None
    return Finding("off-hours", count, {"found": [said], **_rows(day, rows)}, severity)


def _walk(day: Day, usual: Usual) -> Finding | None:
    judged = usual.judge(day.human, day.role, "walked-day", day.walked)
    if not judged.too_much:
        return None
    return Finding("sequential", day.walked, {"found": [_said("walked-day", judged)], **_rows(day, day.walked_rows)})


def _glass(day: Day) -> Finding | None:
    rows = [row.seq for row in day.rows if row.action == BREAKS_GLASS and not row.refused]
    if not rows:
        return None
    said = {"measure": "break-glass", "seen": len(rows)}
    return Finding("break-glass", len(rows), {"found": [said], **_rows(day, rows)})


def _marked(day: Day, marks: Marks) -> list[Finding]:
    held: dict[str, list[tuple[Row, UUID]]] = {}
    if not marks:
        return []
    for row in day.rows:
        if not row.looks:
            continue
        for one in row.customers:
            for kind, staff in marks.get(one, ()):
                if kind == "honey" and row.action not in OPENS:
                    continue  # a search may meet it by chance
                held.setdefault("self" if staff == day.human else kind, []).append((row, one))
    return [_of_mark(day, kind, looks) for kind, looks in held.items()]


def _of_mark(day: Day, kind: str, looks: Sequence[tuple[Row, UUID]]) -> Finding:
    rows = {row.seq: row for row, _ in looks}
    customers = {one for _, one in looks}
    said = {
        "measure": kind, "seen": len(rows), "customers": len(customers),
        "refused": sum(row.refused for row in rows.values()),
    }  # fmt: skip
    severity = MEDIUM if kind == "vip" and len(customers) >= 3 else None
    return Finding(kind, len(rows), {"found": [said], **_rows(day, rows)}, severity)


def _judge(day: Day, usual: Usual, shift: Shift, measure: str, seen: int, hour: datetime | None) -> Judged:
    judged = usual.judge(day.human, day.role, measure, seen)
    if not judged.too_much:
        return judged  # whether everybody has a busy day is asked only where it matters
    return usual.judge(day.human, day.role, measure, seen, shift=shift(day, measure, hour))


def _said(measure: str, judged: Judged, **more: Any) -> dict[str, Any]:
    said = {"measure": measure, "seen": judged.seen, "limit": judged.limit, "own": judged.own, "role": judged.role}
    return said | more


def _rows(day: Day, rows: Iterable[int]) -> dict[str, Any]:
    named = set(rows)
    times = [row.at for row in day.rows if row.seq in named]
    return {
        "rows": sorted(named), "of": len(named), "since": min(times).isoformat(), "until": max(times).isoformat(),
    }  # fmt: skip


def _opening(day: Day, hour: Hour) -> list[int]:
    held = set(hour.rows)
    return [row.seq for row in day.rows if row.seq in held and not row.probes]
