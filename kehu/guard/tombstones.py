"""Tombstones beside the database: a restored backup of older data lets nobody back in who was erased since.

Each erasure is a line of ``erasures`` in the home: its certificate, which names nobody, and keyed hashes of ids and source
keys, and of the addresses that it keeps from being written to. When an installation is opened, what the file knows and the
database does not is erased again, before anything is served; what the database knows and the file does not (a crash between
the two) is added to the file.

What a law or a hold kept then is kept again, as the certificate says: the register of erasures, a room above, seals it anew.
Where the keys in the home do not open somebody of it, an erasure waits whole, and all of its people are hidden at once, those too
whose keys open: nobody is served of them, and with the copy's own keys it can still be told what stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from psycopg import Connection

from kehu.govern import states
from kehu.govern.holders import holders
from kehu.govern.models import StateEntry
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import ensure_owner, owner_actor
from kehu.guard.texts import keys_open
from kehu.host.database import DBNAME
from kehu.host.home import Home, write_file, write_whole
from kehu.host.keyring import locked
from kehu.vault.assignment import detach, lock
from kehu.vault.erasure import Suppressions, lock_subjects, suppressions_of, write_suppressions, write_tombstones
from kehu.vault.parted import tell_parted

_FILE: Final = "erasures"
_END: Final = 1 << 16  # bytes of the file: some dozen erasures


@dataclass(frozen=True, slots=True)
class Noted:
    """One erasure: the keyed hashes that stand for it, and until when; the addresses that are not written to."""

    certificate: UUID
    tokens: tuple[bytes, ...]
    until: date
    suppressions: Suppressions | None = None
    document: dict[str, Any] | None = None
    """The certificate as it was last written; older lines have none."""


class ErasuresUnreadable(RuntimeError):
    """A whole line of the file is no erasure: whom it stands for is not known, and they might be served."""


class Register(Protocol):
    """The register of erasures."""

    def document(self, certificate: UUID) -> dict[str, Any] | None:
        """The certificate of one that is done; None where it is not here."""

    def seal_again(self, connection: Connection[Any], one: Noted, part: Sequence[UUID]) -> None:
        """Write down as done what the database does not know of, and seal what stays of these origin subjects.

        In the transaction that erases them again, before it does; that it happens stands in the ledger by then.
        """

    def let_go(self, certificate: UUID, days: Mapping[str, str]) -> None:
        """Let go again what somebody let go of a residue since: the day by category; nothing where the database knows of it."""


_REGISTERS: Final[list[str]] = []


def register(name: str) -> None:
    """Have the class of that dotted name, a :class:`Register`, asked what an erasure left and what is to be left again."""
    _REGISTERS[:] = [name]


def _register() -> Register:
    made: Register = import_string(_REGISTERS[0])()
    return made


def note(home: Home, erasure: Noted) -> None:
    """Add one erasure to the file, on disk when this returns."""
    line = _line(erasure)
    with _alone(home):
        descriptor = os.open(_file(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            write_whole(descriptor, b"\n" + line + b"\n")  # apart from a line that a crash cut off
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def note_anew(home: Home, certificate: UUID, document: dict[str, Any]) -> None:
    """Put a certificate as it reads now where the file has it as it read before."""
    with _alone(home):
        lines = _lines(home)
        write_file(_file(home), _joined(_anew(line, certificate, document) for line in lines))


def _anew(line: bytes, certificate: UUID, document: dict[str, Any]) -> bytes:
    one = _read(line)
    return line if one is None or one.certificate != certificate else _line(replace(one, document=document))


def _line(erasure: Noted) -> bytes:
    return orjson.dumps({
        "certificate": str(erasure.certificate), "until": erasure.until.isoformat(),
        "tokens": [token.hex() for token in erasure.tokens], "suppressions": erasure.suppressions,
        "document": erasure.document,
    })  # fmt: skip


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(b"\n" + line + b"\n" for line in lines)


def noted(home: Home) -> dict[UUID, Noted]:
    """Every erasure of the file whose tombstones have not ended; a line that a crash cut off is left out.

    Raises:
        ErasuresUnreadable: see there; so does whatever else reads the file.
    """
    today, read = datetime.now(UTC).date(), map(_read, _lines(home))
    return {one.certificate: one for one in read if one is not None and one.until > today}


def forget_ended(home: Home, today: date) -> int:
    """Take lines whose tombstones have ended out of the file, and those that a crash cut off; returns how many."""
    with _alone(home):
        lines = _lines(home)
        kept = [line for line in lines if (one := _read(line)) is not None and one.until > today]
        if len(kept) < len(lines):
            write_file(_file(home), _joined(kept))
    return len(lines) - len(kept)


def _lines(home: Home) -> list[bytes]:
    try:
        return list(filter(None, _file(home).read_bytes().split(b"\n")))
    except FileNotFoundError:
        return []


def _read(line: bytes) -> Noted | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    try:
        return Noted(
            UUID(row["certificate"]),
            tuple(bytes.fromhex(token) for token in row["tokens"]),
            date.fromisoformat(row["until"]),
            _suppressions(row.get("suppressions")),
            row.get("document"),
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ErasuresUnreadable from None


def _suppressions(held: Mapping[str, Any] | None) -> Suppressions | None:
    """As they stand in a line; older lines have none."""
    if held is None:
        return None
    until = date.fromisoformat(held["until"])
    return Suppressions(tuple(held["tokens"]), tuple(held["purposes"]), bool(held["opted_out"]), until)


def replay(connection: Connection[Any], home: Home) -> int:
    """Bring file and database together; returns how many origin subjects were erased again."""
    in_file, in_database = noted(home), _in_database(connection)
    for certificate in sorted(in_database - in_file.keys()):
        rows = connection.execute(
            "select token, until from tombstone where certificate = %s", (certificate,)
        ).fetchall()
        tokens, document = tuple(bytes(row[0]) for row in rows), _register().document(certificate)
        note(home, Noted(certificate, tokens, rows[0][1], suppressions_of(connection, certificate), document))
    for certificate in sorted(in_file.keys() & in_database):
        # of a copy made between the erasure and that word; without its key nobody reads it, and it waits for the next start
        if (released := _let_go(in_file[certificate])) and keys_open(connection, [certificate]):
            _register().let_go(certificate, released)
    missed = [in_file[certificate] for certificate in sorted(in_file.keys() - in_database)]
    return _erase_again(connection, missed) if missed else 0


def _let_go(one: Noted) -> dict[str, str]:
    """What a hold without an end kept of an erasure and somebody let go since: each category with that day."""
    lines = (one.document or {}).get("residue", [])
    return {line["what"]: line["until"] for line in lines if line.get("review") is False}


def not_done(connection: Connection[Any], home: Home) -> int:
    """How many erasures of the file are not done in this database: it is an older one, and their keys are not here."""
    return len(noted(home).keys() - _in_database(connection))


def _in_database(connection: Connection[Any]) -> set[UUID]:
    rows = connection.execute("select distinct certificate from tombstone where until > current_date").fetchall()
    return {row[0] for row in rows}


def replay_after_restore(connection: Connection[Any], home: Home) -> int:
    """Replay where the database was put back to an older one under whoever uses it; returns as :func:`replay`.

    A look at the file's end is enough: an older copy lacks the newest erasures first.
    """
    wanted = _newest(home)
    if not wanted or connection.execute("select to_regclass('tombstone')").fetchone() == (None,):  # not set up yet
        return 0
    missed = connection.execute(
        "select 1 from unnest(%s::uuid[]) as n (id) where not exists (select 1 from tombstone where certificate = n.id)",
        (wanted,),
    ).fetchone()
    return replay(connection, home) if missed else 0


def _newest(home: Home) -> list[UUID]:
    """Certificates of the last lines whose tombstones have not ended: those of the file's end, or of the last one before it."""
    today, length = datetime.now(UTC).date(), _END
    try:
        with _file(home).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while True:  # a line is as long as somebody has source keys: it is read from where it begins
                file.seek(max(0, size - length))
                read = map(_read, file.read().split(b"\n"))
                found = [one.certificate for one in read if one is not None and one.until > today]
                if found or length >= size:
                    return found
                length *= 2
    except FileNotFoundError:
        return []


def _file(home: Home) -> Path:
    name = os.environ.get("KEHU_DBNAME", DBNAME)  # one file a database: their erasures have nothing in common
    return home / (_FILE if name == DBNAME else f"{_FILE}-{name}")


def _alone(home: Home) -> AbstractContextManager[None]:
    """Nobody adds a line while the file is written anew without others."""
    file = _file(home)
    return locked(file.with_name(f".{file.name}.lock"))


def _erase_again(connection: Connection[Any], missed: Sequence[Noted]) -> int:
    back = _back(connection, missed)
    waiting = {one.certificate for one in missed if not keys_open(connection, back[one.certificate])}
    _hide(connection, [subject for certificate in waiting for subject in back[certificate]])
    with (
        transaction.atomic()
    ):  # that takes no key: who comes in again meanwhile with one of their addresses is not written to
        for one in missed:
            if one.certificate in waiting and one.suppressions is not None:
                write_suppressions(connection, one.suppressions, one.certificate)
    missed = [one for one in missed if one.certificate not in waiting]
    for one in missed:
        if back[one.certificate]:  # nothing is opened, to be sealed anew, before this is committed
            with transaction.atomic():
                record_act("erase", None, actor=owner_actor(), detail=one.certificate)
    with transaction.atomic():
        lock(connection)
        known = _in_database(connection)  # somebody else may have been faster
        missed = [one for one in missed if one.certificate not in known]
        for one in missed:
            write_tombstones(connection, one.tokens, one.certificate, until=one.until)
            if one.suppressions is not None:
                write_suppressions(connection, one.suppressions, one.certificate)
        return _take_out(connection, [(one, back[one.certificate]) for one in missed if back[one.certificate]])


def _back(connection: Connection[Any], missed: Sequence[Noted]) -> dict[UUID, list[UUID]]:
    """Who of each erasure is here, by its certificate.

    Of one that waits for keys everybody is hidden by now: where no fewer of these are its people than it erased, nobody else
    is looked at, for a wait lasts and each command comes by here.
    """
    hidden = _found(connection, missed, "select subject from subject_state where hidden and not residue")
    left = [one for one in missed if len(hidden[one.certificate]) != _erased(one)]
    if not left:
        return hidden
    return hidden | _found(connection, left, "select subject from subject_state union select subject from record")


def _erased(one: Noted) -> int | None:
    """How many origin subjects an erasure took; None: an older line does not say."""
    return None if one.document is None else int(one.document["keys_destroyed"])


def _found(connection: Connection[Any], missed: Sequence[Noted], among: str) -> dict[UUID, list[UUID]]:
    token_of = installation().tokens.subject
    certificates = {token: one.certificate for one in missed for token in one.tokens}
    found: dict[UUID, list[UUID]] = {one.certificate: [] for one in missed}
    for (subject,) in connection.execute(among).fetchall():
        certificate = certificates.get(token_of(subject.bytes))
        if certificate is not None:
            found[certificate].append(subject)
    return found


def _take_out(connection: Connection[Any], back: Sequence[tuple[Noted, Sequence[UUID]]]) -> int:
    everybody = [subject for _, part in back for subject in part]
    others = _lock_with_others(connection, everybody)
    for one, part in back:
        _register().seal_again(connection, one, part)
    _part(connection, everybody)
    for subject in everybody:
        for holder in holders():
            holder.erase(subject)
    _tell(others)
    return len(everybody)


def _hide(connection: Connection[Any], waiting: Sequence[UUID]) -> None:
    """Show nobody who waits, nor let others be one with them: as if they were gone already. Their data stays, for the keys."""
    rows = connection.execute(
        "select subject from subject_state where subject = any (%(who)s) and not hidden"
        " union select subject from record where subject = any (%(who)s) and not hidden",
        {"who": list(waiting)},
    ).fetchall()
    shown = [row[0] for row in rows]
    if not shown:
        return
    with transaction.atomic():
        lock(connection)
        others = _lock_with_others(connection, shown)
        _part(connection, shown)
        for table in ("record", "subject_state"):
            connection.execute(f"update {table} set hidden = true where subject = any (%s) and not hidden", (shown,))
        _tell(others)


def _part(connection: Connection[Any], leaving: Sequence[UUID]) -> None:
    """Part them from whoever the older data has them one customer with."""
    # an erasure that had begun when the copy was made is of those who go
    StateEntry.objects.filter(subject__in=leaving, kind="erasure", ended_at=None).update(ended_at=timezone.now())
    detach(connection, leaving, by=ensure_owner().id)


def _tell(others: Sequence[UUID]) -> None:
    """Write anew what policies read of those who stay, and tell who has to know that they were parted."""
    for other in others:
        states.project(other)
    tell_parted(others)


def _lock_with_others(connection: Connection[Any], back: Sequence[UUID]) -> list[UUID]:
    """Lock them and whoever the older data has them one customer with, and return those: what was said for all stays theirs."""
    rows = connection.execute(
        "select s.subject from subject_state s where s.customer in (select n.customer from subject_state n"
        " where n.subject = any (%(back)s)) and s.subject <> all (%(back)s) order by s.subject",
        {"back": list(back)},
    ).fetchall()
    others = [row[0] for row in rows]
    lock_subjects(connection, sorted([*back, *others]))
    return others
