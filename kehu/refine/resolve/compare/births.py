"""Birth dates as people in China have them: in their resident number, and by the farmers' calendar (农历).

Many of the old keep that calendar and write its day into forms as if by the other one. A number whose check digit is right
says the day better than whoever typed it beside.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import Final

import polars as pl
from borax.calendars.lunardate import InvalidLunarDateError, LunarDate

from kehu.refine.resolve.compare.comparing import RESIDENT

_RESIDENT: Final = r"^[1-9][0-9]{16}[0-9x]$"
_SHAPED: Final = re.compile(_RESIDENT)
_LONGEST: Final = 50_000  # days kept: a century and a third


@functools.lru_cache(maxsize=_LONGEST)
def by_the_moon(day: str) -> str | None:
    """A day of eight digits in the farmers' calendar (GB/T 33661-2017), written in the same way; None where it is no day of
    1900 to 2100. A leap month is written as the month before it, as people do."""
    born = _day(day)
    try:
        told = LunarDate.from_solar(born) if born else None
    except InvalidLunarDateError:
        return None
    return f"{told.year:04d}{told.month:02d}{told.day:02d}" if told else None


def birth_of(number: str) -> str | None:
    """The birth date, of eight digits, in a resident number (GB 11643, lower case) whose check digit is right; else None."""
    if not _SHAPED.match(number):
        return None
    total = sum(weight * int(digit) for weight, digit in zip(RESIDENT.weights, number, strict=False))
    right = RESIDENT.checks[total % len(RESIDENT.checks)].lower() == number[-1]
    return number[6:14] if right and _day(number[6:14]) else None


def births_of(numbers: pl.Series) -> pl.Series:
    """As :func:`birth_of`, of many."""
    shaped = numbers.set(~numbers.str.contains(_RESIDENT).fill_null(value=False), None)
    if shaped.null_count() == len(shaped):
        return shaped
    number = pl.col(shaped.name)
    digits = (number.str.slice(at, 1).cast(pl.Int32) * weight for at, weight in enumerate(RESIDENT.weights))
    checks = list(RESIDENT.checks.lower())
    check = (pl.sum_horizontal(digits) % len(checks)).replace_strict(
        list(range(len(checks))), checks, default=None, return_dtype=pl.String
    )
    day = number.str.slice(6, 8)
    right = (check == number.str.tail(1)) & day.str.to_date("%Y%m%d", strict=False).is_not_null()
    return shaped.to_frame().select(pl.when(right).then(day)).to_series()


def _day(digits: str) -> dt.date | None:
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if len(digits) == 8 else None
    except ValueError:
        return None
