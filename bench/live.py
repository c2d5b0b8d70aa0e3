"""A record that has just come in looks for its customer: by keys in memory, and through the gate in PostgreSQL.

python -m bench.live --records 10000 100000           # in memory: candidates alone, and weighed; p50 and p99
python -m bench.live --vault 10000 100000             # whole: opened, weighed, joined, recorded; p50 and p99
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Final

from bench.linkage import Labelled, fetch_febrl, made_up
from bench.resolve import installation, load

_LOOK_UPS: Final = 1_000
_NEW: Final = 200  # records that come in one at a time, and are counted
_BEFORE: Final = 600  # and before them, into a server that has just started: plans are made, pages come into memory


def timed(work: Callable[[int], object], times: int) -> str:
    """p50 and p99 of so many calls, in milliseconds: wall, and CPU of this thread, to trust where the machine is shared."""
    wall, cpu = [], []
    gc.collect()
    gc.disable()
    for number in range(times):
        started, used = time.perf_counter(), time.thread_time()
        work(number)
        wall.append(1e3 * (time.perf_counter() - started))
        cpu.append(1e3 * (time.thread_time() - used))
    gc.enable()
    told = []
    for name, spent in (("wall", wall), ("CPU", cpu)):
        cuts = quantiles(spent, n=100)
        told.append(f"p50 {cuts[49]:.3f} ms, p99 {cuts[98]:.3f} ms {name}")
    return "; ".join(told)


def in_memory(data: Labelled) -> None:
    """Candidates of records that are there already, by their keys; then the same, weighed."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    django.setup()
    from kehu.refine.resolve.compare.features import prepare
    from kehu.refine.resolve.linkage.keyed import KeyedIndex
    from kehu.refine.resolve.live import Scorer

    features = prepare(data.table)
    started = time.perf_counter()
    index = KeyedIndex.of(features, os.urandom(32), "person")
    made = time.perf_counter() - started
    step = max(1, len(features.records) // _LOOK_UPS)
    asked = features.table.take(list(range(0, len(features.records), step))[:_LOOK_UPS]).to_pylist()
    found = [index.candidates(row) for row in asked]
    wanted = sorted({one for met in found for one in met})
    rows = dict(zip(wanted, features.table.take(wanted).to_pylist(), strict=True))
    scorer = Scorer("person", None)
    print(f"{data.name}: keyed index made in {made:.1f} s, {sum(map(len, found)) / len(found):.0f} candidates each")
    print(f"  candidates            {timed(lambda n: index.candidates(asked[n]), len(asked))}")

    def weighed(number: int) -> None:
        for one in index.candidates(asked[number]):
            scorer.edge((0, 1), asked[number], rows[one])

    print(f"  candidates, weighed   {timed(weighed, len(asked))}", flush=True)


def through_the_vault(folder: Path, count: int) -> None:
    """Some records come in one at a time to a vault that holds so many."""
    with installation() as made:
        made.run("bench.live", "--load", count)
        made.kehu("resolve")  # what comes singly is weighed by what a run of everything learned
        print(f"{count:,} in the vault:", flush=True)
        print(made.run("bench.live", "--look-up", count), end="", flush=True)


def look_up(folder: Path, count: int) -> None:
    """In an installation's process: bring records in, one at a time, and time what linkage does of each."""
    import django

    django.setup()
    from django.db import connection

    from bench.people import admit, draft
    from kehu.guard.installation import installation as held_installation
    from kehu.guard.staff.actions import owner_actor
    from kehu.host.database import Database
    from kehu.host.home import Home
    from kehu.refine.resolve import live, runs
    from kehu.refine.resolve.fresh import fresh
    from kehu.refine.resolve.opening import Group
    from kehu.vault.ids import new_id
    from kehu.vault.settling import settle_index

    database = Database(Home.current())
    database.start()
    fields = held_installation().rules.dictionary.fields
    exact = [name for name, field in fields.items() if "exact" in field.search]
    group, actor = Group(1, "person"), owner_actor()
    scorer = live.Scorer("person", fresh(everything=False).weights[group.name])
    drafts = []
    for number, row in enumerate(made_up(folder, _BEFORE + _NEW, seed=7).table.to_pylist()):
        del row["record"]
        row["full_name"] = " ".join(filter(None, (row.get("given_name"), row.get("family_name")))) or None
        drafts.append(draft(f"new-{number}", row, search=exact, packs=16))
    admit(drafts)
    settle_index(connection.connection)  # as an import does at its end
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state order by subject desc limit %s", [_BEFORE + _NEW])
        new = [row[0] for row in cursor.fetchall()]
    opened: list[int] = []

    def one(number: int) -> None:
        run = new_id()  # what comes singly is a run of its own
        met = live.LiveLinkage(group, scorer, actor=actor, run=run).look_up(new[number])
        opened.append(met.looked_at)
        runs.join_found(met.joins, run=run, actor=actor)
        runs.ask_found(met.asks, run=run)

    for number in range(_BEFORE):
        one(number)
    opened.clear()
    told = timed(lambda number: one(_BEFORE + number), _NEW)
    print(f"  looked up, opened, weighed, joined, recorded: {told}; {sum(opened) / len(opened):.1f} opened each")
    connection.close()
    database.release()


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    parser.add_argument("--records", type=int, nargs="*", default=[])
    parser.add_argument("--vault", type=int, nargs="*", default=[])
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--look-up", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    folder = fetch_febrl(given.cache)
    if folder is None:
        print("The FEBRL files cannot be had: no network?", file=sys.stderr)
        return 1
    if given.load:
        load(made_up(folder, given.load))
    elif given.look_up:
        look_up(folder, given.look_up)
    for count in given.records:
        in_memory(made_up(folder, count))
    for count in given.vault:
        through_the_vault(folder, count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
