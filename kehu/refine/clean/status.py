"""How a cleaned value stands, and what each normaliser is given and gives back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

ABSENT: Final = 0
VALID: Final = 1
INVALID: Final = 2
"""Kept as given; no normalised form."""
UNVERIFIED: Final = 3
"""Normalised, but no rule vouches for it: serves linkage, is no exact key."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a column as a whole writes what one value leaves open.

    `day_first`: by column, whether `3/5/1990` is the third of May. `decimal_comma`: columns where `1,5` is a half more
    than one.
    """

    day_first: Mapping[str, bool] = field(default_factory=dict)
    decimal_comma: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Normalised strings and statuses of one column. A status is VALID or UNVERIFIED exactly where a string stands."""

    normal: pl.Series
    status: pl.Series


@dataclass(frozen=True, slots=True)
class Context:
    """What a normaliser may know beside its own column: each row's country (ISO alpha-2 or null), the day."""

    countries: pl.Series
    habits: Habits
    today: dt.date


def settle(given: pl.Series, normal: pl.Series, status: pl.Series | None = None) -> Cleaned:
    """Statuses that follow from what is given and what became of it; `status` refines those with a normalised form."""
    has_normal, has_given = normal.is_not_null(), given.is_not_null()
    frame = pl.DataFrame({"n": has_normal, "g": has_given, "s": status if status is not None else has_normal})
    fine = pl.col("s").cast(pl.Int8) if status is not None else pl.lit(VALID, pl.Int8)
    settled = frame.select(
        pl.when("n").then(fine).when("g").then(pl.lit(INVALID, pl.Int8)).otherwise(pl.lit(ABSENT, pl.Int8))
    ).to_series()
    return Cleaned(normal.alias("n"), settled.alias("s"))


def per_value(values: pl.Series, work: Callable[[str], str | None]) -> pl.Series:
    """Apply `work` once to each distinct value. For columns of few distinct values, and for the odd rest of others."""
    distinct = values.drop_nulls().unique().to_list()
    if not distinct:
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    found = {value: work(value) for value in distinct}
    return values.replace_strict(list(found), list(found.values()), default=None, return_dtype=pl.String)


def fill_rest(given: pl.Series, normal: pl.Series, work: Callable[[str], str | None]) -> pl.Series:
    """Keep `normal` where it stands; give the rest of what is given to `work`, one distinct value at a time."""
    rest = given.is_not_null() & normal.is_null()
    if not rest.any():
        return normal
    places = rest.arg_true()
    return normal.scatter(places, per_value(given.gather(places), work))
