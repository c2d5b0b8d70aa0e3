"""Commands of classification: scan free text, list what was found, decide, look into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, Failure, actor, command


@click.group()
def classify() -> None:
    """Personal and sensitive data where nobody expects it: in free text, unknown columns and files."""


@classify.command("scan", epilog="Example: kehu classify scan")
@command()
def classify_scan() -> Any:
    """Look at everybody's free text now, through the gate; what stays are counts and kinds."""
    from kehu.refine.classify.scanning import ScanRuns, scan

    try:
        one = scan(actor=actor())
    except ScanRuns:
        raise Failure(FAILED, "running", "Another scan is going on.", "See: kehu classify list") from None
    waiting = one.findings.filter(state="open").count()
    return {"scan": str(one.id), "customers": one.done, "left_out": one.left_out, "texts": one.texts,
            "models": one.models_used, "waiting": waiting}  # fmt: skip


@classify.command("list", epilog="Example: kehu classify list")
@command()
def classify_list() -> Any:
    """What was found, by source and field; what waits for a decision first. The few are not told."""
    from kehu.refine.classify import queries

    held = actor()
    return {
        "findings": [
            {
                "finding": str(one.id), "source": one.source, "field": one.field, "kind": one.kind.name, "level": one.now,
                "proposed": one.kind.level, "texts": one.texts, "found": one.found, "state": one.state,
            }
            for one in queries.findings(actor=held)
        ],
        "raised": queries.raised_fields(actor=held),
    }  # fmt: skip


@classify.command("accept", epilog="Example: kehu classify accept 0199…")
@click.argument("finding", type=click.UUID)
@command()
def classify_accept(finding: UUID) -> Any:
    """Treat the field at the level of what was found in it, from the next read on."""
    from kehu.refine.classify import actions

    return _decided(lambda: actions.accept(finding, actor=actor()))


@classify.command("dismiss", epilog="Example: kehu classify dismiss 0199… --reason mistaken")
@click.argument("finding", type=click.UUID)
@click.option("--reason", type=click.Choice(["expected", "mistaken", "harmless"]), required=True)
@command()
def classify_dismiss(finding: UUID, reason: str) -> Any:
    """Leave the field as it is."""
    from kehu.refine.classify import actions

    return _decided(lambda: actions.dismiss(finding, reason, actor=actor()))


@classify.command("lower", epilog="Example: kehu classify lower text")
@click.argument("field")
@command()
def classify_lower(field: str) -> Any:
    """Give FIELD the level back that it ships with; what was found in it is asked about again."""
    from kehu.refine.classify import actions

    try:
        actions.lower(field, actor=actor())
    except actions.NotRaised:
        raise Failure(FAILED, "not-raised", "The field stands at its own level.", "See: kehu classify list") from None
    return {"field": field, "lowered": True}


@classify.command("file", epilog="Example: kehu classify file notes.pdf")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command()
def classify_file(file: Path) -> Any:
    """What stands in FILE: its columns that no field is known for, or the text of a PDF or text file. Nothing is kept.

    Pictures are not read: there is no recognition of letters here.
    """
    from kehu.collect.unknown import UnreadableFile, look

    try:
        found = look(file, actor=actor())
    except UnreadableFile:
        raise Failure(
            FAILED,
            "unreadable",
            "The file holds no text that can be read.",
            "Give a table, a PDF with text, or plain text.",
        ) from None
    columns = [
        {"column": one.column, "kind": one.kind.name, "field": one.kind.field or None, "category": one.kind.category,
         "level": one.kind.level, "values": one.values, "found": one.found, "samples": list(one.samples)}
        for one in found.columns
    ]  # fmt: skip
    return {"columns": columns, "kinds": found.kinds}


def _decided(decide: Any) -> Any:
    from kehu.refine.classify import actions

    try:
        row = decide()
    except actions.UnknownFinding:
        raise Failure(FAILED, "unknown-finding", "No such finding.", "See: kehu classify list") from None
    except actions.Decided:
        raise Failure(
            FAILED, "decided", "It was decided before, or the field's level covers it.", "See: kehu classify list"
        ) from None
    return {"finding": str(row.id), "field": row.field, "kind": row.kind, "state": row.state}
