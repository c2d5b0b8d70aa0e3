"""Off hours: by the hours of duty where an account has them, else by the hours and days on which its person usually works."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from kehu.guard.watch.usual import Usual

_DAYS_LEARNT: Final = 10  # days of work before a person's own hours count; before that, the role's
_ROLE_LEARNT: Final = 30
_SELDOM: Final = 0.04  # share of days on which somebody works at that hour
_NEAR: Final = 0.15  # and at the hour before or after: whoever stays a little longer is not out of hours
_WEEKS_LEARNT: Final = 3
_SELDOM_DAY: Final = 0.15
_OFTEN: Final = 0.3


def hour_measure(hour: int) -> str:
    """Name of the share of working days on which somebody works in that hour (0 to 23)."""
    return f"hour-{hour:02}"


def weekday_measure(weekday: int) -> str:
    """Name of the share of weeks in which somebody works on that day (ISO, 1 is Monday)."""
    return f"weekday-{weekday}"


def unusual(usual: Usual, human: UUID, role: str, clock: datetime) -> bool:
    """Whether somebody seldom works at that time of day, or on that day of the week; False while nothing is known."""
    hour, day = clock.hour, clock.isoweekday()
    at = _share(usual, human, role, hour_measure(hour), _DAYS_LEARNT, _ROLE_LEARNT)
    if at is not None and at < _SELDOM:
        beside = (
            _share(usual, human, role, hour_measure((hour + step) % 24), _DAYS_LEARNT, _ROLE_LEARNT) for step in (-1, 1)
        )
        if max(one or 0.0 for one in beside) < _NEAR:
            return True
    on = _share(usual, human, role, weekday_measure(day), _WEEKS_LEARNT, _WEEKS_LEARNT * 5)
    return on is not None and on < _SELDOM_DAY


def _share(usual: Usual, human: UUID, role: str, measure: str, own_n: int, role_n: int) -> float | None:
    own, others = usual.own(human, measure), usual.role(role, measure)
    # somebody new who does work then need not wait until it is known how often
    if own and (own.n >= own_n or own.mean >= _OFTEN):
        return own.mean
    return others.mean if others and others.n >= role_n else None
