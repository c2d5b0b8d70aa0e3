"""The database as one file, made and brought back by PostgreSQL's own programs; without ``keys/`` it opens nobody."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from kehu.host.database import DBNAME, Database
from kehu.host.home import Home, write_file
from kehu.host.keyring import Keyring, locked
from kehu.host.postgres import RESTORING, EmbeddedPostgres

_LAST: Final = "last-backup"  # in the home: of no use to whom it is copied


class NoDump(RuntimeError):
    """A copy cannot be made or brought back here; the message says why, and what to do."""


def dump(database: Database, file: Path) -> int:
    """Write the whole database, in use or not, to a file that is not there yet; returns its bytes.

    Raises:
        NoDump: an outside server, the file is there, or cannot be written.
        PostgresError: PostgreSQL's program failed; nothing is left of the file.
    """
    server = _embedded(database)
    half = file.with_name(f".{file.name}.half")
    began = datetime.now(UTC)  # what is written while it is made is not in it
    try:
        with locked(database.home / "run" / "backup.lock"):  # the bytes of two would mix
            if file.exists():
                raise NoDump(f"{file} is there already")
            half.unlink(missing_ok=True)  # of one that was killed, whose pg_dump may still write to it
            try:
                with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                    name = server.conninfo("kehu_owner", DBNAME)
                    server.run("pg_dump", "--format=custom", f"--dbname={name}", target=out)
                    os.fsync(out.fileno())
                half.rename(file)
            finally:
                half.unlink(missing_ok=True)
            with suppress(OSError, psycopg.Error):  # the copy is there, whatever becomes of the note
                said = {"began": began.isoformat(), "cluster": _cluster(database)}
                write_file(database.home / _LAST, json.dumps(said).encode())
            return file.stat().st_size
    except OSError as failed:
        raise NoDump(f"{failed.filename or file}: {failed.strerror}") from None


def last_dump(database: Database) -> datetime | None:
    """When the last copy of this database was begun that :func:`dump` made whole; None: none was.

    Asked of PostgreSQL who it is: a home that was copied, and whose database was made anew or brought back, knows of none.
    """
    try:
        said = json.loads((database.home / _LAST).read_bytes())
        began = datetime.fromisoformat(said["began"]).astimezone(UTC)
        return began if said["cluster"] == _cluster(database) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def restore(home: Home, file: Path) -> Database:
    """Bring a copy back into a home that has keys and no database, and return that, in use; migrations are not looked at.

    Nobody else makes, starts or stops this home's server meanwhile: whoever begins at the same time would find it half filled,
    and, failing at that, take it away.

    Raises:
        NoDump: an outside server, a database is here, the keys are not, or somebody else is about to make or use one.
        PostgresError: it is no such copy; then there is no database here, as before.
    """
    database = Database(home)
    server = _embedded(database)
    if not Keyring(home).is_here() or "id" not in home.facts():
        raise NoDump("keys/root, keys/ring.json and installation.json are not all in this home: put them back first")
    try:
        with server.alone():
            _fill(home, database, server, file)
    except BlockingIOError:
        raise NoDump("somebody else starts this home's database, or brings a copy back into it") from None
    return database


def _fill(home: Home, database: Database, server: EmbeddedPostgres, file: Path) -> None:
    restoring = home / RESTORING
    if restoring.exists():
        server.discard()  # what was cut off: its pg_restore may still be at work
    elif server.initialised():
        raise NoDump("this home has a database: bring a copy back into one that has none")
    home.record(cluster=False)  # what it knows of is gone, and this takes its place
    write_file(restoring, b"")
    try:
        server.start()
        database.make()  # no defaults yet: what a table grants stands in the copy, as far as it differs from PostgreSQL's own
        with file.open("rb") as source:
            server.run(
                "pg_restore", "--exit-on-error", "--single-transaction",
                f"--dbname={server.conninfo('kehu_owner', DBNAME)}", source=source,
            )  # fmt: skip
    except BaseException:  # half of a copy is none, whoever cut it off
        database.release()
        server.discard()
        restoring.unlink()
        raise
    restoring.unlink()


def _cluster(database: Database) -> str:
    """What tells one PostgreSQL cluster from any other, for ever."""
    with psycopg.connect(database.conninfo("kehu_app")) as connection:
        [told] = connection.execute("select system_identifier::text from pg_control_system()").fetchone() or ("",)
    return str(told)


def _embedded(database: Database) -> EmbeddedPostgres:
    if database.embedded is None:
        raise NoDump("the database is an outside server's: use its own pg_dump and pg_restore")
    return database.embedded
