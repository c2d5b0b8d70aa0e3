"""From events to traits, in memory: heaps counted up, put together, and made into values.

Every step is a function from frames to frames, so that the same steps run over Arrow batches in another engine
(``mapInArrow``: :func:`counted` for each batch, :func:`together` for what meets, :func:`finished` at the end).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from kehu.refine.derive.checking import TODAY, Compiled, Heap, Slot, fifth_column

WHO: Final = "who"
KEY: Final = "key"
_LITTLE: Final = 5_000  # rows below which a second pass over the keys costs more than it saves
_KEYS: Final = 1 << 16
_EPOCH: Final = date(1970, 1, 1)
Parted = Callable[[str, pl.DataFrame], Mapping[str, Sequence[float]]]
"""Makes cut points of a trait's values."""
States = dict[str, pl.DataFrame]
"""By heap: a row for each customer (and key), a column for each slot."""
Cuts = Mapping[str, Mapping[str, Sequence[float]]]
"""By trait and key (empty: it has none): the four values that part all customers into fifths."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Traits that are computed together. ``heaps``: each with its slots; ``traits``: each needs only those before it."""

    heaps: Mapping[str, tuple[Heap, tuple[Slot, ...]]]
    traits: Mapping[str, Compiled]

    @classmethod
    def of(cls, traits: Mapping[str, Compiled]) -> Plan:
        """The plan of some traits; what another one needs must be among them."""
        heaps: dict[str, tuple[Heap, dict[str, Slot]]] = {}
        for one in traits.values():
            if one.heap is not None:
                _, slots = heaps.setdefault(one.heap.id, (one.heap, {}))
                slots.update({slot.id: slot for slot in one.slots})
        ordered: dict[str, Compiled] = {}
        while len(ordered) < len(traits):
            ready = {slug: one for slug, one in traits.items() if slug not in ordered and one.needs <= set(ordered)}
            if not ready:
                raise ValueError("traits that need each other")
            ordered |= ready
        return cls({id: (heap, tuple(slots.values())) for id, (heap, slots) in heaps.items()}, ordered)

    def without(self, slugs: Iterable[str]) -> Plan:
        """The same without some traits, and without those that need them."""
        gone = set(slugs)
        for slug, one in self.traits.items():
            if one.needs & gone:
                gone.add(slug)
        return self if not gone else Plan.of({slug: one for slug, one in self.traits.items() if slug not in gone})


def counted(frames: Mapping[str, pl.DataFrame], plan: Plan) -> States:
    """The states of the customers in some events; ``frames``: by source, column ``who`` and the inputs."""
    return {id: _counted(frames[heap.source], heap, slots) for id, (heap, slots) in plan.heaps.items()}


def together(states: Sequence[States], plan: Plan) -> States:
    """What several heaps of the same customers come to; the order makes no difference."""
    found: States = {}
    for id, (heap, slots) in plan.heaps.items():
        parts = [state[id] for state in states if id in state]
        keys = [WHO] if heap.key is None else [WHO, KEY]
        found[id] = pl.concat(parts).group_by(keys).agg(_ways(slots)) if parts else _nobody(heap, slots)
    return found


def finished(
    states: States, plan: Plan, *, today: date, cuts: Cuts, parted: Parted | None = None
) -> dict[str, pl.DataFrame]:
    """The value of each trait: columns ``who``, ``value``, and ``key`` where it has one for each key.

    Without cut points of a trait, what rests on its fifths is empty. ``parted`` makes them of the values as they stand
    here, where ``cuts`` has none.
    """
    whole = _whole(states, plan, today)
    values: dict[str, pl.DataFrame] = {}
    for slug, one in plan.traits.items():
        if one.grouped and one.heap is not None:
            rows = states[one.heap.id].with_columns(_day(today)).select(WHO, KEY, value=one.final)
            values[slug] = rows.filter(pl.col("value") != 0)  # of nothing: no such key
    left = {slug: one for slug, one in plan.traits.items() if not one.grouped}
    while left:  # those that need only what is there, all at once
        ready = {slug: one for slug, one in left.items() if not one.needs & set(left)}
        for of in sorted(frozenset[str]().union(*(one.fifths for one in ready.values()))):
            if fifth_column(of) not in whole.columns:
                points = cuts.get(of) or (parted(of, values[of]) if parted is not None else {})
                whole = _with_fifths(whole, of, values[of], points)
        whole = whole.with_columns(one.final.alias(slug) for slug, one in ready.items())
        values |= {slug: _column(whole, slug) for slug in ready}
        left = {slug: one for slug, one in left.items() if slug not in ready}
    return {slug: values[slug] for slug in plan.traits}


def _column(whole: pl.DataFrame, slug: str) -> pl.DataFrame:
    held = whole[slug]
    there = held.is_not_null()
    return pl.DataFrame({WHO: whole[WHO].filter(there), "value": held.filter(there)})


def cut_points(frame: pl.DataFrame, *, least: int) -> dict[str, list[float]]:
    """The four values that part customers into fifths, by key (empty: it has none); none of fewer than five times ``least``."""
    found: dict[str, list[float]] = {}
    groups = frame.partition_by(KEY, as_dict=True) if KEY in frame.columns else {("",): frame}
    for (key,), rows in groups.items():
        if rows.height >= 5 * least:
            held = rows["value"].cast(pl.Float64).sort()
            points = [held.quantile(part / 5, "nearest") for part in range(1, 5)]
            found[str(key)] = [float(point) for point in points if point is not None]
    return found


def _counted(events: pl.DataFrame, heap: Heap, slots: Sequence[Slot]) -> pl.DataFrame:
    keys = [] if heap.key is None else [heap.key.alias(KEY)]
    columns = [WHO, *keys, *(slot.rows.alias(slot.id) for slot in slots)]
    if events.height < _LITTLE:  # planning a query takes longer than running it
        few = events.select(columns)
        few = few if heap.key is None else few.filter(pl.col(KEY).is_not_null())
        return few.group_by(WHO, *([KEY] if keys else [])).agg(_ways(slots))
    rows = events.lazy().select(columns)
    if heap.key is None:
        return rows.group_by(WHO).agg(_ways(slots)).collect()
    rows = rows.filter(pl.col(KEY).is_not_null())
    # one whole number for both: half the time of two columns, one of them text
    held = rows.with_columns(pl.col(KEY).cast(pl.Categorical)).with_columns(code=pl.col(KEY).to_physical()).collect()
    names = held.select("code", KEY).unique()
    pair = (pl.col(WHO).cast(pl.Int64) * _KEYS + pl.col("code").cast(pl.Int64)).alias("pair")
    sums = held.lazy().select(pair, *(slot.id for slot in slots)).group_by("pair").agg(_ways(slots))
    parted = sums.select(
        (pl.col("pair") // _KEYS).cast(events.schema[WHO]).alias(WHO),
        (pl.col("pair") % _KEYS).cast(names.schema["code"]).alias("code"),
        *(slot.id for slot in slots),
    )
    kept = parted.collect().join(names, on="code").with_columns(pl.col(KEY).cast(pl.String))
    return kept.select(WHO, KEY, *(slot.id for slot in slots))


def _ways(slots: Sequence[Slot]) -> list[pl.Expr]:
    by = {"n": pl.Expr.sum, "s": pl.Expr.sum, "l": pl.Expr.min, "h": pl.Expr.max}
    return [by[slot.way](pl.col(slot.id)) for slot in slots]


def _nobody(heap: Heap, slots: Sequence[Slot]) -> pl.DataFrame:
    keys: dict[str, Any] = {WHO: pl.UInt32} if heap.key is None else {WHO: pl.UInt32, KEY: pl.String}
    return pl.DataFrame(schema=keys | {slot.id: pl.Int64 for slot in slots})


def _day(today: date) -> pl.Expr:
    return pl.lit((today - _EPOCH).days, pl.Int64).alias(TODAY)


def _whole(states: States, plan: Plan, today: date) -> pl.DataFrame:
    """A row for each customer, with every slot that stands under no key; where nothing happened, there were none."""
    single = {heap.source: id for id, (heap, _) in plan.heaps.items() if heap.key is None}
    counted_by = [id for id, (heap, _) in plan.heaps.items() if single.get(heap.source, id) == id]
    there = [states[id] for id in counted_by if states[id].height]
    if len(there) == 1 and KEY not in there[0].columns:  # each stands there once
        whole = there[0]
    else:
        whole = pl.concat([frame.select(WHO) for frame in there] or [pl.DataFrame(schema={WHO: pl.UInt32})]).unique()
    filled = []
    for id in single.values():
        slots = plan.heaps[id][1]
        filled += [pl.col(slot.id).fill_null(0) for slot in slots if slot.way in "ns"]
        if whole is states[id] or slots[0].id in whole.columns:
            continue
        if states[id].height:
            whole = whole.join(states[id], on=WHO, how="left")
        else:
            whole = whole.with_columns(pl.lit(None, pl.Int64).alias(slot.id) for slot in slots)
    return whole.with_columns(*filled, _day(today))


def _with_fifths(
    whole: pl.DataFrame, slug: str, values: pl.DataFrame, cuts: Mapping[str, Sequence[float]]
) -> pl.DataFrame:
    """With the fifth that each customer lies in; of a trait with keys, in that of the key they have most of."""
    column = fifth_column(slug)
    if not cuts:
        return whole.with_columns(pl.lit(None, pl.Int64).alias(column))
    if KEY not in values.columns:
        place = _within(pl.col("value"), cuts.get("", ()))
        return whole.join(values.select(WHO, place.alias(column)), on=WHO, how="left")
    place = pl.lit(None, pl.Int64)
    for key, points in cuts.items():
        place = pl.when(pl.col(KEY) == key).then(_within(pl.col("value"), points)).otherwise(place)
    most = values.filter(pl.col("value") == pl.col("value").max().over(WHO))
    most = most.group_by(WHO).agg(pl.col(KEY).min(), pl.col("value").first())
    return whole.join(most.select(WHO, place.alias(column)), on=WHO, how="left")


def _within(value: pl.Expr, points: Sequence[float]) -> pl.Expr:
    """Which part of those that the points divide a value lies in, from 1."""
    found = pl.lit(1, pl.Int64)
    for point in points:
        found = found + (value > point).cast(pl.Int64)
    return found
