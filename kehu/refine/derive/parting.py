"""Customers parted into fifths by a trait: the four values that part them, and where each customer lies."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import polars as pl

from kehu.refine.derive.adding import FEW, extended
from kehu.refine.derive.checking import KEY, WHO, fifth_column


def cut_points(frame: pl.DataFrame, *, least: int) -> dict[str, list[float]]:
    """The four values that part customers into fifths, by key (empty: it has none); none of fewer than five times ``least``."""
    found: dict[str, list[float]] = {}
    groups = frame.partition_by(KEY, as_dict=True) if KEY in frame.columns else {("",): frame}
    for (key,), rows in groups.items():
        if rows.height >= 5 * least:
            held = rows["value"].cast(pl.Float64)
            points = [held.quantile(part / 5, "nearest") for part in range(1, 5)]
            found[str(key)] = [float(point) for point in points if point is not None]
    return found


def with_fifths(
    whole: pl.DataFrame, of: Mapping[str, pl.DataFrame], cuts: Mapping[str, Mapping[str, Sequence[float]]]
) -> pl.DataFrame:
    """With the fifth that each customer lies in, by each of these traits; of one with keys, in that of the key they have most of.

    Args:
        of: values by trait; of a trait without keys ``whole`` has them, too.
    """
    more: list[pl.Expr | pl.Series] = []
    for slug, values in of.items():
        points, column = cuts.get(slug), fifth_column(slug)
        if not points:
            more.append(pl.lit(None, pl.Int64).alias(column))
        elif KEY not in values.columns:
            more.append(_fifth(slug, tuple(points.get("", ()))))
        elif values.height <= FEW:
            found = _of_few(values, points)
            more.append(pl.Series(column, [found.get(who) for who in whole[WHO].to_list()], dtype=pl.Int64))
        else:
            whole = whole.join(_of_many(values, points, column), on=WHO, how="left")
    return extended(whole, more)


def _of_few(values: pl.DataFrame, cuts: Mapping[str, Sequence[float]]) -> dict[int, int | None]:
    """The fifth of each customer's greatest value, among those of its key; of two as great, the key that comes first."""
    most: dict[int, tuple[float, str]] = {}
    for who, key, value in values.iter_rows():
        held = most.get(who)
        if held is None or value > held[0] or (value == held[0] and key < held[1]):
            most[who] = value, key
    return {who: 1 + bisect_left(cuts[key], value) if key in cuts else None for who, (value, key) in most.items()}


def _of_many(values: pl.DataFrame, cuts: Mapping[str, Sequence[float]], column: str) -> pl.DataFrame:
    """The same as a column of a frame."""
    parts = []
    for key in sorted(values[KEY].unique()):
        place = _within(tuple(cuts[key])) if key in cuts else pl.lit(None, pl.Int64)
        parts.append(values.filter(pl.col(KEY) == key).select(WHO, "value", place.alias(column)))
    # a customer has each key once, so that two keys meet by a join: a fifth of the time of groups
    while len(parts) > 1:
        odd = parts[len(parts) // 2 * 2 :]
        parts = [_greater(*two, column) for two in zip(parts[::2], parts[1::2], strict=False)] + odd
    return parts[0].select(WHO, column)


def _greater(first: pl.DataFrame, second: pl.DataFrame, column: str) -> pl.DataFrame:
    """Of each customer the row with the greater value; of two as great the first."""
    both = first.lazy().join(second.lazy(), on=WHO, how="full", coalesce=True)
    later = pl.col("value").is_null() | (pl.col("value_right") > pl.col("value")).fill_null(False)
    chosen = (pl.when(later).then(f"{name}_right").otherwise(name).alias(name) for name in ("value", column))
    return both.select(WHO, *chosen).collect()


@functools.lru_cache(maxsize=256)
def _fifth(slug: str, points: tuple[float, ...]) -> pl.Expr:
    return _within(points, slug).alias(fifth_column(slug))


def _within(points: tuple[float, ...], column: str = "value") -> pl.Expr:
    """Which part of those that the points divide a value lies in, from 1."""
    found = pl.lit(1, pl.Int64)
    for point in points:
        found = found + (pl.col(column) > point).cast(pl.Int64)
    return found
