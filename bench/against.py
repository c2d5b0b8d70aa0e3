"""Ours beside Splink's own example settings, on the same files.

python -m bench.against                        # FEBRL 3 and 4, the Chinese set, census-like people
python -m bench.against --historical FILE      # historical_50k.parquet, too
python -m bench.against --only "FEBRL 4"

FEBRL 3, FEBRL 4 and the historical people by the comparisons, blocking and training of Splink's published examples of
those names; the Chinese set and census-like people, of which there is no example, by its templates for names, births and mail.
Splink's groups are chains of pairs above a threshold. Its best threshold is chosen by the truth, which nobody has at work;
ours has none.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from bench.census import SETS, fetch_forms, filled_in
from bench.chinese import make
from bench.linkage import (
    Labelled,
    Quality,
    alone,
    answered,
    customers,
    febrl,
    fetch_febrl,
    historical,
    quality,
    with_proposals,
)
from kehu.refine.resolve.linkage.link import link

USUAL: Final = (0.95, 0.99)
_KEPT_FROM: Final = 0.01  # pairs less likely are no match at any threshold tried
_GRID: Final = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999)


@dataclass(frozen=True, slots=True)
class Example:
    """Settings as an example has them. ``lessons``: what is blocked on while weights are learned; ``sure``: rules of which
    the share of matches is reckoned, with what share of matches they find (``recall``)."""

    comparisons: Sequence[Any]
    blocks: Sequence[Any]
    lessons: Sequence[Any]
    sure: Sequence[Any]
    recall: float
    random_pairs: float = 1e6
    two_tables: bool = False
    also: Mapping[str, pl.Expr] = field(default_factory=dict)


def _febrl(number: int, *, with_number: bool) -> Example:
    """Splink's examples febrl3 and febrl4; without the number of its records, that is left out wherever it stands."""
    name = ("given_name", "family_name")
    swapped = "l.given_name = r.family_name and l.family_name = r.given_name"
    held = [block_on("national_id")] if with_number else []
    common: dict[str, Any] = {
        "lessons": [block_on("birth_date"), block_on("postal_code")],
        "sure": [*held, block_on(*name, "birth_date"), f"{swapped} and l.birth_date = r.birth_date"],
        "recall": 0.9,
    }
    born = cl.DateOfBirthComparison("birth_date", input_is_string=True, datetime_format="%Y%m%d")
    house = cl.ExactMatch("house_number").configure(term_frequency_adjustments=True)
    names = [cl.NameComparison(column) for column in name]
    if number == 3:
        codes = [cl.DamerauLevenshteinAtThresholds("national_id", [2])] if with_number else []
        place = cl.ExactMatch("postal_code").configure(term_frequency_adjustments=True)
        blocks: list[Any] = [*held, *(block_on(column) for column in (*name, "birth_date", "postal_code"))]
        return Example([*names, born, *codes, house, place], blocks, **common)
    codes = [cl.DamerauLevenshteinAtThresholds("national_id", [1, 2])] if with_number else []
    place = cl.DamerauLevenshteinAtThresholds("postal_code", [1, 2]).configure(term_frequency_adjustments=True)
    blocks = [
        block_on(*name), swapped, block_on("birth_date"), *held, block_on("region", "street"),
        block_on("house_number", "street"), block_on("postal_code"),
    ]  # fmt: skip
    return Example([*names, born, *codes, house, place], blocks, two_tables=True, **common)


def _historical() -> Example:
    """Splink's example of 50,000 historical persons."""
    return Example(
        comparisons=[
            cl.ForenameSurnameComparison(
                "given_name", "family_name", forename_surname_concat_col_name="first_and_last"
            ),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.PostcodeComparison("postal_code"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        blocks=[
            block_on("postal_code", "given_name"),
            block_on("given_name", "family_name"),
            block_on("birth_date", "substr(postal_code, 1, 2)"),
            block_on("postal_code", "substr(birth_date, 1, 3)"),
            block_on("postal_code", "substr(birth_date, 4, 5)"),
        ],
        lessons=[block_on("given_name", "family_name"), block_on("birth_date")],
        sure=[
            block_on("given_name", "family_name", "birth_date"),
            "substr(l.given_name, 1, 2) = substr(r.given_name, 1, 2) and l.family_name = r.family_name"
            " and substr(l.postal_code, 1, 2) = substr(r.postal_code, 1, 2)",
            "l.birth_date = r.birth_date and l.postal_code = r.postal_code",
        ],
        recall=0.6,
        random_pairs=5e6,
        also={"first_and_last": pl.concat_str("given_name", "family_name", separator=" ")},
    )


def _chinese() -> Example:
    """No example exists: Splink's templates for names, births and mail, and equal numbers."""
    return Example(
        comparisons=[
            cl.ForenameSurnameComparison(
                "given_name", "family_name", forename_surname_concat_col_name="first_and_last"
            ),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.EmailComparison("email"),
            cl.LevenshteinAtThresholds("phone", [1]),
            cl.DamerauLevenshteinAtThresholds("national_id", [1, 2]),
            cl.JaroWinklerAtThresholds("address", [0.9, 0.8]),
            cl.ExactMatch("gender"),
        ],
        blocks=[
            block_on("given_name", "family_name"),
            *(block_on(one) for one in ("birth_date", "email", "phone", "national_id")),
        ],
        lessons=[block_on("given_name", "family_name"), block_on("birth_date"), block_on("phone")],
        sure=[
            block_on("national_id"), block_on("given_name", "family_name", "birth_date"),
            block_on("given_name", "family_name", "phone"),
        ],
        recall=0.6,
        also={"first_and_last": pl.concat_str("family_name", "given_name")},
    )  # fmt: skip


def _census() -> Example:
    """No example exists: Splink's templates for names and births, and an address by its parts."""
    return Example(
        comparisons=[
            cl.ForenameSurnameComparison(
                "given_name", "family_name", forename_surname_concat_col_name="first_and_last"
            ),
            cl.ExactMatch("second_given_name").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
            cl.ExactMatch("house_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("unit").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postal_code"),
            cl.ExactMatch("gender"),
        ],
        blocks=[
            block_on("given_name", "family_name"), block_on("birth_date"), block_on("house_number", "street"),
            block_on("family_name", "substr(given_name, 1, 1)"),
        ],
        lessons=[block_on("given_name", "family_name"), block_on("birth_date")],
        sure=[
            block_on("given_name", "family_name", "birth_date"), block_on("given_name", "birth_date", "house_number"),
        ],
        recall=0.8,
        also={"first_and_last": pl.concat_str("given_name", "family_name", separator=" ")},
    )  # fmt: skip


def splink_pairs(data: Labelled, example: Example) -> list[tuple[str, str, float]]:
    """What Splink says of every pair it compares: probabilities of one person."""
    frame = pl.DataFrame(pl.from_arrow(data.table)).with_columns(**example.also)
    api = DuckDBAPI()
    settings = SettingsCreator(
        link_type="link_only" if example.two_tables else "dedupe_only",
        comparisons=list(example.comparisons),
        blocking_rules_to_generate_predictions=list(example.blocks),
        unique_id_column_name="record",
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )
    if example.two_tables:
        first = pl.col("record").str.ends_with("-org")
        tables = [api.register(part.to_arrow()) for part in (frame.filter(first), frame.filter(~first))]
    else:
        tables = [api.register(frame.to_arrow())]
    linker = Linker(tables, settings, log_level=logging.CRITICAL)
    linker.training.estimate_probability_two_random_records_match(list(example.sure), recall=example.recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=example.random_pairs, seed=1)
    for lesson in example.lessons:
        linker.training.estimate_parameters_using_expectation_maximisation(lesson, record_sample_proportion=1.0)
    found = linker.inference.predict(threshold_match_probability=_KEPT_FROM).as_pyarrow_table()  # type: ignore[no-untyped-call]
    assert isinstance(found, pa.Table)
    columns = (found[name].to_pylist() for name in ("record_l", "record_r", "match_probability"))
    return list(zip(*columns, strict=True))


def at(data: Labelled, pairs: Sequence[tuple[str, str, float]], threshold: float) -> Quality:
    """Quality of the chains of pairs at least so probable."""
    return quality(customers(data.truth, [pair[:2] for pair in pairs if pair[2] >= threshold]), data.truth)


def _theirs(load: Callable[[], Labelled], example: Callable[[], Example]) -> None:
    data = load()
    before, began, used = _memory(), time.perf_counter(), time.process_time()
    pairs = splink_pairs(data, example())
    took, cpu, memory = time.perf_counter() - began, time.process_time() - used, _memory()
    found = {threshold: at(data, pairs, threshold) for threshold in _GRID}
    best = max(found, key=lambda one: found[one].f1)
    print(f"{data.name}\n  Splink: {took:.1f} s ({cpu:.1f} s CPU), {memory - before:.2f} GB beside the input")
    for threshold, word in ((best, "best by the truth"), *((one, "usual") for one in USUAL)):
        print(f"    {f'{word}, {threshold}':26}{found[threshold]}")
    sys.stdout.flush()


def _ours(load: Callable[[], Labelled]) -> None:
    data = load()
    before, began, used = _memory(), time.perf_counter(), time.process_time()
    result = link(data.table)
    took, cpu, memory = time.perf_counter() - began, time.process_time() - used, _memory()
    print(f"  ours: {took:.1f} s ({cpu:.1f} s CPU), {memory - before:.2f} GB beside the input")
    print(f"    {'merged by itself':26}{alone(data, result)}")
    print(f"    {'proposals accepted':26}{with_proposals(data, result)}")
    print(f"    {'proposals answered':26}{answered(data, result)}  ({len(result.proposals):,} questions)", flush=True)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _made(count: int) -> Labelled:
    return make(count, seed=2026).data


def sets(
    folder: Path, file: Path | None, chinese: int, forms: Path | None = None
) -> dict[str, tuple[Callable[[], Labelled], Callable[[], Example]]]:
    """Each set by name: how it is loaded, and Splink's settings for it."""
    found: dict[str, tuple[Callable[[], Labelled], Callable[[], Example]]] = {
        f"FEBRL {number} {'with' if held else 'without'} number": (
            partial(febrl, folder, number, social_security=held), partial(_febrl, number, with_number=held),
        )
        for number in (3, 4) for held in (True, False)
    }  # fmt: skip
    if file:
        found["historical"] = partial(historical, file), _historical
    found["Chinese"] = partial(_made, chinese), _chinese
    if forms:
        for name in ("census of two years", "census and surveys"):
            found[name] = partial(filled_in, forms, name, SETS[name]), _census
    return found


def main() -> int:
    """Each set and each way in a process of its own, so that one peak of memory is not the next one's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    parser.add_argument("--historical", type=Path)
    parser.add_argument("--chinese", type=int, default=20_000, help="records of the Chinese set")
    parser.add_argument("--only", default="", help="sets whose name begins so")
    given = parser.parse_args()
    folder = fetch_febrl(given.cache)
    if folder is None:
        print("The FEBRL files cannot be had: no network?", file=sys.stderr)
        return 1
    spawn = multiprocessing.get_context("spawn")
    failed = 0
    for name, (load, example) in sets(folder, given.historical, given.chinese, fetch_forms(given.cache)).items():
        if name.startswith(given.only):
            for process in (
                spawn.Process(target=_theirs, args=(load, example)),
                spawn.Process(target=_ours, args=(load,)),
            ):
                process.start()
                process.join()
                failed |= process.exitcode or 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
