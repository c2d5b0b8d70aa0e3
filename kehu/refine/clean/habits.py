"""The habits of columns: read once over a file, so that an ambiguous date follows its column and not its row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from kehu.refine.clean.dates import AMBIGUOUS
from kehu.refine.clean.numbers import DECIMAL_COMMA
from kehu.refine.clean.status import Habits

NUMBERS: Final = ("decimal", "integer")
DATES: Final = ("date", "datetime")


def survey(frames: Iterable[pl.DataFrame], columns: Mapping[str, str]) -> Habits:
    """Habits of a whole file (or of as much of it as `frames` give), whose columns are named by dictionary field.

    A column that says `25/12/1990` anywhere writes the day first; where both orders occur the more frequent one counts;
    where neither does, `clean` follows the country. A comma is decimal where some value can be read in no other way.
    """
    dates = [name for name, kind in columns.items() if kind in DATES]
    numbers = [name for name, kind in columns.items() if kind in NUMBERS]
    votes = dict.fromkeys(dates, (0, 0))
    commas: dict[str, tuple[int, int]] = dict.fromkeys(numbers, (0, 0))
    for frame in frames:
        for name in dates:
            if name in frame.columns:
                first, second = _orders(frame[name])
                votes[name] = (votes[name][0] + first, votes[name][1] + second)
        for name in numbers:
            if name in frame.columns:
                comma = _count(frame[name], DECIMAL_COMMA)
                point = _count(frame[name], r"\d,\d{3}\.\d|^[^,]*\d\.(?:\d{1,2}|\d{4,})\D*$")
                commas[name] = (commas[name][0] + comma, commas[name][1] + point)
    return Habits(
        {name: first > second for name, (first, second) in votes.items() if first != second},
        frozenset(name for name, (comma, point) in commas.items() if comma > point),
    )


def _orders(values: pl.Series) -> tuple[int, int]:
    """How many values can only be read day first, and how many only month first."""
    parts = values.str.strip_chars().str.extract_groups(AMBIGUOUS).struct.unnest()
    first, second = (parts[name].cast(pl.Int32, strict=False) for name in ("1", "2"))
    return (
        int(((first > 12) & (first <= 31) & (second <= 12)).sum()),
        int(((second > 12) & (second <= 31) & (first <= 12)).sum()),
    )


def _count(values: pl.Series, pattern: str) -> int:
    return int(values.str.contains(pattern).sum() or 0)
