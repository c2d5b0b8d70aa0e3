"""Arrays of ids as parameters, in the database's own form: the driver writes them as text, id by id, six times as slow."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_UUID: Final = 2950
_UUIDS: Final = 2951
_LENGTH: Final = struct.pack(">i", 16)
_head = struct.Struct(">iiiii").pack


class UuidArray:
    """``uuid[]`` as a parameter of a cursor that was given :class:`UuidArrayDumper`."""

    __slots__ = ("ids",)

    def __init__(self, ids: Sequence[UUID]) -> None:
        self.ids = ids


class UuidArrayDumper(Dumper):
    """Writes a :class:`UuidArray`: dimensions, flags, type, count, lower bound, and each id with its length."""

    format = Format.BINARY
    oid = _UUIDS

    def dump(self, obj: UuidArray) -> Buffer:
        """The array as the database sends and takes it."""
        if not obj.ids:
            return struct.pack(">iii", 0, 0, _UUID)
        return b"".join((_head(1, 0, _UUID, len(obj.ids), 1), *(_LENGTH + one.bytes for one in obj.ids)))
