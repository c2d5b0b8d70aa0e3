"""Tombstones beside the database: a restored backup of older data lets nobody back in who was erased since.

Each erasure is a line of ``erasures`` in the home: its certificate and keyed hashes of ids and source keys. When an
installation is opened, what the file knows and the database does not is erased again, before anything is served; what
the database knows and the file does not (a crash between the two) is added to the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import transaction
from psycopg import Connection

from kehu.govern.holders import holders
from kehu.guard.installation import installation
from kehu.host.database import DBNAME
from kehu.host.home import Home
from kehu.vault.erasure import write_tombstones

_FILE: Final = "erasures"


def note(home: Home, certificate: UUID, tokens: Iterable[bytes]) -> None:
    """Add one erasure to the file, on disk when this returns."""
    line = orjson.dumps({"certificate": str(certificate), "tokens": [token.hex() for token in tokens]}) + b"\n"
    descriptor = os.open(_file(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file(home: Home) -> Path:
    name = os.environ.get("KEHU_DBNAME", DBNAME)  # one file a database: their erasures have nothing in common
    return home / (_FILE if name == DBNAME else f"{_FILE}-{name}")


def noted(home: Home) -> dict[UUID, list[bytes]]:
    """Every erasure of the file; a line that a crash cut off is left out."""
    try:
        lines = _file(home).read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    found: dict[UUID, list[bytes]] = {}
    for line in filter(None, lines):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        found[UUID(row["certificate"])] = [bytes.fromhex(token) for token in row["tokens"]]
    return found


def replay(connection: Connection[Any], home: Home) -> int:
    """Bring file and database together; returns how many origin subjects were erased again."""
    in_file = noted(home)
    rows = connection.execute("select certificate, array_agg(token) from tombstone group by 1").fetchall()
    in_database = {row[0]: [bytes(token) for token in row[1]] for row in rows}
    for certificate in sorted(in_database.keys() - in_file.keys()):
        note(home, certificate, in_database[certificate])
    missed = in_file.keys() - in_database.keys()
    if not missed:
        return 0
    with transaction.atomic():
        for certificate in sorted(missed):
            write_tombstones(connection, in_file[certificate], certificate)
        return _erase_again(connection, {token for certificate in missed for token in in_file[certificate]})


def _erase_again(connection: Connection[Any], tokens: set[bytes]) -> int:
    token_of = installation().tokens.subject
    here = connection.execute("select subject from subject_state union select subject from record").fetchall()
    back: Sequence[UUID] = [row[0] for row in here if token_of(row[0].bytes) in tokens]
    for subject in back:
        for holder in holders():
            holder.erase(subject)
    return len(back)
