"""Weights learned from unlabelled records by expectation maximisation, with the shipped weights as ballast.

What the data shows rarely leans on the shipped value; a comparison whose training goes astray keeps it altogether.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt, log, log2
from typing import Final

import duckdb
import polars as pl

from kehu.refine.resolve.compare.conditions import ALIASED
from kehu.refine.resolve.compare.features import Features
from kehu.refine.resolve.compare.model import LEAST_RECORDS, Comparison, Level, Model
from kehu.refine.resolve.linkage.blocking import propose

# why a comparison keeps the weights that it was shipped with
SET, FEW_RECORDS, NO_PAIRS, FEW_MATCHES, ASTRAY = "set", "few-records", "no-pairs", "few-matches", "astray"

RANDOM_PAIRS: Final = 500_000
EM_PAIRS: Final = 400_000
_PSEUDO_MATCHES: Final = 100.0
_PSEUDO_PAIRS: Final = 100_000.0
_LEAST_M: Final = 0.001
_RARE: Final = 0.05  # share of strangers' pairs that agree, below which an agreement says something
_LEAST_MATCHES: Final = 50.0
# Rounds in which only what is no match is learned, else a match could come to mean something else; in which all is
# learned, few enough that it does not drift; and in which only the share of each kind is.
_HELD: Final = 8
_FREE: Final = 3
_SHARES: Final = 15
_DEFINED: Final = 0.98  # share of the pairs of a kind that have what makes it one; the rest are slips
_EXACT: Final = {
    "person": ("name, birth", "name, postal", "name, phone", "name, email", "national_id"),
    "organisation": ("name, postal", "name, phone", "registration_number"),
}


def expected_share(connection: duckdb.DuckDBPyConnection, features: Features, kind: str) -> float:
    """Share of record pairs expected to be one customer, from exact agreement; at least one in the number of records.

    Without the floor, names and birth dates whose duplicates all carry an error gave 3e-7, and nothing was found.
    """
    count = max(len(features.records), 2)
    found = 0
    for rule in _EXACT[kind]:
        if set(rule.split(", ")) <= features.columns:
            present = " AND ".join(f"{column} IS NOT NULL" for column in rule.split(", "))
            [(pairs,)] = connection.execute(
                f"SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM feature WHERE {present} GROUP BY {rule})"
            ).fetchall()
            found = max(found, int(pairs or 0))
    # Taken that one duplicate in two agrees exactly.
    return min(max(2 * found / (count * (count - 1) / 2), 1 / count), 0.05)


def train(connection: duckdb.DuckDBPyConnection, features: Features, model: Model) -> Model:
    """Learn weights from table `feature` and the candidate pairs of table `block`; see the module.

    With few records the shipped model comes back as it is.
    """
    if len(features.records) < LEAST_RECORDS:
        return replace(model, fell_back={one.name: FEW_RECORDS for one in model.comparisons})
    model = model.with_chances(_chances(connection, model))
    patterns = _patterns(connection, model)
    if patterns is None:
        return replace(model, fell_back={one.name: NO_PAIRS for one in model.comparisons})
    found = _maximised(model, patterns)
    taught: dict[str, tuple[Level, ...]] = {}
    fell_back: dict[str, str] = {}
    for number, comparison in enumerate(model.comparisons):
        if why := _why_not(comparison, found.known[number]):
            fell_back[comparison.name] = why
            continue
        levels = tuple(
            replace(level, m=max(float(f"{m:.6g}"), _LEAST_M))
            for level, m in zip(comparison.levels, found.agreement[number], strict=True)
        )
        if _astray(levels):
            fell_back[comparison.name] = ASTRAY
        else:
            taught[comparison.name] = levels
    learned = replace(model.with_levels(taught), fell_back=fell_back)
    return replace(learned, prior=_prior(found.matches, len(features.records)))


def _why_not(comparison: Comparison, known: float) -> str | None:
    if not comparison.learned:
        return SET
    return FEW_MATCHES if known < _LEAST_MATCHES else None


def _prior(matches: float, records: int) -> float:
    """Share of pairs that are one customer; at least one pair in ten records, as few as that can hardly be told."""
    share = max(matches, records / 10) / (records * (records - 1) / 2)
    return float(f"{min(share, 0.05):.6g}")


Rates = list[list[float]]
"""For each comparison the probability of each of its levels."""


@dataclass(frozen=True, slots=True)
class _Patterns:
    """How candidate pairs agree: for each way how many pairs, and for each comparison and level whether it is of it."""

    levels: list[list[pl.Series]]
    pairs: pl.Series

    def counted(self, number: int, weight: pl.Series) -> list[float]:
        """How much weight the pairs of each level of a comparison have."""
        return [float(there.dot(weight) or 0.0) for there in self.levels[number]]

    def likelihood(self, rates: Rates) -> pl.Series:
        """The logarithm of how likely each pattern is."""
        total = pl.repeat(0.0, len(self.pairs), eager=True)
        for levels, rate in zip(self.levels, rates, strict=True):
            for there, chance in zip(levels, rate, strict=True):
                total += there * log(max(chance, 1e-9))
        return total


@dataclass(frozen=True, slots=True)
class _Found:
    agreement: Rates
    known: list[float]
    matches: float


def level_sql(comparison: Comparison, left: str, right: str) -> str:
    """SQL: the number of the level in which a pair agrees, from 0; -1 where one lacks the column."""
    names = (left.format(comparison.column), right.format(comparison.column))
    cases = [f"WHEN {names[0]} IS NULL OR {names[1]} IS NULL THEN -1"]
    for number, level in enumerate(comparison.levels):
        cases.append(f"WHEN {level.when.sql(left, right)} THEN {number}" if level.when else f"ELSE {number}")
    return f"(CASE {' '.join(cases)} END)"


def _counted(connection: duckdb.DuckDBPyConnection, model: Model, pairs: str) -> _Patterns | None:
    columns = ", ".join(
        f"{level_sql(comparison, *ALIASED)} AS c{number}" for number, comparison in enumerate(model.comparisons)
    )
    names = ", ".join(f"c{number}" for number in range(len(model.comparisons)))
    rows = connection.execute(
        f"SELECT {names}, count(*) FROM (SELECT {columns} FROM {pairs}) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if not rows:
        return None
    said = [pl.Series(column, dtype=pl.Int64) for column in zip(*rows, strict=True)]
    counts = said.pop()
    levels = [
        [(column == number).cast(pl.Float64) for number in range(len(comparison.levels))]
        for column, comparison in zip(said, model.comparisons, strict=True)
    ]
    return _Patterns(levels, counts.cast(pl.Float64))


def _patterns(connection: duckdb.DuckDBPyConnection, model: Model) -> _Patterns | None:
    """How a share of the candidate pairs agrees, with the pairs counted up to all of them."""
    [(proposed,)] = connection.execute(
        "SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (SELECT count(*) AS n FROM block GROUP BY key)"
    ).fetchall()
    parts = 1 + int(proposed) // EM_PAIRS
    propose(connection, 0, parts)
    found = _counted(
        connection, model, "pair JOIN feature AS l ON l.id = join_key_l JOIN feature AS r ON r.id = join_key_r"
    )
    connection.execute("DROP TABLE pair")
    return None if found is None else replace(found, pairs=found.pairs * parts)


def _chances(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, list[float]]:
    """`u` of each comparison from pairs of a sample that is the same each time, drawn to the shipped one."""
    connection.execute(
        f"CREATE OR REPLACE TABLE sampled AS FROM feature ORDER BY hash(id), id LIMIT {isqrt(2 * RANDOM_PAIRS)}"
    )
    found = _counted(connection, model, "sampled AS l JOIN sampled AS r ON l.id < r.id")
    connection.execute("DROP TABLE sampled")
    assert found is not None
    measured: dict[str, list[float]] = {}
    for number, comparison in enumerate(model.comparisons):
        if comparison.learned:
            counts = found.counted(number, found.pairs)
            measured[comparison.name] = [
                float(f"{(n + level.u * _PSEUDO_PAIRS) / (sum(counts) + _PSEUDO_PAIRS):.6g}")
                for level, n in zip(comparison.levels, counts, strict=True)
            ]
    return measured


def _maximised(model: Model, patterns: _Patterns) -> _Found:
    """Expectation maximisation with five kinds of pairs: one customer, one family, one home, one birthday, none of these.

    A household agrees in much and is nobody's duplicate; with two kinds only, it would be learned as one, and with one kind
    for all of it its couples would, who have neither name nor age in common. What makes a kind is given and not learned, or
    another takes its place: a family has one family name and other given names; strangers born on one day agree in all else
    by chance, else who moved would be learned as one of them, or they as customers.
    """
    shipped = [[level.m for level in c.levels] for c in model.comparisons]
    chance = [[level.u for level in c.levels] for c in model.comparisons]
    birthday = [
        _one_day(rate) if c.name == "birth" else rate for c, rate in zip(model.comparisons, chance, strict=True)
    ]
    kinds = _begun(model, patterns, shipped, chance)
    everything = float(patterns.pairs.sum())
    agreement, weights = shipped, [kind * patterns.pairs for kind in kinds]
    likely: list[pl.Series] = []
    for number in range(_HELD + _FREE + _SHARES):
        if number < _HELD + _FREE:
            agreement = shipped if number < _HELD else _learned(patterns, weights[0], shipped, _PSEUDO_MATCHES)
            family, home, neither = (_learned(patterns, weights[kind], chance, 1.0) for kind in (1, 2, 4))
            family = [
                _one_family_name(c.levels, *rates) if c.name == "name" else rates[0]
                for c, *rates in zip(model.comparisons, family, chance, strict=True)
            ]
            likely = [patterns.likelihood(rate) for rate in (agreement, family, home, birthday, neither)]
        logs = [
            one + log(max(float(weight.sum()) / everything, 1e-12)) for one, weight in zip(likely, weights, strict=True)
        ]
        most = pl.select(pl.max_horizontal(logs)).to_series()
        odds = [(one - most).exp() for one in logs]
        whole = sum(odds[1:], odds[0])
        weights = [one / whole * patterns.pairs for one in odds]
    known = [sum(patterns.counted(number, weights[0])) for number in range(len(model.comparisons))]
    return _Found(agreement, known, float(weights[0].sum()))


def _one_family_name(levels: tuple[Level, ...], learned: list[float], chance: list[float]) -> list[float]:
    """How the names of two of a family agree: in the family name, as often in each degree as was learned; seldom otherwise."""
    kin = [rate if level.apart and level.when else 0.0 for level, rate in zip(levels, learned, strict=True)]
    return [
        _DEFINED * rate / sum(kin) if rate else (1 - _DEFINED) * by_chance
        for rate, by_chance in zip(kin, chance, strict=True)
    ]


def _one_day(chance: list[float]) -> list[float]:
    """How strangers born on one day agree in the birth date; for slips a little remains."""
    return [_DEFINED, *((1 - _DEFINED) / (len(chance) - 1) for _ in chance[1:])]


def _learned(patterns: _Patterns, weight: pl.Series, towards: Rates, pseudo: float) -> Rates:
    """How the pairs of a kind agree, drawn to what is given."""
    return [_rates(patterns.counted(number, weight), drawn, pseudo) for number, drawn in enumerate(towards)]


def _rates(counts: list[float], towards: list[float], pseudo: float) -> list[float]:
    whole = sum(counts) + pseudo * sum(towards)
    return [(count + pseudo * drawn) / whole for count, drawn in zip(counts, towards, strict=True)]


def _begun(model: Model, patterns: _Patterns, shipped: Rates, chance: Rates) -> list[pl.Series]:
    """How likely each pattern is each kind, by the shipped weights: where the search begins."""
    odds = patterns.likelihood(shipped) - patterns.likelihood(chance) + log(model.prior / (1 - model.prior))
    match = 1 / (1 + (-odds.clip(-50, 50)).exp())
    nothing = pl.repeat(0.0, len(patterns.pairs), eager=True)
    shared, kin, other, birthday = nothing, nothing, nothing, nothing
    for comparison, levels in zip(model.comparisons, patterns.levels, strict=True):
        if comparison.shared and comparison.levels[0].u < _RARE:
            shared = shared + levels[0]
        if comparison.name == "birth":
            birthday = levels[0]
        if comparison.name == "name":
            other = levels[-1]
            alike = zip(comparison.levels[:-1], levels[:-1], strict=True)
            kin = sum((there for level, there in alike if level.apart), nothing)
    family = ((shared > 0) & (kin > 0)).cast(pl.Float64)
    home = ((shared > 0) & (other > 0)).cast(pl.Float64)
    birthday = ((shared == 0) & (kin + other > 0) & (birthday > 0)).cast(pl.Float64)
    match = match * (1 - 0.95 * (family + home + birthday))
    likely = [0.05 + 0.9 * kind for kind in (family, home, birthday, 1 - family - home - birthday)]
    whole = sum(likely[1:], likely[0])
    return [match, *((1 - match) * one / whole for one in likely)]


def _astray(levels: tuple[Level, ...]) -> bool:
    """Whether agreement speaks against, or disagreement for, one customer: then training found something else."""
    first, last = levels[0], levels[-1]
    return log2(first.m / first.u) < 0.2 or log2(last.m / last.u) > -0.2 or last.m > 0.6
