"""Commands of linkage: resolve and sources."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.frame import DONE, actor, as_object, command, language, put, subject_id

if TYPE_CHECKING:
    from kehu.refine.models import LinkageRun


@click.command(epilog="Example: kehu resolve --all")
@click.option("--all", "everything", is_flag=True, help="Everybody, not only what came since the last run.")
@click.option("--spark", "on_spark", is_flag=True, help="Link everybody on Spark: KEHU_SPARK_MASTER, else local[2].")
@click.option("--runs", "listed", is_flag=True, help="Link nobody: list the newest runs, jobs' too.")
@click.option("--undo", metavar="RUN", help="Take back what this run joined, save what people confirmed.")
@command()
def resolve(everything: bool, on_spark: bool, listed: bool, undo: str | None) -> Any:
    """Find the records of one customer: sure ones are joined, doubtful ones wait in the review queue.

    `fell_back` names comparisons that keep their shipped weights, and why: few-records, no-pairs, few-matches, astray.
    A run undone opens an incident for each two whom somebody saw as one; the next run of everybody may join them again.
    """
    from kehu.refine.resolve import runs
    from kehu.refine.resolve.regroup import link_and_regroup

    if sum((everything or on_spark, listed, undo is not None)) > 1:
        raise click.UsageError("--runs and --undo stand alone")
    if listed:
        return {"runs": [_run(one) for one in runs.newest_runs(actor=actor())]}
    if undo is not None:
        return _undone(undo)
    if on_spark:
        os.environ.setdefault("KEHU_SPARK_MASTER", "local[2]")
    with _bar() as told:
        run = link_and_regroup(actor=actor(), everything=everything, progress=told)
    return {
        "run": str(run.id),
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


def _run(one: LinkageRun) -> dict[str, Any]:
    return {
        "run": str(one.id), "started_at": one.started_at.isoformat(), "state": one.state, "everything": one.everything,
        "merged": one.merged, "review": one.review, "undone_at": one.undone_at.isoformat() if one.undone_at else None,
    }  # fmt: skip


def _undone(run: str) -> dict[str, Any]:
    from kehu.serve.rights.incidents import wrong_merge

    links, incidents = wrong_merge.undo_run(_run_id(run), actor=actor(), language=language())
    return {"undone": run, "links": links, "incidents": [str(one) for one in incidents]}


def _run_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("RUN: an id as `kehu resolve --runs` prints it") from None


@click.command(epilog="Example: kehu sources --channel store --with-proposals")
@click.option("--channel", required=True)
@click.option("--with-proposals", is_flag=True, help="As if every open proposal of the review queue were accepted.")
@command()
def sources(channel: str, with_proposals: bool) -> Any:
    """Which record belongs to which customer, as JSON lines."""
    from kehu.refine.resolve.sources import sources as listed

    for source in listed(channel, actor=actor(), with_proposals=with_proposals):
        put(as_object({"external_id": source.external_id, "subject": str(source.subject)}))
    sys.exit(DONE)  # the lines are the answer


@click.command(epilog="Example: kehu unmerge 0199… 0199…")
@click.argument("subject")
@click.argument("other")
@command()
def unmerge(subject: str, other: str) -> Any:
    """Part two records that are not one customer, for good; an incident opens if somebody was shown both as one.

    Each by an id that is its own: kehu erase SUBJECT --dry-run names those that linkage joined.
    """
    from kehu.serve.rights.incidents import wrong_merge

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
