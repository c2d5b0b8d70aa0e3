"""Linkage measured vault to vault, and its quality from file to customer through the command line.

python -m bench.resolve --quality                       # FEBRL 3 and 4: import, resolve, sources --with-proposals
python -m bench.resolve --quality --historical FILE     # the same of historical_50k.parquet
python -m bench.resolve --records 100000 1000000        # open, link, assign, ledger; seconds and memory

Each run has a home and a database of its own in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from bench.linkage import FEBRL, Labelled, febrl, fetch_febrl, historical, made_up, quality

_CHUNK: Final = 10_000
_LOOK: Final = 3.0  # seconds; to add up the pages of a dozen processes takes a third of one, of a core that they want


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--historical", type=Path)
    parser.add_argument("--records", type=int, nargs="*", default=[])
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = fetch_febrl(given.cache)
    if folder is None:
        print("The FEBRL files cannot be had: no network?", file=sys.stderr)
        return 1
    if given.load:
        load(made_up(folder, given.load))
        return 0
    if given.historical:
        measure_quality(historical(given.historical))
    elif given.quality:
        for number in FEBRL:
            for social_security in (True, False):
                measure_quality(febrl(folder, number, social_security=social_security))
    for count in given.records:
        measure_speed(folder, count)
    return 0


class Installation:
    """A home of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "KEHU_HOME": str(folder / "home"),
            "DJANGO_SETTINGS_MODULE": "kehu.host.settings",
        }
        self._environment.pop("KEHU_TOKEN", None)

    def kehu(self, *words: object) -> Any:
        """Run a command; its JSON object, or its lines."""
        lines = self.run("kehu.doors.cli.main", *words, "--json").splitlines()
        return json.loads(lines[0]) if len(lines) == 1 else [json.loads(line) for line in lines]

    def folders(self) -> list[str]:
        """Where this installation keeps anything."""
        status = self.kehu("status")
        return [status["home"], *status["folders"]]

    def run(self, module: str, *words: object) -> str:
        """Run a module of ours; what it printed.

        Raises:
            SystemExit: it failed.
        """
        command = [sys.executable, "-m", module, *map(str, words)]
        done = subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"{module} {words[0]}: exit code {done.returncode} {done.stdout}")
        return done.stdout


@contextmanager
def installation() -> Iterator[Installation]:
    """A fresh installation, gone afterwards, with what it keeps outside of its home."""
    with tempfile.TemporaryDirectory() as folder:
        made = Installation(Path(folder))
        made.kehu("init")
        folders = made.folders()
        try:
            yield made
        finally:
            for one in folders:
                shutil.rmtree(one, ignore_errors=True)


def measure_quality(data: Labelled) -> None:
    """Two channels' files in, customers out; print how well they agree with the truth."""
    frame = pl.DataFrame(pl.from_arrow(data.table)).rename({"record": "external_id"})
    half = pl.col("external_id").hash(7) % 2 == 0
    with installation() as made, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        for channel, share in (("store", frame.filter(half)), ("shop", frame.filter(~half))):
            file = Path(folder) / f"{channel}.csv"
            share.write_csv(file)
            maps = [word for name in share.columns for word in ("--map", f"{name}={name}")]
            made.kehu("import", file, "--channel", channel, "--basis", "contract", "--residence", "AU", *maps)
        brought = time.perf_counter() - started
        run = made.kehu("resolve", "--all")
        found = {with_proposals: _customers(made, with_proposals) for with_proposals in (False, True)}
    print(f"{data.name}: {run}, import {brought:.1f} s", flush=True)
    print(f"  merged by itself    {quality(found[False], data.truth)}")
    print(f"  --with-proposals    {quality(found[True], data.truth)}", flush=True)


def _customers(made: Installation, with_proposals: bool) -> Mapping[str, str]:
    more = ["--with-proposals"] if with_proposals else []
    lines = [line for channel in ("store", "shop") for line in made.kehu("sources", "--channel", channel, *more)]
    return {line["external_id"]: line["subject"] for line in lines}


def measure_speed(folder: Path, count: int) -> None:
    """Made-up records sealed into a vault; then linkage of all of them, timed and weighed."""
    with installation() as made:
        started = time.perf_counter()
        made.run("bench.resolve", "--load", count)
        print(f"{count:,} records sealed in {time.perf_counter() - started:.0f} s", flush=True)
        with Memory(made.folders()) as memory:
            run = made.kehu("resolve", "--all")
        print(f"  resolve --all: {run}, peak of all its processes {memory.peak / 2**30:.2f} GB", flush=True)
        run = made.kehu("resolve")
        print(f"  resolve, nothing new: {run}", flush=True)


def load(data: Labelled) -> None:
    """Seal records as an import seals them, without reading a file or cleaning: they are clean."""
    import django

    django.setup()
    from django.db import connection

    from bench.people import admit, draft
    from kehu.guard.installation import installation as held_installation
    from kehu.host.database import Database
    from kehu.host.home import Home

    database = Database(Home.current())
    database.start()
    fields = held_installation().rules.dictionary.fields
    exact = [name for name, field in fields.items() if "exact" in field.search]
    for batch in data.table.to_batches(_CHUNK):
        drafts = []
        for row in batch.to_pylist():
            own = row.pop("record")
            row["full_name"] = " ".join(filter(None, (row.get("given_name"), row.get("family_name")))) or None
            drafts.append(draft(own, row, search=exact, packs=16))
        admit(drafts)
    connection.close()
    database.release()


class Memory:
    """The peak of memory of all processes this one started, the database among them, as the system counts shares (PSS)."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = tuple(folders)
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            self.peak = max(self.peak, sum(_pss(pid) for pid in self._processes()))

    def _processes(self) -> set[int]:
        """Ours, and the database's, whose working folder is one of this installation's."""
        return {*_descendants(os.getpid()), *(pid for pid in _all() if _folder_of(pid).startswith(self._folders))}


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _folder_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _descendants(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for pid in _all():
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        parents.setdefault(parent, []).append(pid)
    found, rest = [], [root]
    while rest:
        children = parents.get(rest.pop(), [])
        found += children
        rest += children
    return found


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    sys.exit(main())
