"""The model as Splink's settings: what weighs pairs here by its own code is weighed there by theirs."""

from __future__ import annotations

from typing import Any

import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import SettingsCreator

from kehu.refine.resolve.compare.comparing import same
from kehu.refine.resolve.compare.model import Comparison, Level, Model


def settings(model: Model) -> SettingsCreator:
    """Pairs are proposed by `blocking`, so there are no blocking rules."""
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(comparison) for comparison in model.comparisons],
        blocking_rules_to_generate_predictions=[],
        probability_two_random_records_match=model.prior,
        unique_id_column_name="id",
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )


def _comparison(comparison: Comparison) -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name=comparison.name,
        comparison_levels=[cll.NullLevel(comparison.column), *(_level(level) for level in comparison.levels)],
    )


def _level(level: Level) -> Any:
    if level.when is None:
        return cll.ElseLevel().configure(m_probability=level.m, u_probability=level.u)
    # Splink reckons how rare a value is from the level that it knows for an exact one.
    if level.frequency and level.when == same(level.frequency):
        made: Any = cll.ExactMatchLevel(level.frequency, True)
    else:
        made = cll.CustomLevel(level.sql, level.label)
        if level.frequency:
            made = made.configure(tf_adjustment_column=level.frequency)
    return made.configure(m_probability=level.m, u_probability=level.u)
