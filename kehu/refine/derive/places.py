"""Rows added up in arrays that have a place for each number, where the numbers lie close: half the time of a hash table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from kehu.refine.derive.checking import Slot, Way

PLACE: Final = "place"
_EMPTY: Final = 8
"""Places for each row, beyond which most would stand empty."""
_EXACT: Final = 1 << 53  # a sum is made of fractions of eight bytes, which hold whole numbers up to here
_ENDS: Final[Mapping[Way, tuple[np.ufunc, int]]] = {
    "l": (np.minimum, np.iinfo(np.int64).max), "h": (np.maximum, np.iinfo(np.int64).min),
}  # fmt: skip


def fits(rows: pl.DataFrame, numbers: pl.Series, slots: Sequence[Slot]) -> bool:
    """Whether :func:`added_up` comes to what it must: whole numbers, of sums below 2^53, and places that are not mostly empty."""
    # the types: polars' greatest and least may be of any type, and these are whole numbers
    greatest = int(numbers.max() or 0)  # type: ignore[arg-type]
    if greatest >= _EMPTY * rows.height or any(slot.kept_as is not pl.Int64 for slot in slots):
        return False
    summed = [rows[slot.id] for slot in slots if slot.way in "ns"]
    ends = (end for column in summed for end in (column.min(), column.max()) if end is not None)
    return all(abs(int(end)) * rows.height < _EXACT for end in ends)  # type: ignore[arg-type]


def added_up(rows: pl.DataFrame, numbers: pl.Series, slots: Sequence[Slot]) -> pl.DataFrame:
    """A row for each number that stands there, in their order: column ``place``, and what each slot comes to.

    Args:
        rows: a column for each slot, by its id.
        numbers: of each row, from 0.
    """
    places = numbers.to_numpy().astype(np.int64, copy=False)
    times = np.bincount(places)
    there = np.flatnonzero(times)
    columns = [pl.Series(PLACE, there)]
    for slot in slots:
        column = rows[slot.id]
        if slot.way in "ns":
            columns.append(pl.Series(slot.id, _sum(column, places, times)[there]))
        else:
            columns.append(_end(column, places, slot.way, len(times)).gather(there).alias(slot.id))
    return pl.DataFrame(columns)


def _sum(column: pl.Series, places: np.ndarray, times: np.ndarray) -> np.ndarray:
    if not column.null_count() and {column.min(), column.max()} <= {0, 1}:
        return _yeses(column.to_numpy(), places, times)
    weights = column.fill_null(0).to_numpy()
    return np.bincount(places, weights=weights).astype(np.int64)


def _yeses(column: np.ndarray, places: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How many rows at each place say 1 and not 0: whichever are fewer are counted."""
    no = column == 0
    if 2 * np.count_nonzero(no) > len(no):
        return np.bincount(places[~no], minlength=len(times))
    return times - np.bincount(places[no], minlength=len(times))


def _end(column: pl.Series, places: np.ndarray, way: Way, size: int) -> pl.Series:
    """The least or greatest at each place; nothing where there is none."""
    most, start = _ENDS[way]
    found = np.full(size, start, np.int64)
    if not column.null_count():
        most.at(found, places, column.to_numpy())
        return pl.Series(found)
    said = column.is_not_null().to_numpy()
    most.at(found, places[said], column.drop_nulls().to_numpy())
    return pl.select(
        pl.when(pl.Series(np.bincount(places[said], minlength=size) > 0)).then(pl.Series(found))
    ).to_series()
