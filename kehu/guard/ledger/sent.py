"""The canonical bytes of ledger rows straight from what the server sends in binary: a whole ledger in seconds.

The encoding is that of :mod:`kehu.guard.ledger.leaf` (a test compares them); here no UUID, time or list is made of what
is hashed again at once.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

from psycopg import Connection, ServerCursor
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from kehu.guard.ledger.leaf import commitment_leaves
from kehu.guard.ledger.tree import root_of

_sha256 = hashlib.sha256
_NULL: Final = b"\xff\xff\xff\xff"
_8: Final = (8).to_bytes(4, "big")
_16: Final = (16).to_bytes(4, "big")
_32: Final = (32).to_bytes(4, "big")
_SINCE_2000: Final = 946_684_800_000_000  # microseconds from 1970: PostgreSQL counts from 2000
_INT8: Final = struct.Struct(">q")


class _Raw(Loader):
    """Hands a value on as the server sent it."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        """The bytes."""
        return bytes(data)


def raw_cursor(connection: Connection[Any], name: str) -> ServerCursor[Any]:
    """A cursor on the server's side whose ids, times and lists come as bytes; read it within a transaction."""
    cursor = connection.cursor(name, binary=True)
    types = cursor.adapters.types
    for oid in (types["uuid"].oid, types["timestamptz"].oid, types["int2"].array_oid, types["int4"].array_oid):
        cursor.adapters.register_loader(oid, _Raw)
    return cursor


class Encoder:
    """Leaf hashes of raw rows; remembers the short lists and numbers that come again and again."""

    def __init__(self) -> None:
        self._lists: dict[bytes, bytes] = {}
        self._numbers: dict[int, bytes] = {}

    def leaf(self, row: Any) -> bytes:
        """The leaf hash of a row in the order of LEAF_COLUMNS, as :func:`raw_cursor` fetched it."""
        at, entry, actor, human, department, purpose, action, decision, detail, subjects, packs, reach, commits, mac = (
            row
        )
        number, sequence = self._number, self._list
        one = len(commits) == 32
        root = _sha256(b"\0" + commits).digest() if one else root_of(commitment_leaves(commits))
        body = b"".join((
            b"\0", _8, _INT8.pack(_INT8.unpack(at)[0] + _SINCE_2000), _16, entry, _16, actor, _16, human,
            number(department), _NULL if purpose is None else number(purpose), number(action),
            len(decision).to_bytes(4, "big"), decision, _NULL if detail is None else _16 + detail,
            number(subjects), sequence(packs), sequence(reach), _32, root, len(mac).to_bytes(4, "big"), mac,
        ))  # fmt: skip
        return _sha256(body).digest()

    def _number(self, value: int) -> bytes:
        held = self._numbers.get(value)
        if held is None:
            held = self._numbers[value] = _8 + _INT8.pack(value)
        return held

    def _list(self, sent: bytes) -> bytes:
        held = self._lists.get(sent)
        if held is None:
            items = b"".join(_INT8.pack(item) for item in integers(sent))
            held = self._lists[sent] = len(items).to_bytes(4, "big") + items
        return held


def integers(sent: bytes) -> list[int]:
    """The items of a one-dimensional array of integers as the server sends it in binary.

    Raises:
        ValueError: it has more dimensions, or a null in it.
    """
    dimensions, nulls = struct.unpack_from(">ii", sent)
    if dimensions == 0:
        return []
    if dimensions != 1 or nulls:
        raise ValueError("a list of integers")
    (count,) = struct.unpack_from(">i", sent, 12)
    items, at = [], 20
    for _ in range(count):
        (length,) = struct.unpack_from(">i", sent, at)
        items.append(int.from_bytes(sent[at + 4 : at + 4 + length], "big", signed=True))
        at += 4 + length
    return items
