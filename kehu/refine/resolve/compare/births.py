"""Birth dates as people in China have them: in their resident number, and by the farmers' calendar (农历).

Many of the old keep that calendar and write its day into forms as if by the other one. A number whose check digit is right
says the day better than whoever typed it beside.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Final

import polars as pl
from borax.calendars.lunardate import InvalidLunarDateError, LunarDate

from kehu.refine.clean.identifiers import cn_resident, cn_residents

_LONG: Final = 18  # characters of a number as cleaning leaves it
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
    """The birth date, of eight digits, in a resident number (GB 11643) whose check digit is right; else None."""
    held = cn_resident(number.upper(), dt.date.max) if len(number) == _LONG else None
    return held[6:14] if held else None


def births_of(numbers: pl.Series) -> pl.Series:
    """As :func:`birth_of`, of many."""
    return cn_residents(numbers.str.to_uppercase(), dt.date.max).str.slice(6, 8)


def _day(digits: str) -> dt.date | None:
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if len(digits) == 8 else None
    except ValueError:
        return None
