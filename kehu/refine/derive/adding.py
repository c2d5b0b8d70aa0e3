"""Rows of events, or states, added up to one row for each customer and key.

A frame costs a tenth of a millisecond at each step however few rows it has, so a few rows are added up in Python. Many are
added up in arrays with a place for every customer and key (:mod:`kehu.refine.derive.places`), or by polars where those would
mostly stand empty. A test holds the three against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import polars as pl

from kehu.refine.derive.checking import KEY, WHO, Slot, Way
from kehu.refine.derive.places import PLACE, added_up, fits

FEW: Final = 64
"""Rows up to which a frame costs more than it saves."""
_LITTLE: Final = 5_000  # rows for which sharing the columns out among threads takes longer than making them
_WAYS: Final[Mapping[Way, Callable[[Any, Any], Any]]] = {"n": int.__add__, "s": int.__add__, "l": min, "h": max}


def selected(frame: pl.DataFrame, columns: Iterable[pl.Expr]) -> pl.DataFrame:
    """These columns of a frame; what several of them ask of many rows is asked once."""
    return frame.select_seq(columns) if frame.height <= _LITTLE else frame.lazy().select(columns).collect()


def extended(frame: pl.DataFrame, columns: Iterable[pl.Expr | pl.Series]) -> pl.DataFrame:
    """A frame with these columns besides."""
    return frame.with_columns_seq(columns) if frame.height <= _LITTLE else frame.with_columns(columns)


def summed(parts: Sequence[pl.DataFrame], key: str | None, slots: Sequence[Slot]) -> pl.DataFrame:
    """A row for each customer, or for each key of each; rows without a key are nobody's.

    Args:
        parts: frames of the same columns, altogether the rows.
        key: the column that has it; in what comes out it is called ``key``.
    """
    if sum(part.height for part in parts) <= FEW:
        return _few(parts, key, slots)
    rows = parts[0] if len(parts) == 1 else pl.concat(parts)
    if key is None:
        sums = _by_number(rows, rows[WHO], slots)
        return sums.select(pl.col(PLACE).cast(pl.UInt32).alias(WHO), *(slot.id for slot in slots))
    return _by_pair(rows.filter(pl.col(key).is_not_null()) if rows[key].null_count() else rows, key, slots)


def summed_beside(
    rows: pl.DataFrame, heaps: Mapping[str, tuple[str | None, Sequence[Slot]]]
) -> dict[str, pl.DataFrame]:
    """:func:`summed` by several keys, each with its slots, of the same rows; of many beside each other."""
    if rows.height <= _LITTLE:
        return {id: summed([rows], key, slots) for id, (key, slots) in heaps.items()}
    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        made = {id: threads.submit(summed, [rows], key, slots) for id, (key, slots) in heaps.items()}
        return {id: one.result() for id, one in made.items()}


def _few(parts: Sequence[pl.DataFrame], key: str | None, slots: Sequence[Slot]) -> pl.DataFrame:
    names = [WHO, *([] if key is None else [key]), *(slot.id for slot in slots)]
    schema = schema_of(slots, keyed=key is not None)
    there = [part for part in parts if part.height]
    if len(there) == 1 and there[0].height == 1 and (key is None or not there[0][key].null_count()):
        return pl.DataFrame([there[0][name].alias(called) for name, called in zip(names, schema, strict=True)])
    skip = len(names) - len(slots)
    ways = [_WAYS[slot.way] for slot in slots]
    found: dict[tuple[Any, ...], list[Any]] = {}
    for part in there:
        places = [part.get_column_index(name) for name in names]
        for every in part.rows():
            row = [every[place] for place in places]
            if row[skip - 1] is None:  # has no key
                continue
            who, new = tuple(row[:skip]), row[skip:]
            held = found.setdefault(who, new)
            if held is not new:
                for at, way in enumerate(ways):
                    held[at] = new[at] if held[at] is None else held[at] if new[at] is None else way(held[at], new[at])
    return frame_of(found.items(), slots, keyed=key is not None)


def _by_pair(rows: pl.DataFrame, key: str, slots: Sequence[Slot]) -> pl.DataFrame:
    """By one whole number for both: half the time of two columns."""
    words = rows[key].unique()
    width = max(1, words.len())
    codes = words.to_physical()
    ranks = np.zeros(int(codes.max() or 0) + 1, np.int64)  # type: ignore[arg-type]  # codes are whole numbers
    ranks[codes.to_numpy()] = np.arange(words.len())
    pair = rows[WHO].to_numpy().astype(np.int64)
    pair *= width
    pair += ranks[rows[key].to_physical().to_numpy()]
    sums = _by_number(rows, pl.Series(pair), slots)
    return sums.select(
        (pl.col(PLACE) // width).cast(pl.UInt32).alias(WHO),
        pl.lit(words).gather(pl.col(PLACE) % width).alias(KEY),
        *(slot.id for slot in slots),
    )


def _by_number(rows: pl.DataFrame, numbers: pl.Series, slots: Sequence[Slot]) -> pl.DataFrame:
    """A row for each of the numbers, called ``place``."""
    if fits(rows, numbers, slots):
        return added_up(rows, numbers, slots)
    counted = rows.lazy().select(numbers.alias(PLACE), *(slot.id for slot in slots)).group_by(PLACE)
    return counted.agg(slot.added for slot in slots).collect()


def frame_of(
    rows: Iterable[tuple[tuple[Any, ...], Sequence[Any]]], slots: Sequence[Slot], *, keyed: bool
) -> pl.DataFrame:
    """A heap's state: a row of whose it is (and the key), and of what is kept."""
    schema = schema_of(slots, keyed=keyed)
    columns = list(zip(*((*who, *kept) for who, kept in rows), strict=True)) or [()] * len(schema)
    made = zip(schema.items(), columns, strict=True)
    # a sum beyond eight bytes is none
    return pl.DataFrame([pl.Series(name, column, dtype=kind, strict=False) for (name, kind), column in made])


def schema_of(slots: Sequence[Slot], *, keyed: bool) -> dict[str, type[pl.DataType]]:
    """The columns of a heap's state."""
    keys: dict[str, type[pl.DataType]] = {WHO: pl.UInt32, KEY: pl.Categorical} if keyed else {WHO: pl.UInt32}
    return keys | {slot.id: slot.kept_as for slot in slots}
