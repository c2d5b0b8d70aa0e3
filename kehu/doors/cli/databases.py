"""Importing out of another database: its options, and the way of its rows through a sealed upload."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click

from kehu.doors.cli.frame import USAGE, Failure

_Command = TypeVar("_Command", bound=Callable[..., Any])
_COUNTS = ("rows", "accepted", "created", "updated", "merged", "duplicates", "quarantined")


def of_a_database(command: _Command) -> _Command:
    """The options of an import that reads another database."""
    path = click.Path(path_type=Path, exists=True, dir_okay=False)
    for option in (
        click.option("--from-start", is_flag=True, help="Read all rows again, whatever was read before."),
        click.option("--cursor", metavar="COLUMN", help="Bring in what this column says is new since the last time."),
        click.option("--query-file", type=path, help="A query instead of a table, in a file: it may hold values."),
        click.option("--table", help="The table to read: NAME or SCHEMA.NAME."),
        click.option(
            "--from-url-file", type=path, help="A file with the address of a database, which you alone may read."
        ),
    ):
        command = option(command)
    return command


def wanted_of(options: dict[str, Any]) -> Any:
    """What is to be read of a database, taken out of the options; None: files are imported.

    Raises:
        Failure: the options do not go together.
    """
    from kehu.collect.databases import Wanted

    file, table, query = (options.pop(name) for name in ("from_url_file", "table", "query_file"))
    cursor, from_start = options.pop("cursor"), options.pop("from_start")
    if file is None:
        if table or query or cursor or from_start:
            raise Failure(USAGE, "usage", "These options are of a database.", "Name its address with --from-url-file.")
        return None
    if options["files"] or (table is None) == (query is None):
        raise Failure(USAGE, "usage", "A database is read by one --table or one --query-file, and no other file.")
    return Wanted(file, table, query.read_text(encoding="utf-8") if query else None, cursor, from_start)


def from_database(
    wanted: Any,
    asked: Any,
    who: Any,
    *,
    dry: Callable[[Any], dict[str, Any]] | None,
    run: Callable[[UUID], dict[str, Any]],
) -> dict[str, Any]:
    """Read, then import what was read; the position moves on once that is done."""
    from kehu.collect import databases
    from kehu.collect.imports import actions, staging

    found = databases.read_database(wanted, channel=asked.channel, actor=who)
    if found.staged is None:
        return {"import": None, **dict.fromkeys(_COUNTS, 0), "review": None, "seconds": 0.0}
    try:
        planned = actions.plan(dataclasses.replace(asked, files=(found.staged,)), actor=who)
        if dry is not None:
            staging.discard(found.staged)
            return dry(planned)
        import_id = actions.start(planned, actor=who)
    except BaseException:
        staging.discard(found.staged)
        raise
    answer = run(import_id)
    databases.note_position(found, actor=who)
    return answer
