"""Counting a term: from which day, in which units, in whose zone, and where a last day off moves to.

A term in days ends with its last day, at midnight of the law's own zone; one in hours ends at that very minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from kehu.govern.laws import add_months
from kehu.govern.packs import Term
from kehu.govern.workdays import Workdays, workdays

_LAST: Final = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a law counts. ``zone``: whose midnight ends a day; ``calendar``: whose days off it knows."""

    first: Literal["day-after", "same-day"]
    roll: bool
    zone: str
    calendar: str

    def day_of(self, at: datetime) -> date:
        """The day of a moment where the law is at home."""
        return at.astimezone(ZoneInfo(self.zone)).date()


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which a clock stood; ``end`` None: it stands still."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """When a term ends.

    ``moved_from``: the day off on which it would have ended. ``provisional``: it reaches a year whose days off are not
    announced yet.
    """

    at: datetime
    day: date
    moved_from: date | None = None
    provisional: bool = False


def due(term: Term, start: datetime, rule: Rule, *, pauses: Sequence[Pause] = (), now: datetime | None = None) -> Due:
    """When a term that began with an event at ``start`` ends.

    A pause moves the end by as many days (working days of a term in working days) as it lasted; one that has not ended
    lasts until ``now``.

    Raises:
        ValueError: the term has no number, or a time has no zone.
    """
    if start.tzinfo is None:
        raise ValueError("a clock starts at a time with a zone")
    if not term.counted:
        raise ValueError("at once and without delay end on no day that can be counted")
    if term.unit == "hour":
        at = (start.astimezone(UTC) + timedelta(hours=term.n) + _stood(pauses, now)).astimezone(ZoneInfo(rule.zone))
        return Due(at, at.date())
    days = workdays(rule.calendar)
    last = _moved(_last_day(term, rule.day_of(start), rule, days), term, pauses, rule, days, now)
    day = days.rolled(last) if rule.roll else last
    moved_from = last if day != last else None
    asks_calendar = term.unit == "workday" or rule.roll
    at = datetime.combine(day, _LAST, ZoneInfo(rule.zone))
    return Due(at, day, moved_from, provisional=asks_calendar and not days.known(day))


def longer(term: Term, more: Term) -> Term:
    """A term and its extension, counted from the same event as one.

    Raises:
        ValueError: they are counted in different units.
    """
    if term.unit != more.unit:
        raise ValueError("an extension is counted as the term is")
    return Term(n=term.n + more.n, unit=term.unit)


def _last_day(term: Term, received: date, rule: Rule, days: Workdays) -> date:
    counts_first = rule.first == "same-day"
    if term.unit == "workday":
        # where the day of receipt is day 1, the first working day from it on is
        return days.after(received - timedelta(1) if counts_first else received, term.n)
    if term.unit == "month":
        return add_months(received, term.n) - timedelta(1 if counts_first else 0)
    return received + timedelta(term.n - (1 if counts_first else 0))


def _moved(last: date, term: Term, pauses: Sequence[Pause], rule: Rule, days: Workdays, now: datetime | None) -> date:
    for pause in pauses:
        begun, ended = rule.day_of(pause.start), rule.day_of(pause.end or now or pause.start)
        if term.unit == "workday":
            last = days.after(last, days.between(begun, ended))
        else:
            last += timedelta((ended - begun).days)
    return last


def _stood(pauses: Sequence[Pause], now: datetime | None) -> timedelta:
    return sum(((pause.end or now or pause.start) - pause.start for pause in pauses), timedelta())
