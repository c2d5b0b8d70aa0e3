"""Weights learned from unlabelled records by expectation maximisation, with the shipped weights as ballast.

What the data shows rarely leans on the shipped value; a comparison whose training goes astray keeps it altogether.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from math import isqrt, log2
from statistics import median
from typing import Any, Final

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.exceptions import EMTrainingException

from kehu.refine.resolve.features import Features
from kehu.refine.resolve.model import LEAST_RECORDS, Comparison, Level, Model

RANDOM_PAIRS: Final = 500_000
EM_PAIRS: Final = 400_000
_PSEUDO_MATCHES: Final = 100.0
_PSEUDO_PAIRS: Final = 100_000.0
_LEAST_M: Final = 0.001
# Records blocked on one set of columns teach the weights of all others.
_PERSON_LESSONS: Final = (("birth",), ("first", "last"), ("postal", "first"), ("email",), ("phone",))
_ORGANISATION_LESSONS: Final = (("postal",), ("name",), ("phone",), ("registration_number",))
_EXACT: Final = {
    "person": ("name, birth", "name, postal", "name, phone", "name, email", "national_id"),
    "organisation": ("name, postal", "name, phone", "registration_number"),
}

# Splink's messages are advice for its user at a notebook; a fault of ours is raised, not logged.
logging.getLogger("splink").setLevel(logging.CRITICAL)


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


def settings(model: Model) -> SettingsCreator:
    """The model as Splink settings; pairs are proposed by `blocking`, so there are no blocking rules."""
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_splink_comparison(comparison) for comparison in model.comparisons],
        blocking_rules_to_generate_predictions=[],
        probability_two_random_records_match=model.prior,
        unique_id_column_name="id",
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
        max_iterations=15,
        em_convergence=0.001,
    )


def _splink_comparison(comparison: Comparison) -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name=comparison.name,
        comparison_levels=[cll.NullLevel(comparison.column), *(_splink_level(level) for level in comparison.levels)],
    )


def _splink_level(level: Level) -> Any:
    if level.when is None:
        return cll.ElseLevel().configure(m_probability=level.m, u_probability=level.u)
    # Splink adjusts by term frequency only where it knows the level for an exact one.
    made = cll.ExactMatchLevel(level.frequency, True) if level.frequency else cll.CustomLevel(level.sql, level.label)
    return made.configure(m_probability=level.m, u_probability=level.u)


def train(connection: duckdb.DuckDBPyConnection, features: Features, model: Model) -> Model:
    """Learn weights from table `feature`; with few records the shipped model comes back as it is."""
    if len(features.records) < LEAST_RECORDS:
        return model
    model = model.with_levels(_chances(connection, model))
    lessons = _PERSON_LESSONS if model.kind == "person" else _ORGANISATION_LESSONS
    learned: dict[str, list[list[float]]] = {}
    for lesson in lessons:
        if set(lesson) <= features.columns:
            for name, weights in _learn(connection, model, lesson).items():
                learned.setdefault(name, []).append(weights)
    matches = len(features.records) / 4
    taught = {
        comparison.name: _taught(comparison, learned[comparison.name], matches)
        for comparison in model.comparisons
        if comparison.learned and comparison.name in learned
    }
    return model.with_levels({name: levels for name, levels in taught.items() if not _astray(levels)})


def _chances(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, tuple[Level, ...]]:
    """`u` of each comparison from pairs of a sample that is the same each time, drawn to the shipped one."""
    # Splink's own sample depends on which thread comes first.
    connection.execute(
        f"CREATE OR REPLACE TABLE sampled AS FROM feature ORDER BY hash(id), id LIMIT {isqrt(2 * RANDOM_PAIRS)}"
    )
    linker = Linker(DuckDBAPI(connection).register("sampled"), settings(model), validate_settings=False, log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=4 * RANDOM_PAIRS, min_count_per_level=None, num_chunks=1)
    learned = _levels(_saved(linker))
    linker.table_management.invalidate_cache()
    connection.execute("DROP TABLE sampled")
    return {
        comparison.name: tuple(
            replace(level, u=_drawn(found.get("u_probability"), RANDOM_PAIRS, level.u, _PSEUDO_PAIRS))
            for level, found in zip(comparison.levels, learned[comparison.name], strict=True)
        )
        for comparison in model.comparisons
        if comparison.learned
    }


def _levels(saved: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The levels Splink saved, without those for missing values."""
    return {
        comparison["output_column_name"]: [
            level for level in comparison["comparison_levels"] if not level.get("is_null_level")
        ]
        for comparison in saved["comparisons"]
    }


def _drawn(learned: float | None, pairs: float, shipped: float, pseudo_pairs: float) -> float:
    """The learned probability, drawn to the shipped one as if that had been seen in a few more pairs; six digits."""
    return float(f"{((learned or 0.0) * pairs + shipped * pseudo_pairs) / (pairs + pseudo_pairs):.6g}")


def _learn(connection: duckdb.DuckDBPyConnection, model: Model, lesson: tuple[str, ...]) -> dict[str, list[float]]:
    """`m` of the levels of each comparison that pairs equal in the lesson's columns can teach."""
    # Without frequencies, which training leaves out anyway; a linker each, for one that failed is left crippled.
    plain = model.without_frequencies()
    linker = Linker(DuckDBAPI(connection).register("feature"), settings(plain), validate_settings=False, log_level=None)
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*lesson), max_pairs=EM_PAIRS)
    except (EMTrainingException, ValueError):
        # No two records share these columns, or a weight ran to zero: the other lessons and shipped weights remain.
        return {}
    finally:
        linker.table_management.invalidate_cache()
    learned = _levels(_saved(linker))
    taught: dict[str, list[float]] = {}
    for comparison in plain.comparisons:
        found = [level["m_probability"] for level in learned[comparison.name]]
        weights = [m if isinstance(m, float) else level.m for m, level in zip(found, comparison.levels, strict=True)]
        # Splink leaves the weights of the lesson's own columns as they were.
        if any(m != level.m for m, level in zip(weights, comparison.levels, strict=True)):
            taught[comparison.name] = weights
    return taught


def _saved(linker: Linker) -> Mapping[str, Any]:
    saved: Mapping[str, Any] = linker.misc.save_model_to_json()
    return saved


def _taught(comparison: Comparison, lessons: list[list[float]], matches: float) -> tuple[Level, ...]:
    """The middle of what the lessons taught, drawn to the shipped weights."""
    return tuple(
        replace(level, m=max(_drawn(median(taught), matches, level.m, _PSEUDO_MATCHES), _LEAST_M))
        for level, taught in zip(comparison.levels, zip(*lessons, strict=True), strict=True)
    )


def _astray(levels: tuple[Level, ...]) -> bool:
    """Whether agreement speaks against, or disagreement for, one customer: then training found something else."""
    first, last = levels[0], levels[-1]
    return log2(first.m / first.u) < 0.2 or log2(last.m / last.u) > -0.2 or last.m > 0.6
