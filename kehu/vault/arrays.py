"""Arrays as parameters, in the database's own form: the driver writes them as text, one by one, six times as slow."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from psycopg.adapt import AdaptersMap, Buffer, Dumper
from psycopg.pq import Format

_head = struct.Struct(">iiiii").pack
_length = struct.Struct(">i").pack
_small = struct.Struct(">ih").pack
_big = struct.Struct(">iq").pack
_ABSENT: Final = _length(-1)
_UUID_LENGTH: Final = _length(16)


class Array(ABC):
    """An array as a parameter of a connection that :func:`register_arrays` was told of; each kind says its elements' type."""

    __slots__ = ("values",)
    oid: ClassVar[int]
    """The array's type; ``of``: its elements'; ``absent``: 1 where one of them may be absent."""
    of: ClassVar[int]
    absent: ClassVar[int] = 0

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    @abstractmethod
    def elements(self) -> Iterable[bytes]:
        """Each element with its length before it."""


class UuidArray(Array):
    """``uuid[]`` of UUIDs."""

    __slots__ = ()
    oid, of = 2951, 2950
    values: Sequence[UUID]

    def elements(self) -> Iterable[bytes]:
        """As of any."""
        return [_UUID_LENGTH + one.bytes for one in self.values]


class ByteaArray(Array):
    """``bytea[]`` of bytes."""

    __slots__ = ()
    oid, of = 1001, 17
    values: Sequence[bytes]

    def elements(self) -> Iterable[bytes]:
        """As of any."""
        return [_length(len(one)) + one for one in self.values]


class SmallintArray(Array):
    """``smallint[]`` of whole numbers."""

    __slots__ = ()
    oid, of = 1005, 21
    values: Sequence[int]

    def elements(self) -> Iterable[bytes]:
        """As of any."""
        return [_small(2, one) for one in self.values]


class BigintArray(Array):
    """``bigint[]`` of whole numbers, or None."""

    __slots__ = ()
    oid, of, absent = 1016, 20, 1
    values: Sequence[int | None]

    def elements(self) -> Iterable[bytes]:
        """As of any."""
        return [_ABSENT if one is None else _big(8, one) for one in self.values]


class _ArrayDumper(Dumper):
    """Writes an array: dimensions, whether elements may be absent, their type, count, lower bound, and the elements."""

    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        if not obj.values:
            return struct.pack(">iii", 0, 0, obj.of)
        return b"".join((_head(1, obj.absent, obj.of, len(obj.values), 1), *obj.elements()))


_DUMPERS: Final = {
    kind: type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid})
    for kind in (UuidArray, ByteaArray, SmallintArray, BigintArray)
}


def register_arrays(adapters: AdaptersMap) -> None:
    """Teach a connection (its ``adapters``) how these are written."""
    for kind, dumper in _DUMPERS.items():
        adapters.register_dumper(kind, dumper)
