"""Tombstones beside the database: a restored backup of older data lets nobody back in who was erased since.

Each erasure is a line of ``erasures`` in the home: its certificate and keyed hashes of ids and source keys, and of the
addresses that it keeps from being written to. When an installation is opened, what the file knows and the database does
not is erased again, before anything is served; what the database knows and the file does not (a crash between the two)
is added to the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone
from psycopg import Connection

from kehu.govern import states
from kehu.govern.holders import holders
from kehu.govern.models import StateEntry
from kehu.guard.installation import installation
from kehu.guard.staff.actions import ensure_owner
from kehu.host.database import DBNAME
from kehu.host.home import Home, write_file, write_whole
from kehu.host.keyring import locked
from kehu.vault.assignment import detach, lock
from kehu.vault.erasure import Suppressions, lock_subjects, suppressions_of, write_suppressions, write_tombstones
from kehu.vault.parted import tell_parted

_FILE: Final = "erasures"
_END: Final = 1 << 16  # bytes of the file: some hundred erasures


@dataclass(frozen=True, slots=True)
class Noted:
    """One erasure: the keyed hashes that stand for it, and until when; the addresses that are not written to."""

    certificate: UUID
    tokens: tuple[bytes, ...]
    until: date
    suppressions: Suppressions | None = None


def note(home: Home, erasure: Noted) -> None:
    """Add one erasure to the file, on disk when this returns."""
    line = orjson.dumps({
        "certificate": str(erasure.certificate), "until": erasure.until.isoformat(),
        "tokens": [token.hex() for token in erasure.tokens], "suppressions": erasure.suppressions,
    })  # fmt: skip
    with _alone(home):
        descriptor = os.open(_file(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            write_whole(descriptor, b"\n" + line + b"\n")  # apart from a line that a crash cut off
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def noted(home: Home) -> dict[UUID, Noted]:
    """Every erasure of the file whose tombstones have not ended; a line that a crash cut off is left out."""
    today, read = datetime.now(UTC).date(), map(_read, _lines(home))
    return {one.certificate: one for one in read if one is not None and one.until > today}


def forget_ended(home: Home, today: date) -> int:
    """Take lines whose tombstones have ended out of the file, and those that a crash cut off; returns how many."""
    with _alone(home):
        lines = _lines(home)
        kept = [line for line in lines if (one := _read(line)) is not None and one.until > today]
        if len(kept) < len(lines):
            write_file(_file(home), b"".join(b"\n" + line + b"\n" for line in kept))
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
    return Noted(
        UUID(row["certificate"]),
        tuple(bytes.fromhex(token) for token in row["tokens"]),
        date.fromisoformat(row["until"]),
        _suppressions(row.get("suppressions")),
    )


def _suppressions(held: Mapping[str, Any] | None) -> Suppressions | None:
    """As they stand in a line; older lines have none."""
    if held is None:
        return None
    until = date.fromisoformat(held["until"])
    return Suppressions(tuple(held["tokens"]), tuple(held["purposes"]), bool(held["opted_out"]), until)


def replay(connection: Connection[Any], home: Home) -> int:
    """Bring file and database together; returns how many origin subjects were erased again."""
    in_file = noted(home)
    in_database = {
        row[0]
        for row in connection.execute(
            "select distinct certificate from tombstone where until > current_date"
        ).fetchall()
    }
    for certificate in sorted(in_database - in_file.keys()):
        rows = connection.execute(
            "select token, until from tombstone where certificate = %s", (certificate,)
        ).fetchall()
        tokens = tuple(bytes(row[0]) for row in rows)
        note(home, Noted(certificate, tokens, rows[0][1], suppressions_of(connection, certificate)))
    missed = [in_file[certificate] for certificate in sorted(in_file.keys() - in_database)]
    if not missed:
        return 0
    with transaction.atomic():
        for one in missed:
            write_tombstones(connection, one.tokens, one.certificate, until=one.until)
            if one.suppressions is not None:
                write_suppressions(connection, one.suppressions, one.certificate)
        return _erase_again(connection, {token for one in missed for token in one.tokens})


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


def _erase_again(connection: Connection[Any], tokens: set[bytes]) -> int:
    token_of = installation().tokens.subject
    here = connection.execute("select subject from subject_state union select subject from record").fetchall()
    back: Sequence[UUID] = [row[0] for row in here if token_of(row[0].bytes) in tokens]
    others = _leave(connection, back)
    for subject in back:
        for holder in holders():
            holder.erase(subject)
    for other in others:
        states.project(other)
    tell_parted(others)
    return len(back)


def _leave(connection: Connection[Any], back: Sequence[UUID]) -> list[UUID]:
    """Part them from whoever the older data has them one customer with, and returns those: what was said for all stays theirs."""
    lock(connection)
    rows = connection.execute(
        "select s.subject from subject_state s where s.customer in (select n.customer from subject_state n"
        " where n.subject = any (%(back)s)) and s.subject <> all (%(back)s) order by s.subject",
        {"back": list(back)},
    ).fetchall()
    lock_subjects(connection, sorted([*back, *(row[0] for row in rows)]))
    # an erasure that had begun when the copy was made is of those who go
    StateEntry.objects.filter(subject__in=back, kind="erasure", ended_at=None).update(ended_at=timezone.now())
    detach(connection, back, by=ensure_owner().id)
    return [row[0] for row in rows]
