"""Figures about many customers: how a trait is spread, the RFM matrix, and how many meet some conditions.

Nothing is said of fewer than the smallest group (:mod:`smallest`), none at all included, and nothing from which such a figure
could be had by taking one from another: where what is withheld in a row would itself be few, the least of what is shown is
withheld with it. Whoever lacks a trait is withheld like a band that is never shown. A condition is one band of one trait, at
most three together, so what can be asked is finite, and each answer holds against all others: every way of turning the
conditions round holds nobody or enough.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.refine.derive.definition import Definition
from kehu.refine.derive.faults import UnknownTrait
from kehu.refine.derive.register import Held, in_force
from kehu.refine.derive.smallest import smallest_group
from kehu.refine.derive.totals import few_fewer, totals

MOST_CONDITIONS: Final = 3
SIDES: Final = 5  # of the matrix
_NUMBERS: Final = ("number", "moment")  # a moment is kept in seconds, and is as many as there are customers
Cell = tuple[str | None, ...]
"""Bands of several traits; None: whoever is in it has none of that trait."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a trait is spread. ``counts``: by band, None where it is withheld; ``total`` None: it would tell of few.

    ``bands``: of a number its lower bounds' places, of others the words or keys themselves, in an order to be read in; of a
    number without bounds those values alone that enough customers share.
    """

    slug: str
    bands: tuple[str, ...]
    counts: tuple[int | None, ...]
    total: int | None

    @property
    def says(self) -> bool:
        """Whether anything of it may be told."""
        return self.total is not None or any(count is not None for count in self.counts)


def spread(slug: str, *, actor: Actor) -> Spread:
    """How a trait is spread over all customers it stands for.

    Raises:
        ActRefused: the role may not.
        UnknownTrait: no such trait is in force.
    """
    require_act("count-traits", actor)
    found = {band: n for (band,), n in _cells([slug]).items() if band is not None}
    return spread_of(_held(slug), found, lack=few_fewer(slug, totals() | {slug: sum(found.values())}, smallest_group()))


def spread_of(held: Held, found: Mapping[str, int], *, lack: int) -> Spread:
    """The same of counts by band, for a trial of what is not in force.

    Args:
        lack: how many a reader would know to lack the trait, by its total and another that is told.
    """
    least, total = smallest_group(), sum(found.values())
    bands = _bands(held.definition, found)
    counts = told([found.get(band, 0) for band in bands], least, besides=lack)
    if held.compiled.shape in _NUMBERS and not held.compiled.grouped and not held.definition.bands:
        there = [(band, count) for band, count in zip(bands, counts, strict=True) if count is not None]
        bands, counts = tuple(band for band, _ in there), tuple(count for _, count in there)
    return Spread(held.definition.slug, bands, counts, total if total >= least and not lack else None)


def matrix(*, actor: Actor) -> list[list[int | None]] | None:
    """Customers by recency score (from 5 down) and frequency score (from 1 up); None where the traits are not in force.

    Raises:
        ActRefused: the role may not.
    """
    require_act("count-traits", actor)
    if not {"recency_score", "frequency_score"} <= set(in_force()):
        return None
    cells = _cells(["recency_score", "frequency_score"])
    bands = [str(place) for place in range(SIDES)]
    table = [[cells.get((r, f), 0) for f in bands] for r in reversed(bands)]
    lack = [cells.get((r, None), 0) for r in reversed(bands)], [cells.get((None, f), 0) for f in bands]
    return told_table(table, smallest_group(), besides=lack)


def how_many(conditions: Mapping[str, str], *, actor: Actor) -> int | None:
    """How many customers meet all conditions (trait to band); None: few, or it would tell of few.

    Raises:
        ActRefused: the role may not.
        UnknownTrait: see there, or more than three conditions.
    """
    require_act("count-traits", actor)
    slugs = sorted(conditions)
    if not 1 <= len(slugs) <= MOST_CONDITIONS:
        raise UnknownTrait(", ".join(slugs))
    cells, counted, least = _cells(slugs), totals(), smallest_group()
    for place, slug in enumerate(slugs):
        found = Counter[str]()
        for cell, count in cells.items():
            if (band := cell[place]) is not None:
                found[band] += count
        counted[slug] = found.total()
        row = spread_of(_held(slug), found, lack=few_fewer(slug, counted, least))
        if dict(zip(row.bands, row.counts, strict=True)).get(conditions[slug]) is None:
            return None  # what a spread withholds is answered no other way either
    return answer(cells, tuple(conditions[slug] for slug in slugs), least)


def answer(cells: Mapping[Cell, int], asked: tuple[str, ...], least: int) -> int | None:
    """The count of one cell, if no difference of answers tells of fewer than ``least``; ``cells``: the whole table.

    Checked for the cell and for every coarser one that leaves conditions out; each with all its turned-round neighbours, and
    in each row that it stands in.
    """
    size = len(asked)
    for kept in (set(some) for n in range(1, size + 1) for some in itertools.combinations(range(size), n)):
        turned = Counter[tuple[bool, ...]]()
        for cell, count in cells.items():
            turned[tuple(cell[place] == asked[place] for place in sorted(kept))] += count
        if any(0 < count < least for count in turned.values()):
            return None
        for place in kept:
            row = Counter[str]()
            lack = 0
            for cell, count in cells.items():
                if all(cell[other] == asked[other] for other in kept - {place}):
                    if (band := cell[place]) is None:
                        lack += count
                    else:
                        row[band] += count
            bands = sorted(row)
            shown = dict(zip(bands, told([row[band] for band in bands], least, besides=lack), strict=True))
            if shown.get(asked[place]) is None:
                return None
    return cells.get(asked)


def told(counts: Sequence[int], least: int, *, besides: int = 0) -> tuple[int | None, ...]:
    """A row of counts as it may be told: what is withheld comes to nobody or to enough, with what is withheld ``besides``."""
    shown: list[int | None] = [count if count >= least else None for count in counts]
    while 0 < besides + _hidden(counts, shown) < least:
        there = [count for count in shown if count is not None]
        if not there:
            break
        shown[shown.index(min(there))] = None
    return tuple(shown)


def told_table(
    table: Sequence[Sequence[int]], least: int, *, besides: tuple[Sequence[int], Sequence[int]]
) -> list[list[int | None]]:
    """A table as it may be told, whose rows and columns are known as sums: each holds by itself.

    Args:
        besides: what of each row, and of each column, is withheld besides: whoever lacks the other trait.
    """
    shown: list[list[int | None]] = [list(told(row, least)) for row in table]
    lines = [*zip(_rows(table), besides[0], strict=True), *zip(_columns(table), besides[1], strict=True)]
    changed = True
    while changed:
        changed = False
        for line, lack in lines:
            counts = [table[r][c] for r, c in line]
            there = [(table[r][c], r, c) for r, c in line if shown[r][c] is not None]
            if there and 0 < lack + _hidden(counts, [shown[r][c] for r, c in line]) < least:
                _, r, c = min(there)
                shown[r][c] = None
                changed = True
    return shown


def _hidden(counts: Sequence[int], shown: Sequence[int | None]) -> int:
    return sum(count for count, said in zip(counts, shown, strict=True) if said is None)


def _rows(table: Sequence[Sequence[int]]) -> Iterable[list[tuple[int, int]]]:
    return ([(r, c) for c in range(len(row))] for r, row in enumerate(table))


def _columns(table: Sequence[Sequence[int]]) -> Iterable[list[tuple[int, int]]]:
    return ([(r, c) for r in range(len(table))] for c in range(len(table[0])))


def band_of(definition: Definition, value: Any) -> str:
    """The band that a value lies in."""
    if isinstance(value, dict):
        value = max(sorted(value), key=lambda key: value[key])
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)) and definition.bands:
        return str(sum(value >= bound for bound in definition.bands))
    return str(value)


def _bands(definition: Definition, found: Mapping[str, int]) -> tuple[str, ...]:
    """The bands in their order; of words and keys those that somebody has, the most first."""
    if definition.bands and all(band.isdigit() for band in found):
        return tuple(str(place) for place in range(len(definition.bands) + 1))
    return tuple(sorted(found, key=lambda band: (-found[band], band)))


def _held(slug: str) -> Held:
    held = in_force().get(slug)
    if held is None:
        raise UnknownTrait(slug)
    return held


def _cells(slugs: Sequence[str]) -> dict[Cell, int]:
    """Customers of whom something is derived for the purpose of these traits, by their bands of each."""
    held = [_held(slug) for slug in slugs]
    if len({(one.definition.purpose, one.definition.sensitive) for one in held}) > 1:
        raise UnknownTrait(", ".join(slugs))
    columns = ", ".join(f"{_band_sql(one)} as b{n}" for n, one in enumerate(held))
    names = ", ".join(f"b{n}" for n in range(len(held)))
    parameters: list[Any] = []
    for one in held:
        slug, bands = one.definition.slug, list(one.definition.bands)
        parameters += [slug, bands] if _is_banded(one) else [slug]
    first = held[0].definition
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {names}, count(*) from (select {columns} from derive_value v"
            f" where v.purpose = %s and v.sensitive = %s) x group by {names}",
            [*parameters, PURPOSES[first.purpose], first.sensitive],
        )
        return {tuple(row[:-1]): int(row[-1]) for row in cursor.fetchall()}


def _is_banded(one: Held) -> bool:
    return bool(one.definition.bands) and not one.compiled.grouped and one.compiled.shape in _NUMBERS


def _band_sql(one: Held) -> str:
    if one.compiled.grouped:
        return '(select e.key from jsonb_each_text(v."values" -> %s) e order by e.value::float8 desc, e.key limit 1)'
    if _is_banded(one):
        return """width_bucket((v."values" ->> %s)::float8, %s::float8[])::text"""
    return 'v."values" ->> %s'
