"""Weights learned from unlabelled records by expectation maximisation, with the shipped weights as ballast.

What the data shows rarely leans on the shipped value; a comparison whose training goes astray keeps it altogether.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.exceptions import EMTrainingException

from kehu.refine.resolve.features import Features
from kehu.refine.resolve.model import Comparison, Level, Model

LEAST_RECORDS: Final = 500
RANDOM_PAIRS: Final = 1_000_000
EM_PAIRS: Final = 400_000
_PSEUDO_MATCHES: Final = 100.0
_PSEUDO_PAIRS: Final = 100_000.0
_LEAST_M: Final = 0.001
_SEED: Final = 1
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
    if not level.when:
        return cll.ElseLevel().configure(m_probability=level.m, u_probability=level.u)
    # Splink adjusts by term frequency only where it knows the level for an exact one.
    made = cll.ExactMatchLevel(level.frequency, True) if level.frequency else cll.CustomLevel(level.when, level.label)
    return made.configure(m_probability=level.m, u_probability=level.u)


def train(connection: duckdb.DuckDBPyConnection, features: Features, model: Model) -> Model:
    """Learn weights from table `feature`; with few records the shipped model comes back as it is."""
    if len(features.records) < LEAST_RECORDS:
        return model
    api = DuckDBAPI(connection)
    linker = Linker(api.register("feature"), settings(model), log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=_SEED)
    lessons = _PERSON_LESSONS if model.kind == "person" else _ORGANISATION_LESSONS
    for lesson in lessons:
        if set(lesson) <= features.columns:
            _learn(linker, lesson)
    learned = linker.misc.save_model_to_json()
    api.delete_tables_created_by_splink_from_db()
    return model.with_levels(_accepted(model, learned, len(features.records)))


def _learn(linker: Linker, lesson: tuple[str, ...]) -> None:
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*lesson), estimate_without_term_frequencies=True, max_pairs=EM_PAIRS
        )
    except EMTrainingException:
        # No two records share these columns: the other lessons remain.
        return


def _accepted(model: Model, learned: Mapping[str, Any], count: int) -> dict[str, tuple[Level, ...]]:
    accepted: dict[str, tuple[Level, ...]] = {}
    by_name = {comparison["output_column_name"]: comparison for comparison in learned["comparisons"]}
    for comparison in model.comparisons:
        raw = [level for level in by_name[comparison.name]["comparison_levels"] if not level.get("is_null_level")]
        levels = tuple(_blended(mine, theirs, count) for mine, theirs in zip(comparison.levels, raw, strict=True))
        if comparison.learned and not _astray(levels):
            accepted[comparison.name] = levels
    return accepted


def _blended(shipped: Level, learned: Mapping[str, Any], count: int) -> Level:
    """The learned weights, drawn to the shipped ones as if those had been seen in a few more pairs."""
    m = learned.get("m_probability") or 0.0
    u = learned.get("u_probability") or 0.0
    matches = count / 4
    m = (m * matches + shipped.m * _PSEUDO_MATCHES) / (matches + _PSEUDO_MATCHES)
    u = (u * RANDOM_PAIRS + shipped.u * _PSEUDO_PAIRS) / (RANDOM_PAIRS + _PSEUDO_PAIRS)
    return replace(shipped, m=max(m, _LEAST_M), u=u)


def _astray(levels: tuple[Level, ...]) -> bool:
    """Whether agreement speaks against, or disagreement for, one customer: then training found something else."""
    first, last = levels[0], levels[-1]
    return math.log2(first.m / first.u) < 0.2 or math.log2(last.m / last.u) > -0.2 or last.m > 0.6
