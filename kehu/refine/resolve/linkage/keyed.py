"""Blocking keys of records in memory, each as an HMAC: whom a record may be, without a value of anybody.

The same rules as :mod:`kehu.refine.resolve.linkage.blocking`. Most records stand in two sorted arrays, 12 bytes a key; those
added since in a dictionary beside them.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Final

import duckdb

from kehu.refine.resolve.compare.conditions import Row
from kehu.refine.resolve.compare.features import Features, Kind
from kehu.refine.resolve.linkage.blocking import LARGEST_BLOCK, rules_of
from kehu.vault.tokens import Hmac

MOST: Final = 1_000
"""Candidates at most; strict rules come first."""
_BLOCK: Final = 64  # bytes of SHA-256's block, to which a key is padded (RFC 2104)
_PAGES: Final = 1 << 16
_PAGE_BITS: Final = 64 - 16
_PART: Final = re.compile(r"(\w+)(?:\[(?:(\d+):(\d+)|-(\d+):)\])?")
_Rule = tuple[bytes, tuple[tuple[str, int, int | None], ...]]


class KeyedIndex:
    """Ids of records by the keys under which they may be somebody else's.

    Args:
        key: 32 secret bytes; keys made under another one meet nothing.
        wide: names are compared by their sound, as in a set where some are not in Latin letters.
    """

    __slots__ = ("_added", "_digest", "_ids", "_keys", "_rules", "_starts")

    def __init__(self, key: bytes, kind: Kind, *, wide: bool = True) -> None:
        self._digest: Callable[[bytes], bytes] = Hmac(key).digest
        self._rules: list[_Rule] = [
            (f"{number}\x1f".encode(), tuple(map(_part, parts)))
            for number, parts in enumerate(rules_of(kind, wide=wide))
        ]
        self._keys, self._ids = array("Q"), array("I")
        self._starts = self._pages()
        self._added: dict[int, list[int]] = {}

    @classmethod
    def of(cls, features: Features, key: bytes, kind: Kind, *, threads: int | None = None) -> KeyedIndex:
        """The index of many records at once, made by DuckDB."""
        index = cls(key, kind, wide=features.wide)
        padded = key.ljust(_BLOCK, b"\0")
        pads = [bytes(byte ^ mask for byte in padded) for mask in (0x36, 0x5C)]
        with duckdb.connect(":memory:") as connection:
            if threads:
                connection.execute(f"SET threads = {threads}")
            connection.register("feature", features.table)
            connection.execute("CREATE TABLE keyed (key UBIGINT, id UINTEGER)")
            for number, parts in enumerate(rules_of(kind, wide=features.wide)):
                if {part.split("[")[0] for part in parts} <= features.columns:
                    message = f"encode('{number}' || chr(31) || {' || chr(31) || '.join(parts)})"
                    connection.execute(
                        "INSERT INTO keyed SELECT ('0x' || sha256(?::BLOB || unhex(sha256(?::BLOB || "
                        f"{message})))[1:16])::UBIGINT, id FROM feature WHERE ({' || '.join(parts)}) IS NOT NULL",
                        [pads[1], pads[0]],
                    )
            for table in connection.sql("FROM keyed ORDER BY key, id").to_arrow_reader(1 << 20):
                index._keys.frombytes(table["key"].buffers()[1][: 8 * len(table)])
                index._ids.frombytes(table["id"].buffers()[1][: 4 * len(table)])
        index._starts = index._pages()
        return index

    def _pages(self) -> array[int]:
        """Where keys begin that begin with the same bits, so that each is sought among few that lie together in memory."""
        starts = array("Q", [0])
        for page in range(1, _PAGES):
            starts.append(bisect_left(self._keys, page << _PAGE_BITS, starts[-1]))
        starts.append(len(self._keys))
        return starts

    def keys(self, row: Row) -> list[int]:
        """A folded record's keys: one under each rule whose columns it has, strictest first."""
        return [int.from_bytes(self._digest(message)[:8], "big") for message in self._messages(row)]

    def add(self, id: int, row: Row) -> None:
        """Have a record found from now on."""
        for key in self.keys(row):
            self._added.setdefault(key, []).append(id)

    def candidates(self, row: Row) -> list[int]:
        """Records that share a key with this one, save keys that very many share."""
        found: dict[int, None] = {}
        held, ids, starts, added = self._keys, self._ids, self._starts, self._added
        for key in self.keys(row):
            page = key >> _PAGE_BITS
            first, end = starts[page], starts[page + 1]
            first = bisect_left(held, key, first, end)
            if first < end and held[first] == key:
                # of a key that too many share no more than that is asked
                end = bisect_right(held, key, first, min(end, first + LARGEST_BLOCK + 1))
            else:
                end = first
            more = added.get(key, ())
            if 0 < end - first + len(more) <= LARGEST_BLOCK and len(found) < MOST:
                found.update(dict.fromkeys(ids[first:end]))
                found.update(dict.fromkeys(more))
        return list(found)

    def _messages(self, row: Row) -> Iterator[bytes]:
        for head, parts in self._rules:
            texts: list[str] = []
            for column, first, last in parts:
                text = row.get(column)
                if text is None:
                    break
                texts.append(text[first:last])
            else:
                yield head + "\x1f".join(texts).encode()


def _part(text: str) -> tuple[str, int, int | None]:
    """A column, or characters of it (SQL counts from 1), as Python slices."""
    found = _PART.fullmatch(text)
    if found is None:
        raise ValueError("part of a rule")
    column, first, last, ending = found.groups()
    if ending:
        return column, -int(ending), None
    return (column, int(first) - 1, int(last)) if first else (column, 0, None)
