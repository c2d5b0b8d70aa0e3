"""The list itself: each chunk decided and recorded before it is opened, sealed to the recipient's key as it is made."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

import orjson
import pyrage
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from kehu.collect.quarantine.cells import for_spreadsheet
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.read import CHUNK, PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.step_up import needs_step_up
from kehu.guard.watch.marks import NOT_HONEY
from kehu.host.home import give_name, require_new
from kehu.refine.survive import survive, text_of
from kehu.serve.leaving.asking import Leaving, NotToRun, how_many, leaving_of
from kehu.serve.leaving.canary import canary_of, marks_of

FORMS: Final = ("csv", "jsonl")


@dataclass(frozen=True, slots=True)
class Sent:
    """A list that left: the sealed file, how many customers stand in it, and how many the gate kept back."""

    file: Path
    sha256: str
    rows: int
    kept_back: int


def send(id: UUID, *, actor: Actor, to: Path, key: str, form: str) -> Sent:
    """Write the list once, as an age file that only the recipient's key opens.

    Raises:
        ActRefused, Refused: the role may not; it is somebody else's request; a second factor is due.
        UnknownLeaving: no such request.
        NotToRun: see there.
        ValueError: no age key.
        FileExistsError, CannotWrite: see :func:`kehu.host.home.require_new`.
    """
    require_act("give", actor)
    held = leaving_of(id)
    try:
        recipient = pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        raise ValueError("key: the recipient's public age key (age1…)") from None
    _require_step_up(held, actor)
    require_new(to)
    _claim(held, actor)
    made = _Rows(held, actor, form)
    fresh = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as out:
            made.seal_into(out, recipient)
            out.flush()
            os.fsync(out.fileno())
            out.seek(0)
            digest = hashlib.file_digest(out, "sha256").digest()
        _note(id, made.rows, digest)  # before it has its name: no file lies there that the register does not know
        try:
            give_name(fresh, to)
        except OSError:
            _note(id, made.rows, None)
            raise
    except BaseException:
        with suppress(DatabaseError):  # where that is away, the page says so in an hour
            _broke_off(id)
        raise
    finally:
        fresh.unlink(missing_ok=True)
    return Sent(to, digest.hex(), made.rows, made.kept_back)


def _require_step_up(held: Leaving, actor: Actor) -> None:
    """It is the asker's own request, and where they have a second factor it was shown within ten minutes."""
    if held.asked_by != actor.human:
        raise Refused("house.default-deny")
    if needs_step_up(actor):
        with transaction.atomic():
            purpose = PURPOSES[held.purpose]
            record_act("give", None, actor=actor, purpose=purpose, detail=held.id, refused_by="house.step-up")
        raise Refused("house.step-up")


def _claim(held: Leaving, actor: Actor) -> None:
    """Take the one run there is, with the canary's marks; of two at once one is told that it ran."""
    canary, values = canary_of(held.id, held.fields)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select 1 from leaving where id = %s for update", [held.id])
        now = leaving_of(held.id)
        if now.state != "ready":
            raise NotToRun(now.state)
        grown = how_many(now.purpose, now.filters)
        if grown > max(now.customers, 0 if now.approved else settings.EXPORT_ALONE):
            raise NotToRun("grown")
        cursor.execute("update leaving set ran_at = clock_timestamp() where id = %s", [held.id])
        cursor.executemany(
            "insert into leaving_canary (mark, leaving) values (%s, %s) on conflict do nothing",
            [(mark, held.id) for mark in marks_of(canary, values)],
        )
        record_act("give", None, actor=actor, purpose=PURPOSES[held.purpose], detail=held.id)


def _note(id: UUID, rows: int, digest: bytes | None) -> None:
    """What the file came to; without a digest there is none."""
    with connection.cursor() as cursor:
        cursor.execute("update leaving set rows = %s, sha256 = %s where id = %s", [rows, digest, id])


def _broke_off(id: UUID) -> None:
    """It will not be whole any more; one that is known as whole stays so."""
    with connection.cursor() as cursor:
        cursor.execute("update leaving set ended_at = clock_timestamp() where id = %s and sha256 is null", [id])


def _tell(id: UUID, rows: int) -> None:
    """How far it is, for whoever waits."""
    with connection.cursor() as cursor:
        cursor.execute("update leaving set rows = %s where id = %s", [rows, id])


class _Rows:
    """The lines of one list, a chunk at a time; remembers what came out, for the Rust side swallows exceptions."""

    def __init__(self, held: Leaving, actor: Actor, form: str) -> None:
        self._held, self._actor, self._form = held, actor, form
        self.rows = self.kept_back = 0
        self._failed: BaseException | None = None

    def seal_into(self, out: IO[bytes], recipient: Any) -> None:
        """Seal every line as it is made; nothing of it is written in clear."""
        try:
            pyrage.encrypt_io(_Reader(self._lines(), self), out, [recipient])
        except Exception:  # whatever a line failed on: age says only that reading failed
            if self._failed is not None:
                raise self._failed from None
            raise

    def failed(self, error: BaseException) -> None:
        """Remember what went wrong while lines were made."""
        self._failed = error

    def _lines(self) -> Iterator[bytes]:
        columns = ("subject", *self._held.fields)
        if self._form == "csv":
            yield _csv(columns)
        canary, at = canary_of(self._held.id, self._held.fields), None
        for chunk in _chunks(self._held):
            opened = self._open(chunk)
            lines = [self._line(one.customer, self._values(one), columns) for one in opened if one.decision.finds]
            self.rows += len(lines)
            self.kept_back += len(chunk) - len(lines)
            _tell(self._held.id, self.rows)
            if at is None and lines:  # somewhere among the first: a part of the file may be all that is found
                at = secrets.randbelow(len(lines) + 1)
                lines.insert(at, self._line(*canary, columns))
            yield b"".join(lines)

    def _open(self, chunk: Sequence[UUID]) -> list[Opened]:
        held = self._held
        return gate().open(
            chunk,
            actor=self._actor,
            purpose=held.purpose,
            fields=held.fields,
            use="give",
            kinds=PROFILE_KINDS,
            detail=held.id,
            recipient=held.recipient,
            recipient_kind=held.recipient_kind,
            country=held.country,
        )

    def _values(self, one: Opened) -> dict[str, str]:
        type_of = installation().rules.dictionary.field
        return {name: text_of(won.said, type_of(name).type) for name, won in survive(one.contributions).items()}

    def _line(self, id: UUID, values: dict[str, str], columns: tuple[str, ...]) -> bytes:
        whole = {"subject": str(id), **values}
        if self._form == "csv":
            return _csv([whole.get(name, "") for name in columns])
        return orjson.dumps(whole) + b"\n"


class _Reader(io.RawIOBase):
    """Lines as a stream that is read from."""

    def __init__(self, lines: Iterator[bytes], rows: _Rows) -> None:
        self._lines, self._rows, self._left = lines, rows, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""
        try:
            while not self._left:
                self._left = next(self._lines)
        except StopIteration:
            return b""
        except BaseException as error:  # kept, for age replaces it by its own; that somebody stops it, too
            self._rows.failed(error)
            raise
        size = len(self._left) if size < 0 else size
        given, self._left = self._left[:size], self._left[size:]
        return given


def _csv(cells: Sequence[str]) -> bytes:
    held = io.StringIO()
    csv.writer(held).writerow([cell if _phone(cell) else for_spreadsheet(cell) for cell in cells])
    return held.getvalue().encode()


def _phone(cell: str) -> bool:
    """A number with its country's code computes nothing, and is dialled as it stands."""
    return cell[:1] == "+" and cell[1:].isdigit()


def _chunks(held: Leaving) -> Iterator[list[UUID]]:
    """Customers that match, by id; whoever comes or goes meanwhile is met or not, as the gate decides then."""
    where, parameters = held.filters.where(held.purpose)
    after = UUID(int=0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"select s.subject from subject_state s where {where} and {NOT_HONEY} and s.subject > %(after)s"
                f" order by s.subject limit {CHUNK}",
                parameters | {"after": after},
            )
            chunk = [row[0] for row in cursor.fetchall()]
        if not chunk:
            return
        yield chunk
        after = chunk[-1]
