"""Starting, running and taking back an import."""

from __future__ import annotations

import dataclasses
import errno
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db import connection as django_connection
from django.db.models import F
from django.utils import timezone
from psycopg import Connection

from kehu.collect.imports import staging
from kehu.collect.imports.ahead import ahead
from kehu.collect.imports.beside import Task, beside, worth_it
from kehu.collect.imports.garbage import collected_by_batch
from kehu.collect.imports.plan import SIZE, Plan, TermsRefused, digest_of, make_plan, opened
from kehu.collect.imports.prepare import Prepared, Preparer
from kehu.collect.imports.queries import ImportStatus, UnknownImport, status, uploads_here
from kehu.collect.imports.recipe import ImportTerms, Known, Recipe
from kehu.collect.imports.undo import is_half, proof_id, take_back
from kehu.collect.imports.write import Counts, Place, write_chunk
from kehu.collect.models import Import, ImportChunk
from kehu.collect.readers import UnreadableSource
from kehu.govern.models import Channel
from kehu.guard.aside import AsideDoesNotOpen, open_aside, seal_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.admit import Admission, CollectionRefused, Terms
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.installation import installation
from kehu.host.away import AWAY
from kehu.host.each import each
from kehu.refine.tasks import defer_linkage
from kehu.vault.ids import new_id
from kehu.vault.settling import settled_beside

Progress = Callable[[ImportStatus], None]
_WAIT_SECONDS: Final = 10.0
_SLOW: Final = 2.0  # seconds of one transaction
_FEWEST: Final = 250
STOPPED: Final = "stopped"
OURS: Final = "ours"
NOBODY: Final = "nobody"
"""Why an import broke off: somebody stopped it; something of the house's own, that its log tells of; who began it is gone."""


class ImportRunning(RuntimeError):
    """Another process works on this import now."""


class ImportStopped(RuntimeError):
    """Somebody stopped it while it was being worked on; what came in stays."""


class ImportOver(RuntimeError):
    """It was taken back: import the files anew."""


class FilesChanged(RuntimeError):
    """A file is not the one this import began with."""


def plan(asked: ImportTerms, *, actor: Actor, known: Known | None = None) -> Plan:
    """What an import would do (see :func:`kehu.collect.imports.plan.make_plan`)."""
    return make_plan(asked, actor=actor, known=known)


def start(planned: Plan, *, actor: Actor, only: UUID | None = None) -> UUID:
    """Enter an import; one of the same contents and options that is not finished is taken up again.

    Raises:
        FilesChanged: it would be another than ``only``; none was entered.
    """
    terms = planned.terms
    with transaction.atomic():
        raw: Connection[Any] = django_connection.connection
        # whoever starts the same at the same moment finds the one that is entered here
        raw.execute("select pg_advisory_xact_lock(%s)", (int.from_bytes(planned.fingerprint[:8], "big", signed=True),))
        held = (
            Import.objects.select_for_update()
            .filter(fingerprint=planned.fingerprint, state__in=("waiting", "running", "failed"))
            .first()
        )
        if only is not None and (held is None or held.id != only):
            raise FilesChanged
        if held is not None:
            if raw.execute("select pg_try_advisory_xact_lock(%s)", (_key_of(held.id),)).fetchone() == (True,):
                _renew_settings(held, planned, actor)  # nobody is at work on it under the old ones
            return held.id
        id = new_id()
        things = [(id, planned.recipe.pack())]
        if planned.proof is not None:
            things.append((proof_id(id), planned.proof))
        sealed, *proof = seal_aside(django_connection.connection, things)
        Import.objects.create(
            id=id, fingerprint=planned.fingerprint, kind=planned.recipe.kind, channel=terms.channel,
            controller=terms.controller, basis=terms.basis, notice=terms.notice, sealed=sealed, source=terms.supplier,
            proof=proof[0] if proof else None, staff=actor.staff,
            expected=planned.rows, staged=_staged(planned.recipe), replays=None,
        )  # fmt: skip
        return id


def run(import_id: UUID, *, actor: Actor, progress: Progress | None = None, link: bool = True) -> ImportStatus:
    """Work through an import from where it stands; returns what became of all its rows.

    Linkage of what came in follows as a job, unless ``link`` is False: the caller runs it.

    Raises:
        UnknownImport, ImportOver, ImportRunning: there is nothing to do here.
        ImportStopped: somebody stopped it (:func:`stop`).
        CollectionRefused: the actor may not (any more); what was done stays done.
        FilesChanged, UnreadableSource: a file is not what it was.
    """
    with _alone(import_id):
        row = _row(import_id)  # as whoever was at work on it before left it
        if row.state in ("undone", "erased"):
            raise ImportOver(str(import_id))
        if row.state in ("done", "open"):  # a channel's is taken in as it comes
            return status(import_id)
        recipe = Recipe.unpack(
            open_aside({row.id: bytes(row.sealed)}, actor=actor, act="collect", detail=row.id)[row.id]
        )
        Import.objects.filter(id=import_id).update(state="running", fault="")
        try:
            with collected_by_batch() as collect, settled_beside() as settle:
                for held in _work(row, recipe, actor):
                    settle()
                    collect()
                    if progress is not None:
                        progress(held)
                    if not Import.objects.filter(id=import_id, state="running").exists():
                        raise ImportStopped(str(import_id))
        except BaseException as wrong:
            with suppress(DatabaseError):  # what went wrong may be the database itself
                break_off(import_id, _fault(wrong), states=("running",))
            raise
        forget_values(row, recipe)
        Import.objects.filter(id=import_id).update(state="done", ended_at=timezone.now())
    for file in recipe.files:
        if file.staged is not None:
            staging.discard(UUID(file.staged))
    done = status(import_id)
    if link and done.accepted:
        defer_linkage(actor.human)
    return done


def stop(import_id: UUID, *, actor: Actor) -> None:
    """Have whoever works on an import leave off after the chunk in hand; one that is not worked on is left alone."""
    require_act("collect", actor)
    Import.objects.filter(id=import_id, state="running").update(state="failed", fault=STOPPED)


def break_off(import_id: UUID, fault: str, *, states: Sequence[str] = ("waiting", "running")) -> None:
    """Say that an import that is in one of these states broke off, and why; the caller knows that nobody is at work on it."""
    Import.objects.filter(id=import_id, state__in=states).update(state="failed", fault=fault)


def go_on(import_id: UUID, *, actor: Actor) -> None:
    """Have an import that broke off wait for its turn again; one that did not, or whose uploads are gone, is left alone.

    Raises:
        UnknownImport: there is none of that id.
        CollectionRefused: it may not come in (any more), whatever the law of its rows.
    """
    require_act("collect", actor)
    row = _row(import_id)
    if row.state != "failed" or not uploads_here(import_id):
        return
    opened = open_aside({row.id: bytes(row.sealed)}, actor=actor, act="collect", detail=row.id)
    admission = _admission(row, Recipe.unpack(opened[row.id]), actor)
    with transaction.atomic():
        answer = admission.verdict(0, admission.facts(django_connection.connection))
        if answer.answer == "denied":
            raise CollectionRefused(answer.policy)
        Import.objects.filter(id=import_id, state="failed").update(state="waiting", fault="")


def undo(
    import_id: UUID, *, actor: Actor, until: float | None = None, progress: Callable[[int, int], None] | None = None
) -> int:
    """Take an import back, with what came in of its refused rows since; returns how many records are hidden now.

    They are erased after 30 days. Asked again it finishes what was interrupted, and answers the same.

    Args:
        until: by when to stop, on the monotonic clock; :func:`left_half` says whether something is left.
        progress: told after each step how many rows are taken back already, and of how many.
    Raises:
        UnknownImport: there is none of that id, or it is erased already.
        ImportRunning: it, or what brings its refused rows again, is being worked on now.
        ActRefused: this role may not.
    """
    row = _row(import_id)
    if row.state == "erased":
        raise UnknownImport(str(import_id))
    with ExitStack() as held:
        for one in _with_replays(import_id):  # all before any is taken back: one that is worked on refuses the whole
            held.enter_context(_alone(one))
        after_each = _tell_of(import_id, progress) if progress is not None else lambda: None
        hidden = take_back(row, actor=actor, until=until, after_each=after_each)
        for again in _replays(import_id):
            hidden += undo(again, actor=actor, until=until, progress=progress)
        if until is None or time.monotonic() < until:
            Import.objects.filter(id=import_id, undone_at=None).update(undone_at=timezone.now())
    return hidden


def _tell_of(import_id: UUID, progress: Callable[[int, int], None]) -> Callable[[], None]:
    of = status(import_id).accepted

    def tell() -> None:
        progress(Import.objects.values_list("taken_back", flat=True).get(id=import_id), of)

    return tell


def left_half(import_id: UUID) -> bool:
    """Whether an import is taken back, and not yet all of it."""
    return is_half(_row(import_id))


def finish_undoing(*, actor: Actor) -> None:
    """Take back what is left of every import of which that broke off; one that is being worked on is left alone.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """

    def finish(import_id: UUID) -> None:
        with suppress(ImportRunning):
            undo(import_id, actor=actor)

    each(finish, list(Import.objects.filter(state="undone", undone_at=None).values_list("id", flat=True)))


def _replays(import_id: UUID) -> list[UUID]:
    """What brings an import's refused rows again."""
    held = Import.objects.filter(replays=import_id).exclude(state="erased")
    return list(held.order_by("id").values_list("id", flat=True))


def _with_replays(import_id: UUID) -> list[UUID]:
    return [import_id, *(one for again in _replays(import_id) for one in _with_replays(again))]


def _work(row: Import, recipe: Recipe, actor: Actor) -> Iterator[ImportStatus]:
    """Write what is not written yet; yields the counts after each part."""
    admission = _admission(row, recipe, actor)
    repeat = Import.objects.filter(fingerprint=row.fingerprint, state="done").exclude(id=row.id).exists()
    done = _done_parts(row.id)
    for number, file in enumerate(recipe.files):
        if file.as_it_lies:
            _count_refused_anew(row.id, number, max((at for held, at in done if held == number), default=0))
    total = _counted(row.id)
    pace = _Pace()
    for number, file in enumerate(recipe.files):
        if digest_of(file, actor=actor) != file.digest:
            raise FilesChanged(str(row.id))
        replayed = tuple(UUID(id) for id in file.replayed)
        as_sealed = file.as_it_lies and not file.correction
        place = Place(
            row.id, number, 0, 0, row.controller, row.channel, row.notice, recipe.way, repeat, replayed, as_sealed
        )
        skip = max((at for held, at in done if held == number), default=0)
        task = Task(_prepared, (recipe, number, row.controller, row.channel, actor))
        with closing(beside(task, skip) if worth_it(file) else ahead(task.work(*task.arguments, skip))) as batches:
            for at, prepared in batches:
                part, start = done.get((number, at), (0, 0))
                if file.as_it_lies:  # what a part of it brought in is there no more
                    start = 0
                while start < prepared.count:
                    began = time.monotonic()
                    some = prepared.part(start, pace.rows)
                    here = dataclasses.replace(place, number=at, part=part)
                    total += write_chunk(some, here, admission, actor=actor, began=began)
                    part, start = part + 1, start + some.count
                    pace.note(time.monotonic() - began)
                    yield ImportStatus.of(row, total)


def _admission(row: Import, recipe: Recipe, actor: Actor) -> Admission:
    channel = Channel.objects.get(id=row.channel)
    terms = Terms(
        row.channel, channel.kind, row.controller, row.basis, row.notice, recipe.source_proof, row.id,
        supplier=recipe.supplier, purposes=tuple(recipe.purposes), claimed=tuple(recipe.claimed), fields=recipe.brings,
    )  # fmt: skip
    return Admission(installation(), gate().decisions, actor=actor, terms=terms)


class _Pace:
    """How many rows one transaction takes: a batch, or less where the machine would need longer than it should.

    Open write transactions hold the ledger's sequencer back, so none lasts over 5 s.
    """

    def __init__(self) -> None:
        self.rows = SIZE

    def note(self, seconds: float) -> None:
        """Learn from the last one."""
        if seconds > _SLOW:
            self.rows = max(_FEWEST, int(self.rows * _SLOW / seconds))
        elif seconds < _SLOW / 4:
            self.rows = min(SIZE, self.rows * 2)


def _done_parts(import_id: UUID) -> dict[tuple[int, int], tuple[int, int]]:
    """File and number of each batch begun, to how many parts and rows of it are written."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for file, number, rows in ImportChunk.objects.filter(batch=import_id).values_list("file", "number", "rows"):
        parts, before = found.get((file, number), (0, 0))
        found[file, number] = (parts + 1, before + rows)
    return found


def _count_refused_anew(import_id: UUID, file: int, number: int) -> None:
    """What a batch refused once more before it broke off comes again with what was not read of it, and is counted then."""
    begun = ImportChunk.objects.filter(batch=import_id, file=file, number=number)
    begun.update(rows=F("rows") - F("quarantined"), quarantined=0)


def _prepared(
    recipe: Recipe, number: int, controller: int, channel: int, actor: Actor, skip: int
) -> Iterator[tuple[int, Prepared]]:
    """Batches of a file after the first ``skip``, which an earlier run has written; the last it began may be half done."""
    file = recipe.files[number]
    source = opened(file, actor=actor)
    preparer = Preparer(installation(), recipe, file, controller=controller, channel=channel)
    if preparer.counts_repeats and skip:
        for at, batch in enumerate(source.batches(SIZE)):
            if at < skip:
                preparer.skip(batch)
            else:
                yield at, preparer.prepare(batch)
        return
    for at, batch in enumerate(source.batches(SIZE, skip), start=skip):
        yield at, preparer.prepare(batch)


def _key_of(import_id: UUID) -> int:
    return import_id.int & 0x7FFF_FFFF_FFFF_FFFF


@contextmanager
def _alone(import_id: UUID) -> Iterator[None]:
    """Hold an import for this process; a killed one's hold ends with its connection."""
    raw = raw_connection()
    key = _key_of(import_id)
    end = time.monotonic() + _WAIT_SECONDS
    while not raw.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone()[0]:  # type: ignore[index]  # one row
        if time.monotonic() > end:
            raise ImportRunning(str(import_id))
        time.sleep(0.2)
    try:
        yield
    finally:
        if not raw.closed:
            raw.execute("select pg_advisory_unlock(%s)", (key,))


def _counted(import_id: UUID) -> Counts:
    total = Counts()
    for chunk in ImportChunk.objects.filter(batch=import_id):
        total += Counts(chunk.rows, chunk.created, chunk.updated, chunk.merged, chunk.duplicates, chunk.quarantined)
    return total


def _renew_settings(held: Import, planned: Plan, actor: Actor) -> None:
    """The files may lie elsewhere now; their contents are the same."""
    raw = django_connection.connection
    raw.execute("delete from subject_key where subject = %s", (held.id,))
    [held.sealed] = seal_aside(raw, [(held.id, planned.recipe.pack())])
    held.staff, held.staged, held.ended_at = actor.staff, _staged(planned.recipe), None
    held.save(update_fields=["sealed", "staff", "staged", "ended_at"])


def forget_values(row: Import, recipe: Recipe) -> None:
    """Cells that were put right came in with their rows; kept here, no erasure would reach them."""
    if not any(file.correction or file.mends for file in recipe.files):
        return
    files = [dataclasses.replace(file, correction={}, mends={}) for file in recipe.files]
    with transaction.atomic():
        raw = django_connection.connection
        raw.execute("delete from subject_key where subject = %s", (row.id,))
        [sealed] = seal_aside(raw, [(row.id, dataclasses.replace(recipe, files=files).pack())])
        Import.objects.filter(id=row.id).update(sealed=sealed)


def _staged(recipe: Recipe) -> list[str]:
    return [file.staged for file in recipe.files if file.staged is not None]


def _fault(wrong: BaseException) -> str:
    """Why an import broke off: the policy that refused it, else in a word."""
    if isinstance(wrong, Refused):
        return wrong.policy
    if isinstance(wrong, UnreadableSource):
        return wrong.code
    if isinstance(wrong, KeyboardInterrupt):
        return STOPPED
    if isinstance(wrong, OSError) and wrong.errno == errno.ENOSPC:
        return "no_room"
    if isinstance(wrong, FilesChanged | FileNotFoundError | AsideDoesNotOpen):
        return "file_changed"
    return "database_away" if isinstance(wrong, AWAY) else OURS


def _row(import_id: UUID) -> Import:
    row = Import.objects.filter(id=import_id).first()
    if row is None:
        raise UnknownImport(str(import_id))
    return row


__all__ = [
    "NOBODY",
    "OURS",
    "STOPPED",
    "FilesChanged",
    "ImportOver",
    "ImportRunning",
    "ImportStopped",
    "ImportTerms",
    "Plan",
    "TermsRefused",
    "UnknownImport",
    "break_off",
    "go_on",
    "plan",
    "run",
    "start",
    "stop",
    "undo",
]  # fmt: skip
