"""From events to traits, in memory: heaps counted up, put together, and made into values.

Every step is a function from frames to frames, so that the same steps run over Arrow batches in another engine
(``mapInArrow``: :func:`counted` for each batch, :func:`together` for what meets, :func:`finished` at the end).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from kehu.refine.derive.adding import extended, selected, summed, summed_beside
from kehu.refine.derive.checking import KEY, TODAY, WHO, Compiled, Heap, Slot
from kehu.refine.derive.parting import with_fifths

_EPOCH: Final = date(1970, 1, 1)
_GREATEST: Final = 2.0**53  # beyond it a fraction of eight bytes is not exact, and further on no JSON is written
Parted = Callable[[str, pl.DataFrame], Mapping[str, Sequence[float]]]
"""Makes cut points of a trait's values."""
States = dict[str, pl.DataFrame]
"""By heap: a row for each customer (and key), a column for each slot."""
Cuts = Mapping[str, Mapping[str, Sequence[float]]]
"""By trait and key (empty: it has none): the four values that part all customers into fifths."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Traits that rest on no other but those before: ``fifths`` are parted by first, then ``finals`` are made."""

    fifths: tuple[str, ...]
    finals: Mapping[str, pl.Expr]


@dataclass(frozen=True, slots=True)
class Plan:
    """Traits that are computed together, and all that can be prepared before an event comes.

    Attributes:
        heaps: each with its slots. ``traits``: each needs only those before it.
        rows: of a source, what is looked at of one event: the keys and slots of all its heaps.
        keyed: of a heap with keys, the traits that have one value for each; ``daily``: where it depends on the day.
        stages: the other traits.
    """

    heaps: Mapping[str, tuple[Heap, tuple[Slot, ...]]]
    traits: Mapping[str, Compiled]
    rows: Mapping[str, tuple[pl.Expr, ...]]
    keyed: Mapping[str, Mapping[str, pl.Expr]]
    daily: frozenset[str]
    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, traits: Mapping[str, Compiled]) -> Plan:
        """The plan of some traits; what another one needs must be among them."""
        heaps: dict[str, tuple[Heap, dict[str, Slot]]] = {}
        for one in traits.values():
            if one.heap is not None:
                _, slots = heaps.setdefault(one.heap.id, (one.heap, {}))
                slots.update({slot.id: slot for slot in one.slots})
        ordered: dict[str, Compiled] = {}
        stages: list[Stage] = []
        while len(ordered) < len(traits):
            ready = {slug: one for slug, one in traits.items() if slug not in ordered and one.needs <= set(ordered)}
            if not ready:
                raise ValueError("traits that need each other")
            ordered |= ready
            parted = {of for stage in stages for of in stage.fifths}
            fifths = frozenset[str]().union(*(one.fifths for one in ready.values())) - parted
            finals = {slug: _of_each(one.final).alias(slug) for slug, one in ready.items() if not one.grouped}
            stages.append(Stage(tuple(sorted(fifths)), finals))
        keyed: dict[str, dict[str, pl.Expr]] = {}
        for slug, one in ordered.items():
            if one.heap is not None and one.grouped:
                keyed.setdefault(one.heap.id, {})[slug] = one.final.alias(slug)
        held = {id: (heap, tuple(slots.values())) for id, (heap, slots) in heaps.items()}
        daily = {id for id, finals in keyed.items() if any(TODAY in one.meta.root_names() for one in finals.values())}
        return cls(held, ordered, _rows(held), keyed, frozenset(daily), tuple(stages))

    def without(self, slugs: Iterable[str]) -> Plan:
        """The same without some traits, and without those that need them."""
        gone = set(slugs)
        for slug, one in self.traits.items():
            if one.needs & gone:
                gone.add(slug)
        return self if not gone else Plan.of({slug: one for slug, one in self.traits.items() if slug not in gone})


def _of_each(final: pl.Expr) -> pl.Expr:
    """A value for each customer, also where polars would make one for all: of a word beside a column that nobody has."""
    return pl.when(pl.col(WHO).is_not_null()).then(final)


def _rows(heaps: Mapping[str, tuple[Heap, tuple[Slot, ...]]]) -> dict[str, tuple[pl.Expr, ...]]:
    found: dict[str, dict[str, pl.Expr]] = {}
    for id, (heap, slots) in heaps.items():
        columns = found.setdefault(heap.source, {WHO: pl.col(WHO)})
        if heap.key is not None:
            columns[id] = heap.key.cast(pl.Categorical).alias(id)
        columns |= {slot.id: slot.rows.alias(slot.id) for slot in slots}
    return {source: tuple(columns.values()) for source, columns in found.items()}


def counted(frames: Mapping[str, pl.DataFrame], plan: Plan) -> States:
    """The states of the customers in some events; ``frames``: by source, column ``who`` and the inputs."""
    found: States = {}
    for source, columns in plan.rows.items():
        events = frames[source]
        rows = selected(events, columns)
        heaps = {
            id: (None if heap.key is None else id, slots)
            for id, (heap, slots) in plan.heaps.items()
            if heap.source == source
        }
        found |= summed_beside(rows, heaps)
    return found


def together(states: Sequence[States], plan: Plan) -> States:
    """What several heaps of the same customers come to; the order makes no difference."""
    return {
        id: summed([state[id] for state in states if id in state], None if heap.key is None else KEY, slots)
        for id, (heap, slots) in plan.heaps.items()
    }


def finished(
    states: States, plan: Plan, *, today: date, cuts: Cuts, parted: Parted | None = None
) -> dict[str, pl.DataFrame]:
    """The value of each trait: columns ``who``, ``value``, and ``key`` where it has one for each key.

    Without cut points of a trait, what rests on its fifths is empty. ``parted`` makes them of the values as they stand
    here, where ``cuts`` has none.
    """
    day = pl.lit((today - _EPOCH).days, pl.Int64).alias(TODAY)
    values: dict[str, pl.DataFrame] = {}
    for id, finals in plan.keyed.items():
        held = states[id].with_columns(day) if id in plan.daily else states[id]
        values |= _by_key(selected(held, (pl.col(WHO, KEY), *finals.values())), finals)
    whole = _whole(states, plan, day)
    for stage in plan.stages:
        if stage.fifths:
            points = {of: _cuts(of, values[of], cuts, parted) for of in stage.fifths}
            whole = with_fifths(whole, {of: values[of] for of in stage.fifths}, points)
        if stage.finals:
            whole = extended(whole, stage.finals.values())
            values |= {slug: _column(whole, slug) for slug in stage.finals}
    return {slug: values[slug] for slug in plan.traits}


def _cuts(of: str, values: pl.DataFrame, cuts: Cuts, parted: Parted | None) -> Mapping[str, Sequence[float]]:
    return cuts.get(of) or (parted(of, values) if parted is not None else {})


def _by_key(rows: pl.DataFrame, slugs: Iterable[str]) -> dict[str, pl.DataFrame]:
    """Values of traits that share their keys; of nothing there is no such key."""
    who, key = rows[WHO], rows[KEY]
    found = {}
    for slug in slugs:
        held = rows[slug].alias("value")
        there = (held != 0) & _said(held)
        found[slug] = pl.DataFrame([who.filter(there), key.filter(there), held.filter(there)])
    return found


def _column(whole: pl.DataFrame, slug: str) -> pl.DataFrame:
    who, held = whole[WHO], whole[slug].alias("value")
    there = _said(held)
    return pl.DataFrame([who, held] if there.all() else [who.filter(there), held.filter(there)])


def _said(values: pl.Series) -> pl.Series:
    """Which of the values say something: what is too great to be kept as a number, or none at all, does not."""
    return (values.abs() < _GREATEST).fill_null(False) if values.dtype.is_float() else values.is_not_null()


def _whole(states: States, plan: Plan, day: pl.Expr) -> pl.DataFrame:
    """A row for each customer, with every slot that stands under no key; where nothing happened, there were none."""
    single = {heap.source: id for id, (heap, _) in plan.heaps.items() if heap.key is None}
    counted_by = [id for id, (heap, _) in plan.heaps.items() if single.get(heap.source, id) == id]
    there = [states[id] for id in counted_by if states[id].height]
    if len(there) == 1 and KEY not in there[0].columns:  # each stands there once
        whole = there[0]
    else:
        whole = pl.concat([frame.select(WHO) for frame in there] or [pl.DataFrame(schema={WHO: pl.UInt32})]).unique()
    more = [day]
    for id in single.values():
        slots = plan.heaps[id][1]
        if whole is states[id] or slots[0].id in whole.columns:
            continue
        if states[id].height:
            whole = whole.join(states[id], on=WHO, how="left")
            more += [pl.col(slot.id).fill_null(0) for slot in slots if slot.way in "ns"]
        else:
            more += [pl.lit(0 if slot.way in "ns" else None, slot.kept_as).alias(slot.id) for slot in slots]
    return extended(whole, more)
