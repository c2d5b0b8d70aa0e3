"""One pair of records weighed by a trained model, without a database: the same bits as Splink gives it in bulk.

A record is a folded one: a row of :attr:`kehu.refine.resolve.compare.features.Features.table`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2, prod
from typing import Final

import polars as pl

from kehu.refine.resolve.compare.conditions import Row
from kehu.refine.resolve.compare.features import Features
from kehu.refine.resolve.compare.guards import Guards
from kehu.refine.resolve.compare.model import PARTS_BITS, Comparison, Level, Model

# Bits that all a household shares may bring a pair to, its surname too: below the point of merging.
HOUSEHOLD_MOST: Final = 1.0
# Bits against one customer that all of an address may come to where a telephone or mailbox is the same: whoever moved has
# another street, number, flat and town, and takes those along. One record in thirty-two of somebody tells an old address.
PLACES_LEAST: Final = -5.0
ROUNDING: Final = 1e-6  # bits: far more than sums of a dozen numbers can differ by

Frequencies = Mapping[str, Mapping[str, float]]
"""Of columns whose rarity counts: the share of records, of those that have it, that have this value."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one comparison says of a pair, in bits: above 0 for one customer, below for two.

    Attributes:
        comparison: its name; ``label``: the degree in which the two agree.
        frequency_bits: how much the value's being rarer (or more common) than most adds or takes.
    """

    comparison: str
    label: str
    bits: float
    frequency_bits: float = 0.0

    @property
    def all_bits(self) -> float:
        """What it adds to the match weight."""
        return self.bits + self.frequency_bits


def frequencies(features: Features, model: Model) -> dict[str, dict[str, float]]:
    """How common each value is among these records, for the columns whose rarity counts in the model."""
    frame = pl.DataFrame(pl.from_arrow(features.table.select(model.rare)))
    return {
        column.name: dict(column.drop_nulls().value_counts(normalize=True, name="share").iter_rows())
        for column in frame
    }


def prior_bits(model: Model) -> float:
    """The weight of a pair of which nothing is known: where a waterfall of evidence begins."""
    return log2(model.prior / (1 - model.prior))


def explain(left: Row, right: Row, model: Model, *, frequencies: Frequencies | None = None) -> list[Evidence]:
    """What each comparison says, in the model's order; those of which one record knows nothing are left out.

    Args:
        frequencies: of the records the model was trained on; without them a rare value counts no more than a common one.
    """
    return [
        Evidence(
            comparison.name, level.label, log2(level.m / level.u), _rarity(level, comparison, left, right, frequencies)
        )
        for comparison in model.comparisons
        if (level := _level(comparison, left, right))
    ]


def told_once(left: Row, right: Row, degrees: Sequence[Evidence], model: Model) -> float:
    """Bits, 0 or more, by which all of an address says less against one customer than its parts add up to."""
    places = {one.name for one in model.comparisons if one.place}
    said = sum(one.all_bits for one in degrees if one.comparison in places)
    return _places(said, model.reached.holds(left, right) is True) - said


def _places(bits: float, reached: bool) -> float:
    return max(PLACES_LEAST, bits) if reached else bits


def weigh(
    left: Row, right: Row, model: Model, *, frequencies: Frequencies | None = None, least: float = float("-inf")
) -> float:
    """The match weight of a pair in bits, as :func:`explain` and :func:`told_once` add up to.

    Args:
        least: of a pair that weighs less, whatever else is compared of it, no more is compared; what is returned then is
            less than this, and at least what the pair weighs. Not with frequencies, for what is rare weighs any number.
    """
    weight, places, reached = prior_bits(model), 0.0, model.reached.holds(left, right) is True
    known = [
        (comparison, most)
        for comparison, most in zip(model.comparisons, model.most, strict=True)
        if left.get(comparison.column) is not None and right.get(comparison.column) is not None
    ]
    rest = sum(most for _, most in known) if frequencies is None else float("inf")
    for comparison, most in known:
        if level := _level(comparison, left, right):
            bits = log2(level.m / level.u) + _rarity(level, comparison, left, right, frequencies)
            weight, places = (weight, places + bits) if comparison.place else (weight + bits, places)
        rest -= most
        if (possible := weight + _places(places, reached) + rest) < least - ROUNDING:
            return possible
    return weight + _places(places, reached)


def most(left: Row, right: Row, model: Model) -> float:
    """The most that a pair may weigh, in bits, however much agrees that a household shares (surname, address, postcode,
    phone, mailbox): where nothing else speaks for one customer, too little to merge."""
    own = (_level(comparison, left, right) for comparison in model.own)
    return HOUSEHOLD_MOST + sum(log2(level.m / level.u) for level in own if level)


def weigh_pooled(pairs: Sequence[tuple[Row, Row]], model: Model, *, frequencies: Frequencies | None = None) -> float:
    """The match weight of two groups, in bits: of each comparison the most that any two of their records say, and of all
    no more than what a household does not share allows (:func:`most`).

    Args:
        pairs: each record of the one with each of the other.
    """
    weight, places, allowed = prior_bits(model), 0.0, HOUSEHOLD_MOST
    for comparison in model.comparisons:
        said = [
            log2(level.m / level.u) + _rarity(level, comparison, left, right, frequencies)
            for left, right in pairs
            if (level := _level(comparison, left, right))
        ]
        best = max(said, default=0.0)
        weight, places = (weight, places + best) if comparison.place else (weight + best, places)
    for comparison in model.own:
        levels = (_level(comparison, left, right) for left, right in pairs)
        allowed += max((log2(level.m / level.u) for level in levels if level), default=0.0)
    reached = any(model.reached.holds(*pair) for pair in pairs)
    return min(weight + _places(places, reached), allowed)


def doubts(left: Row, right: Row, held: Guards) -> list[str]:
    """What holds a pair back, whatever its weight: the names of :attr:`Guards.doubts` that are true of it."""
    return [name for name, condition in held.doubts.items() if condition.holds(left, right)]


def _level(comparison: Comparison, left: Row, right: Row) -> Level | None:
    """The strictest degree that holds; None where the column is missing in either."""
    if left.get(comparison.column) is None or right.get(comparison.column) is None:
        return None
    for level in comparison.levels:
        if level.when is None or level.when.holds(left, right):
            return level
    return None


def _share(level: Level, row: Row, frequencies: Frequencies) -> float | None:
    """How common the value is: as it is seen, or by its parts where that is less."""
    seen = frequencies.get(level.frequency or "", {}).get(row.get(level.frequency or "") or "")
    if seen is None or level.parts_when is None or not level.parts_when.holds(row, row):
        return seen
    parts = [frequencies.get(part, {}).get(row.get(part) or "") for part in level.parts]
    if None in parts:
        return seen
    return min(seen, max(prod(part for part in parts if part is not None), seen * 2**-PARTS_BITS))


def _rarity(level: Level, comparison: Comparison, left: Row, right: Row, frequencies: Frequencies | None) -> float:
    """Bits by which the value is rarer than an exact agreement usually is; the more common of two counts."""
    column = level.frequency
    if column is None or frequencies is None:
        return 0.0
    shares = [share for row in (left, right) if (share := _share(level, row, frequencies))]
    if not shares:
        return 0.0
    return log2(comparison.usual(column)) - log2(max(shares))
