"""Exporting refused rows to be mended, and bringing them in again."""

from __future__ import annotations

import codecs
import csv
import io
import os
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, TextIO
from uuid import UUID

import orjson
from django.db import connection as django_connection
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from kehu.collect.imports import actions as importing
from kehu.collect.imports.queries import ImportStatus, UnknownImport
from kehu.collect.imports.recipe import FileRecipe, Recipe
from kehu.collect.mapping import Suggestion, override
from kehu.collect.models import Import, ImportChunk
from kehu.collect.quarantine.cells import for_spreadsheet
from kehu.collect.quarantine.groups import taken_back
from kehu.collect.quarantine.queries import (
    any_refused,
    imports_with_refused,
    refused_in_steps,
    refused_of,
    require_known,
)
from kehu.collect.quarantine.reasons import remedy
from kehu.collect.quarantine.source import EXACT_COLUMN, OWN_COLUMNS, MendedSource, ids_in, open_refused
from kehu.guard.aside import open_aside, seal_aside
from kehu.guard.aside_stream import OpeningReader, SealingWriter
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.staff.step_up import shown_lately
from kehu.host.home import Home, require_new
from kehu.vault.ids import new_id
from kehu.vault.keys import KEY

_STEP: Final = 2_000
_SECRET: Final = 4  # level from which a value wants the second factor
_SECOND_FACTOR: Final = "house.level4-second-factor"


class NothingRefused(LookupError):
    """No refused row waits there."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Where the rows were written, and how many."""

    file: Path
    rows: int


def export(import_id: UUID | None, *, to: Path, actor: Actor, language: str = "en", exact: bool = False) -> Exported:
    """Write refused rows as they came into a CSV file of 0600, to be mended and replayed.

    ``exact``: every cell as it came; else those that a spreadsheet would run stand quoted, and a replay takes that off.

    Raises:
        ActRefused: this role may not.
        Refused: a row holds a field of level 4 or what nobody said or could read, and a second factor was not shown lately.
        UnknownImport, NothingRefused: there is no row to write.
        FileExistsError, CannotWrite: see :func:`kehu.host.home.require_new`.
    """
    require_act("quarantine", actor)
    require_known(import_id)
    require_new(to)
    wanted = [import_id] if import_id else imports_with_refused()
    if not any_refused(wanted):
        raise NothingRefused
    # the owner holds the keys of all of it; a token can show no second factor
    secrets = actor.role == "owner" or shown_lately(actor.credential)
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            rows = _write(file, wanted, actor, import_id, language, exact=exact, secrets=secrets)
    except BaseException:
        to.unlink()  # half a file is none
        raise
    return Exported(to, rows)


def export_sealed(import_id: UUID, *, actor: Actor, language: str = "en") -> BinaryIO:
    """The same file, safe in a spreadsheet, for who hands it on: sealed on the disk under a key of its own, gone once it is closed.

    Raises:
        ActRefused: this role may not.
        Refused: a row holds a field of level 4 or what nobody said or could read, and a second factor was not shown lately.
        NothingRefused: there is no row to write.
    """
    require_act("quarantine", actor)
    if not any_refused([import_id]):
        raise NothingRefused
    secrets = shown_lately(actor.credential)  # as for each row by itself
    id, key = new_id(), os.urandom(KEY)
    with ExitStack() as broken_off:
        held = broken_off.enter_context(tempfile.TemporaryFile(dir=Home.current() / "spool"))
        writer = SealingWriter(held, key, id)
        writer.write(codecs.BOM_UTF8)
        _write(_Encoding(writer), [import_id], actor, import_id, language, exact=False, secrets=secrets)
        writer.close()
        broken_off.pop_all()
    return io.BufferedReader(OpeningReader(held, key, id))


class _Encoding:
    """Text written as bytes."""

    def __init__(self, writer: SealingWriter) -> None:
        self._writer = writer

    def write(self, text: str) -> None:
        """Add text."""
        self._writer.write(text.encode())


def _write(
    file: TextIO | _Encoding, imports: list[UUID], actor: Actor, detail: UUID | None, language: str, *, exact: bool,
    secrets: bool,
) -> int:  # fmt: skip
    """Every column of the files, also those in which no refused row holds anything; rows are never all in memory.

    ``secrets``: fields of level 4 may go out, and so may what may hold anything: rows that nobody could read, and columns of
    which nobody said what they hold.

    Raises:
        Refused: there are such, and they may not.
    """
    level = {name: field.level for name, field in installation().rules.dictionary.fields.items()}
    columns: dict[str, None] = {}
    untold: dict[tuple[UUID, int], frozenset[str]] = {}
    for row in Import.objects.filter(id__in=imports).order_by("id"):
        recipe = recipe_of_import(row, actor)
        added = added_fields(row, actor)
        for number, one in enumerate(recipe.files):
            untold[row.id, number] = recipe.untold(one)
            if not secrets and any(level[name] >= _SECRET for name in (*one.fields, *added)):
                raise Refused(_SECOND_FACTOR)
            columns |= dict.fromkeys([*one.fields.values(), *recipe.beside, *one.unmapped, *added])
    names = [*OWN_COLUMNS, *((EXACT_COLUMN,) if exact else ()), *columns]
    write = str if exact else for_spreadsheet
    out = csv.writer(file)
    out.writerow(map(write, names))
    count = 0
    for part in refused_in_steps(imports, _STEP):
        stand = {place.id: place for place in part}
        for id, (reason, content) in open_refused(list(stand), actor=actor, detail=detail).items():
            raw = content.startswith(b"\0")  # nobody could read it; and nothing may be left of it
            held = {} if raw else orjson.loads(content)
            place = stand[id]
            if not secrets and (raw or any(held.get(name) for name in untold[place.batch, place.file])):
                raise Refused(_SECOND_FACTOR)
            unread = content[1:].decode(errors="replace") if raw else ""
            told = (str(id), place.line, reason, remedy(reason, language), unread)
            cells: dict[str, object] = dict(zip(OWN_COLUMNS, told, strict=True)) | {EXACT_COLUMN: "yes"}
            cells |= held
            out.writerow(write(str(cell)) if (cell := cells.get(name)) is not None else "" for name in names)
            count += 1
    return count


def recipe_of_import(row: Import, actor: Actor) -> Recipe:
    """How the files of an import were read, opened from its seal; the act is recorded before."""
    return Recipe.unpack(open_aside({row.id: bytes(row.sealed)}, actor=actor, act="quarantine", detail=row.id)[row.id])


def added_fields(row: Import, actor: Actor) -> list[str]:
    """Fields that were put into one refused row or another of an import, under their own names: no recipe of its files has them.

    Those of a mending that broke off before its row was refused once more are left out: a law or a source may not allow them.
    """
    mended = Import.objects.filter(replays=row.id, expected=1).exclude(state="erased")
    mended = mended.filter(~Q(state="failed") | Exists(ImportChunk.objects.filter(batch=OuterRef("id"))))
    sealed = {one.id: bytes(one.sealed) for one in mended.order_by("id")}
    if not sealed:
        return []
    opened = open_aside(sealed, actor=actor, act="quarantine", detail=row.id)
    files = [file for packed in opened.values() for file in Recipe.unpack(packed).files]
    return list(dict.fromkeys(name for file in files for name, column in file.fields.items() if name == column))


def with_added(fields: dict[str, str], added: list[str], columns: Iterable[str]) -> dict[str, str]:
    """The fields of a file, and those that were added to its rows and that neither a field nor a column of it is."""
    taken = {*fields, *fields.values(), *columns}
    return fields | {name: name for name in added if name not in taken}


def imports_to_bring(mended: Path | None = None) -> list[UUID]:
    """Imports of which refused rows wait, the oldest first; with a mended file those of which it holds one.

    Raises:
        NotOfThisExport, UnreadableSource: the file cannot be followed.
    """
    waiting = imports_with_refused()
    if mended is None:
        return waiting
    held = ids_in(mended)
    return [one for one in waiting if any(str(id) in held for ids in refused_of(one).values() for id in ids)]


def replay(
    import_id: UUID,
    *,
    actor: Actor,
    mended: Path | None = None,
    maps: tuple[str, ...] = (),
    progress: importing.Progress | None = None,
) -> ImportStatus:
    """Bring the refused rows of an import in again, or those that a mended file holds, under the rules and the mapping of now.

    What comes in (or is here already) leaves the quarantine; what is refused again stays there.

    Raises:
        ActRefused, CollectionRefused: this role may not, or a law refuses.
        UnknownImport, NothingRefused: there is nothing to bring.
        NotOfThisExport, MappingRefused: the mended file or a mapping cannot be followed.
    """
    require_act("quarantine", actor)
    require_act("collect", actor)
    old = Import.objects.filter(id=import_id).first()
    if old is None or taken_back(old.id):
        raise UnknownImport(str(import_id))
    refused = refused_of(import_id)
    if mended is not None:
        held = ids_in(mended)
        refused = {number: here for number, ids in refused.items() if (here := [id for id in ids if str(id) in held])}
    if not refused:
        raise NothingRefused
    recipe = recipe_of_import(old, actor)
    added = added_fields(old, actor)
    files = [
        _again(recipe.files[number], ids, import_id, mended, maps, recipe.beside, added)
        for number, ids in sorted(refused.items())
    ]
    again = replace(recipe, files=files)
    return importing.run(enter(old, again, actor), actor=actor, progress=progress)


def _again(
    file: FileRecipe, ids: list[UUID], import_id: UUID, mended: Path | None, maps: tuple[str, ...], beside: list[str],
    added: list[str],
) -> FileRecipe:  # fmt: skip
    fields = with_added(file.fields, added, [*file.unmapped, *beside])
    columns = list(dict.fromkeys([*fields.values(), *file.unmapped, *beside]))
    if mended is not None:
        columns = MendedSource(mended, ids, columns).columns
    found = override(Suggestion(fields, []), maps, columns, installation().rules.dictionary)
    return replace(
        file, path=str(mended.absolute()) if mended else None, staged=None, digest="", rows=len(ids),
        fields=found.fields, unmapped=[name for name in columns if name not in found.fields.values()],
        replayed=[str(id) for id in ids], replays=str(import_id),
    )  # fmt: skip


def enter(old: Import, recipe: Recipe, actor: Actor) -> UUID:
    """A new import of the same terms, for these rows; of the same that is not finished the one that is there."""
    packed = recipe.pack()
    fingerprint = installation().tokens.content(b"replay" + old.id.bytes + packed)
    with transaction.atomic():
        # whoever asks for the same at the same moment finds the one that is entered here
        with django_connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(fingerprint[:8], "big", signed=True)])
        held = Import.objects.filter(fingerprint=fingerprint, state__in=("waiting", "running", "failed")).first()
        if held is not None:
            return held.id
        id = new_id()
        [sealed] = seal_aside(django_connection.connection, [(id, packed)])
        Import.objects.create(
            id=id, fingerprint=fingerprint, kind=old.kind, channel=old.channel, controller=old.controller,
            basis=old.basis, notice=old.notice, sealed=sealed, source=old.source, staff=actor.staff,
            expected=sum(file.rows for file in recipe.files), replays=old.id,
        )  # fmt: skip
    return id
