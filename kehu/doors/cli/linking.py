"""Commands of linkage: resolve and sources."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from kehu.doors.cli.frame import DONE, actor, command, language, put, subject_id


@click.command(epilog="Example: kehu resolve --all")
@click.option("--all", "everything", is_flag=True, help="Everybody, not only what came since the last run.")
@click.option("--spark", "on_spark", is_flag=True, help="Link everybody on Spark: KEHU_SPARK_MASTER, else local[2].")
@command()
def resolve(everything: bool, on_spark: bool) -> Any:
    """Find the records of one customer: sure ones are joined, doubtful ones wait in the review queue.

    `fell_back` names comparisons that keep their shipped weights, and why: few-records, no-pairs, few-matches, astray.
    """
    from kehu.refine.resolve import runs

    if on_spark:
        os.environ.setdefault("KEHU_SPARK_MASTER", "local[2]")
    with _bar() as told:
        run = runs.resolve(actor=actor(), everything=everything, progress=told)
    return {
        "before": run.before,
        "after": run.after,
        "merged": run.merged,
        "review": run.review,
        "seconds": round(run.seconds, 3),
        "fell_back": [
            {"of": group, "why": why, "comparisons": sorted(name for name, said in held.items() if said == why)}
            for group, held in sorted(run.fell_back.items())
            for why in sorted(set(held.values()))
        ],
    }


@click.command(epilog="Example: kehu sources --channel store --with-proposals")
@click.option("--channel", required=True)
@click.option("--with-proposals", is_flag=True, help="As if every open proposal of the review queue were accepted.")
@command()
def sources(channel: str, with_proposals: bool) -> Any:
    """Which record belongs to which customer, as JSON lines."""
    from kehu.refine.resolve.sources import sources as listed

    for source in listed(channel, actor=actor(), with_proposals=with_proposals):
        put(json.dumps({"external_id": source.external_id, "subject": str(source.subject)}, ensure_ascii=False))
    sys.exit(DONE)  # the lines are the answer


@click.command(epilog="Example: kehu unmerge 0199… 0199…")
@click.argument("subject")
@click.argument("other")
@command()
def unmerge(subject: str, other: str) -> Any:
    """Part two records that are not one customer, for good; an incident opens if somebody was shown both as one.

    Each by an id that is its own: kehu erase SUBJECT --dry-run names those that linkage joined.
    """
    from kehu.serve.rights import wrong_merge

    one, two = subject_id(subject), subject_id(other)
    incident = wrong_merge.part(one, two, actor=actor(), language=language())
    return {"parted": [str(one), str(two)], "incident": str(incident) if incident else None}


@contextmanager
def _bar() -> Iterator[Callable[[str, float], None]]:
    """Progress on a terminal's standard error; elsewhere none."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description:9}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("open", total=1.0)
        yield lambda step, share: bar.update(task, description=step, completed=share)
