"""Commands that bring data in: import, import undo, quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.databases import from_database, of_a_database, wanted_of
from kehu.doors.cli.frame import FAILED, REFUSED, USAGE, Failure, Pages, actor, command, language

if TYPE_CHECKING:
    from kehu.collect.imports.queries import ImportStatus
    from kehu.collect.quarantine.queries import Listed
    from kehu.doors.cli.bars import Counted


class _Import(click.Group):
    """``kehu import FILE…`` and ``kehu import undo ID`` under one word."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Whatever does not begin with a subcommand's name is a file or an option of the import itself."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "", self.commands["files"], args

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave options to the import, ``--help`` too."""
        if args and args[0] not in self.commands:
            args = ["--", *args]
        return super().parse_args(ctx, args)


@click.group("import", cls=_Import)
def import_() -> None:
    """Bring files of customer records in, or take an import back."""


@import_.command(
    "files",
    epilog="Example: kehu import customers.csv --channel store --basis contract (and back: kehu import undo ID)",
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--channel", help="The way these records came in.")
@click.option("--basis", help="The lawful basis they were collected on.")
@click.option("--notice", help="The notice they came under: NAME or NAME@VERSION; default the newest in force.")
@click.option("--controller", help="The legal entity that answers for them.")
@click.option("--residence", help="Two capital letters: the country of all; else the column that says it.")
@click.option("--source", help="Whom they come from, if not from the customers: kehu source list.")
@click.option("--for", "purposes", multiple=True, metavar="PURPOSE", help="Bring them in for this purpose alone.")
@click.option("--source-proof", type=click.Path(path_type=Path), help="What shows that a bought source is legal.")
@click.option("--consent", "consents", multiple=True, metavar="PURPOSE=COLUMN")
@click.option("--consent-time", metavar="COLUMN")
@click.option("--consent-way", metavar="WAY", help="How consent was given; default the channel.")
@click.option("--kind", default="customers", show_default=True, help="customers, organisations, orders, interactions")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="FIELD=#N where the file has no header.")
@click.option(
    "--day-first/--month-first", default=None, help="How its dates are written, where their values leave it open."
)
@click.option("--dry-run", is_flag=True, help="Show the mapping; bring nothing in.")
@click.option("--wait", is_flag=True, help="Run the linkage that follows, too.")
@click.option("--resume", metavar="ID", help="Go on with an import that was interrupted.")
@of_a_database
@command()
def import_files(dry_run: bool, wait: bool, resume: str | None, **options: Any) -> Any:
    """Read, clean, resolve by exact keys and seal; the same command again goes on where it was interrupted.

    Instead of files: rows of another database (--from-url-file), from where the last import of them ended on with --cursor.
    """
    from kehu.collect.imports import actions

    who, wanted = actor(), wanted_of(options)
    with _refusals():
        if resume is not None and not options["files"] and wanted is None:
            return _run(_id(resume), who, wait=wait)
        asked = _terms(resume=resume, **options)
        if wanted is not None:
            dry = _dry if dry_run else None
            return from_database(wanted, asked, who, dry=dry, run=lambda made: _run(made, who, wait=wait))
        planned = actions.plan(asked, actor=who)
        if dry_run:
            return _dry(planned)
        try:
            import_id = actions.start(planned, actor=who, only=_id(resume) if resume is not None else None)
        except actions.FilesChanged:
            text = "These are not the files and options of that import, or it is done."
            raise Failure(FAILED, "changed", text, "Give --resume ID alone, or leave it out.") from None
        return _run(import_id, who, wait=wait)


def _rows(told: Counted) -> Callable[[ImportStatus], None]:
    return lambda held: told(held.rows, held.expected)


def _run(import_id: UUID, who: Any, *, wait: bool) -> dict[str, Any]:
    """Work through an import, whose id is told first."""
    from kehu.collect.imports import actions
    from kehu.collect.imports.queries import status
    from kehu.doors.cli.bars import counted

    click.echo(str(import_id), err=True)
    with counted("import") as told:
        done = actions.run(import_id, actor=who, progress=_rows(told), link=not wait)
    if wait:
        from kehu.refine.resolve.regroup import link_and_regroup

        link_and_regroup(actor=who)
        done = status(import_id)
    return _answer(done)


@import_.command("undo", epilog="Example: kehu import undo 0199a1b2-…")
@click.argument("id")
@command()
def import_undo(id: str) -> Any:
    """Take an import back: nobody finds its rows any more, and after 30 days they are erased."""
    from kehu.collect.imports import actions
    from kehu.doors.cli.bars import counted

    with _refusals(), counted("import undo") as told:
        return {"undone": actions.undo(_id(id), actor=actor(), progress=told)}


def _terms(*, resume: str | None, **options: Any) -> Any:
    from kehu.collect.imports.recipe import ImportTerms

    for name in ("channel", "basis"):
        if not options[name]:
            raise Failure(
                USAGE, "usage", f"Every import needs --{name}: records come in only with their provenance.",
                f"Add --{name}.",
            )  # fmt: skip
    proof = options.pop("source_proof")
    pairs = [pair.partition("=") for pair in options.pop("consents")]
    if any(not found or not column for _, found, column in pairs):
        raise Failure(USAGE, "usage", "A consent is written PURPOSE=COLUMN.")
    for path in [*options["files"], *([proof] if proof else [])]:
        if not path.is_file():
            raise Failure(USAGE, "no-file", "A file that is named is not there.", "Look at the paths.")
    maps: tuple[str, ...] = options.pop("maps")
    return ImportTerms(
        files=tuple(options.pop("files")),
        maps=maps,
        **options,
        source_proof=proof.read_bytes() if proof else None,
        consents=tuple((purpose, column) for purpose, _, column in pairs),
    )


def _dry(planned: Any) -> dict[str, Any]:
    return {
        "mapping": planned.mapping,
        "unmapped": planned.unmapped,
        "rows": planned.rows,
        "samples": planned.samples,
        "recognised": [one.preset.label for one in planned.recognised],
        "notes": planned.told(language()),
    }


def _answer(done: Any) -> dict[str, Any]:
    names = ("rows", "accepted", "created", "updated", "merged", "duplicates", "review", "quarantined", "seconds")
    return {"import": str(done.id)} | {name: getattr(done, name) for name in names}


@contextmanager
def _refusals() -> Iterator[None]:
    """Say in our own exact words what an import can be refused for; in other languages the table of problems speaks."""
    from kehu.collect.imports import actions
    from kehu.collect.mapping import MappingRefused
    from kehu.collect.readers import UnreadableSource

    try:
        yield
    except (actions.TermsRefused, MappingRefused, UnreadableSource) as wrong:
        if language() != "en":
            raise
        if isinstance(wrong, UnreadableSource):
            raise Failure(FAILED, wrong.code, str(wrong), wrong.remedy) from None
        remedy = getattr(wrong, "remedy", "See the columns with --dry-run.")
        raise Failure(USAGE, "usage", str(wrong), remedy) from None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Failure(
            USAGE, "usage", "ID: an import's id as `kehu import` prints it.", "Take it from its answer."
        ) from None


@click.group()
def quarantine() -> None:
    """What was refused, why, and again."""


@quarantine.command("list", epilog="Example: kehu quarantine list 0199a1b2-… --json")
@click.argument("id", required=False)
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
@command()
def quarantine_list(id: str | None, limit: int | None) -> Any:
    """Rows that could not come in, and values kept as given though invalid (accepted)."""
    from kehu.collect.quarantine import queries

    with _refusals():
        wanted = _id(id) if id else None
        found = queries.listed_by_page(wanted, actor=actor(), limit=limit, language=language())
    return Pages("rows", ([_line(row) for row in page] for page in found))


def _line(row: Listed) -> dict[str, Any]:
    return {
        "id": str(row.id), "line": row.line, "field": row.field or None, "reason": row.reason, "remedy": row.remedy,
        "accepted": row.accepted, "import": str(row.batch), "file": row.file + 1,
    }  # fmt: skip


@quarantine.command("export", epilog="Example: kehu quarantine export 0199a1b2-… --to mend.csv")
@click.argument("id", required=False)
@click.option("--to", type=click.Path(path_type=Path), help="A new CSV file, readable by you alone.")
@click.option("--raw", is_flag=True, help="Every cell exactly as it came: not for a spreadsheet, which runs formulas.")
@command()
def quarantine_export(id: str | None, to: Path | None, raw: bool) -> Any:
    """Write refused rows to be mended; keep the column quarantine_id.

    A cell that a spreadsheet would run as a formula stands behind an apostrophe, which replay takes off again.
    """
    from kehu.collect.quarantine import actions

    place = to or Path(f"quarantine-{_id(id) if id else 'all'}.csv")
    with _refusals():
        done = actions.export(_id(id) if id else None, to=place, actor=actor(), language=language(), exact=raw)
    return {"file": str(done.file), "rows": done.rows}


@quarantine.command("replay", epilog="Example: kehu quarantine replay 0199a1b2-… --file mend.csv")
@click.argument("id", required=False)
@click.option("--file", "mended", type=click.Path(path_type=Path), help="The exported rows, mended.")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN")
@click.option("--wait", is_flag=True, help="Run the linkage that follows, too.")
@command()
def quarantine_replay(id: str | None, mended: Path | None, maps: tuple[str, ...], wait: bool) -> Any:
    """Bring refused rows in again, under the rules of now, or as they stand in a mended export.

    Without an ID those of all imports; one that is refused keeps none of the others: it is named, and the exit code is 3.
    --map is then for the imports that have its column; the others come in as they are mapped.
    """
    from kehu.collect.mapping import MappingRefused
    from kehu.collect.quarantine import actions
    from kehu.doors.cli.bars import counted
    from kehu.guard.gate.acts import Refused

    who = actor()
    if mended is not None and not mended.is_file():
        raise Failure(USAGE, "no-file", "A file that is named is not there.", "Look at the path.")
    with _refusals():
        wanted = [_id(id)] if id else actions.imports_to_bring(mended)
        if not wanted:
            raise actions.NothingRefused
        answers, refused, apart = list[dict[str, Any]](), list[dict[str, str]](), list[UUID]()
        for one in chain(wanted, apart):
            try:
                with counted("import") as told:
                    own = () if one in apart else maps
                    done = actions.replay(one, actor=who, mended=mended, maps=own, progress=_rows(told))
            except MappingRefused:  # it has no such column
                if one in apart or len(apart) + 1 == len(wanted):
                    raise  # none has: nothing came in
                apart.append(one)
                continue
            except Refused as why:  # its source's contract is over, say: that holds for this import alone
                if len(wanted) == len(refused) + 1:
                    raise  # none came in
                refused.append({"import": str(one), "policy": why.policy})
                continue
            click.echo(str(done.id), err=True)
            answers.append(_answer(done))
    answer = _together(answers, wait=wait, who=who)
    return (answer | {"refused": refused}, REFUSED) if refused else answer


def _together(answers: list[dict[str, Any]], *, wait: bool, who: Any) -> dict[str, Any]:
    """One answer of several replays: the counts of all, the last one's id."""
    from kehu.collect.imports.queries import status

    if wait:
        from kehu.refine.resolve.regroup import link_and_regroup

        link_and_regroup(actor=who)
        answers = [_answer(status(UUID(one["import"]))) for one in answers]
    last = answers[-1]
    if len(answers) == 1:
        return last
    names = [name for name in last if name not in ("import", "review")]
    review = None if any(one["review"] is None for one in answers) else sum(one["review"] for one in answers)
    summed = {name: round(sum(one[name] for one in answers), 3) for name in names}
    return {"import": last["import"], **summed, "review": review, "imports": [one["import"] for one in answers]}
