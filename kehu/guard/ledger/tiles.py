"""Roots of any part of the tree from stored tiles: 256 hashes wide, completed ones only (C2SP tlog-tiles)."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

from kehu.guard.ledger.tree import node_hash, root_of

TILE: Final = 256
_BITS: Final = 8


class TreeReader:
    """Reads subtree roots; a path costs a handful of look-ups. Holds what it read: make one per question."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def subtree(self, start: int, end: int) -> bytes:
        """Root over the leaves ``[start, end)``, as RFC 6962 splits them."""
        width = end - start
        if width & (width - 1):
            split = start + (1 << width.bit_length() - 1)
            return node_hash(self.subtree(start, split), self.subtree(split, end))
        level, within = divmod(width.bit_length() - 1, _BITS)
        first = start >> _BITS * level
        at = first % TILE
        return root_of(self._tile(level, first // TILE)[at : at + (1 << within)])

    def leaf(self, index: int) -> bytes:
        """Hash of one leaf."""
        return self._tile(0, index // TILE)[index % TILE]

    def _tile(self, level: int, index: int) -> list[bytes]:
        held = self._tiles.get((level, index))
        if held is None:
            held = self._tiles[level, index] = self._read(level, index)
        return held

    def _read(self, level: int, index: int) -> list[bytes]:
        row = self._connection.execute(
            "select hashes from ledger_tile where level = %s and index = %s", (level, index)
        ).fetchone()
        if row:
            return split_hashes(bytes(row[0]))
        first, after = index * TILE, (index + 1) * TILE
        if level == 0:
            rows = self._connection.execute(
                "select hash from ledger_leaf where index >= %s and index < %s order by index", (first, after)
            ).fetchall()
            return [bytes(found[0]) for found in rows]
        return tile_roots(self._connection, level - 1, first, after)


def tile_roots(connection: Connection[Any], level: int, first: int, after: int) -> list[bytes]:
    """Roots of the complete tiles ``[first, after)`` of a level, as they were stored with them (see ``tile_faults``)."""
    rows = connection.execute(
        "select root, case when root is null then hashes end from ledger_tile"
        " where level = %s and index >= %s and index < %s order by index",
        (level, first, after),
    ).fetchall()
    return [root_of(split_hashes(bytes(hashes))) if root is None else bytes(root) for root, hashes in rows]


def split_hashes(joined: bytes) -> list[bytes]:
    """Cut joined 32-byte hashes apart."""
    return [joined[i : i + 32] for i in range(0, len(joined), 32)]
