"""Events as the gate let them out, made into frames: numbers, moments and texts in columns, whose they are as a number.

These frames are plaintext. They live in memory for as long as one heap of customers is counted up, and nowhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Set
from typing import Any, Final
from uuid import UUID

import polars as pl

from kehu.guard.gate.read import Contribution, Opened
from kehu.refine.clean.status import ABSENT, INVALID
from kehu.refine.derive.adding import frame_of
from kehu.refine.derive.checking import WHO
from kehu.refine.derive.computing import Plan, States
from kehu.refine.derive.inputs import LARGEST, MOMENTS, SOURCES, fields_of

FIGURES: Final = 2
"""Significant figures that an amount is rounded to before it is counted up: a trait of one order is not that order."""
_NUMBERS: Final = {"orders": ("amount", "quantity", "discount"), "interactions": ("rating",)}
_SOURCE_OF: Final = {number: name for name, number in SOURCES.items()}
_CURRENCY: Final = r"^[A-Z]{3}$"
_WRITTEN_TIME: Final = r"\d[:时時点]\d"
_WRITTEN_ZONE: Final = r"[:时時点]\d{1,2}[^+-]*([+-]\d{2}:?(?:\d{2})?)\s*$"
_DAY: Final = 86_400


class Events:
    """Events of some customers, gathered record by record. ``whole``: of each customer together, not by origin subject."""

    def __init__(self, channels: Mapping[int, str], *, whole: bool = False) -> None:
        self._channels, self._whole = channels, whole
        self._columns = {source: _columns(source) for source in SOURCES}
        self._place: dict[UUID, int] = {}

    @property
    def subjects(self) -> list[UUID]:
        """Origin subjects (or customers) of which something came, each at the place that stands for it in the frames."""
        return list(self._place)

    def add(self, opened: Opened, *, without: Set[UUID], fields: Set[str]) -> None:
        """Take what was let out of one customer; ``without``: records that newer ones replaced; ``fields`` that count."""
        record: UUID | None = None
        held: dict[str, Contribution] = {}
        last: Contribution | None = None
        for one in opened.contributions:
            if one.record is not record and one.record != record:
                self._end(opened, last, held)
                record, held, last = one.record, {}, None
            if one.record in without:
                continue
            last = one
            if one.answer == "clear" and one.field in fields and one.status not in (ABSENT, INVALID):
                held[one.field] = one
        self._end(opened, last, held)

    def frames(self) -> dict[str, pl.DataFrame]:
        """By source, as :func:`kehu.refine.derive.computing.counted` takes them."""
        return {source: _frame(source, columns) for source, columns in self._columns.items()}

    def _end(self, opened: Opened, last: Contribution | None, held: Mapping[str, Contribution]) -> None:
        source = _SOURCE_OF.get(last.kind) if last is not None else None
        if last is None or source is None:
            return
        columns = self._columns[source]
        who = opened.customer if self._whole else last.subject
        columns[WHO].append(self._place.setdefault(who, len(self._place)))
        columns["channel"].append(self._channels.get(last.channel))
        for name, column in columns.items():
            if name in (WHO, "channel", "written"):
                continue
            one = held.get(name)
            column.append(one.normal if one is not None else None)
            if name == MOMENTS[source]:
                columns["written"].append(one.given if one is not None else None)


def _columns(source: str) -> dict[str, list[Any]]:
    return {name: [] for name in (WHO, "channel", *fields_of(source), "written")}


def _frame(source: str, columns: Mapping[str, list[Any]]) -> pl.DataFrame:
    return _made(source, columns) if columns[WHO] else _nothing(source)


@functools.cache
def _nothing(source: str) -> pl.DataFrame:
    return _made(source, _columns(source))


def _made(source: str, columns: Mapping[str, list[Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(columns, schema={name: pl.UInt32 if name == WHO else pl.String for name in columns})
    moment, numbers = MOMENTS[source], _NUMBERS[source]
    day = pl.col(moment).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    clock = pl.col(moment).str.slice(11, 8).str.to_time("%H:%M:%S", strict=False)
    seconds = (
        clock.dt.hour().cast(pl.Int64) * 3600 + clock.dt.minute().cast(pl.Int64) * 60 + clock.dt.second()
    ).fill_null(0)
    days = day.to_physical().cast(pl.Int64)
    local = seconds + _offset(pl.col("written").str.extract(_WRITTEN_ZONE)) + _DAY  # from the midnight before
    made = frame.with_columns(
        (days * _DAY + seconds).alias(moment),
        pl.when(pl.col("written").str.contains(_WRITTEN_TIME)).then(local % _DAY // 3600).alias("hour"),
        (days + local // _DAY - 1).cast(pl.Int32).cast(pl.Date).dt.weekday().cast(pl.Int64).alias("weekday"),
        *(pl.col(name).cast(pl.Float64, strict=False).alias(name) for name in numbers),
    ).drop("written")
    made = made.with_columns(pl.when(pl.col(name).abs() < LARGEST).then(pl.col(name)).alias(name) for name in numbers)
    if source == "orders":
        sure = pl.when(pl.col("currency").str.contains(_CURRENCY)).then(pl.col("currency"))
        made = made.with_columns(pl.col("amount").round_sig_figs(FIGURES), sure.alias("currency"))
    return made


def _offset(zone: pl.Expr) -> pl.Expr:
    """Seconds that a written zone (``+08:00``) is ahead of UTC; without one, none."""
    digits = zone.str.replace(":", "", literal=True)
    hours, minutes = (digits.str.slice(at, 2).cast(pl.Int64, strict=False).fill_null(0) for at in (1, 3))
    ahead = hours * 3600 + minutes * 60
    return pl.when(digits.str.starts_with("-")).then(-ahead).otherwise(ahead)


def packed(states: States, plan: Plan, subjects: list[UUID]) -> dict[UUID, dict[str, dict[str, dict[str, int]]]]:
    """States as they are kept: of each origin subject by heap, key (empty: none) and slot."""
    found: dict[UUID, dict[str, dict[str, dict[str, int]]]] = {subject: {} for subject in subjects}
    for id, (heap, slots) in plan.heaps.items():
        names = [slot.id for slot in slots]
        skip = 1 if heap.key is None else 2
        for row in states[id].iter_rows():
            key = "" if heap.key is None else row[1]
            kept = {name: value for name, value in zip(names, row[skip:], strict=True) if value is not None}
            if heap.key is None or any(kept.values()):
                found[subjects[row[0]]].setdefault(id, {})[key] = kept
    return found


def unpacked(rows: Iterable[tuple[int, Mapping[str, Mapping[str, Mapping[str, int]]]]], plan: Plan) -> States:
    """Kept states as frames, put together for whoever has the same number."""
    held = list(rows)
    found: States = {}
    for id, (heap, slots) in plan.heaps.items():
        names = [slot.id for slot in slots]
        keyed = heap.key is not None
        there = [
            ((who, key) if keyed else (who,), [kept.get(name) for name in names])
            for who, state in held
            for key, kept in state.get(id, {}).items()
        ]
        found[id] = frame_of(there, slots, keyed=keyed)
    return found
