"""The single sequencer: takes committed rows in snapshot order and hashes them into the tree.

Rows are taken by ``xid`` below the snapshot's oldest running transaction: "seq greater than the last" would lose a
row whose transaction took its number early and committed late. One sequencer at a time holds an advisory lock.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.heads import append_note
from kehu.guard.ledger.leaf import LEAF_COLUMNS, leaf_of
from kehu.guard.ledger.tiles import TILE, TreeReader, split_hashes, tile_roots
from kehu.guard.ledger.tree import Frontier, root_of

LOCK: Final = 0x6B656875  # "kehu"
"""Held, until the transaction ends, by whoever adds leaves or heads, or writes the home's file of heads."""
_BATCH: Final = 5_000

_PENDING: Final = f"""
select e.xid::text, e.seq, {", ".join("e." + name for name in LEAF_COLUMNS)}
from ledger_entry e
where (e.xid < %(below)s::text::xid8 or e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
  and e.xid >= %(floor)s::text::xid8 and not exists (select 1 from ledger_leaf l where l.seq = e.seq)
order by e.xid, e.seq limit {_BATCH}
"""
# Rows are taken in the order of (xid, seq), so that nothing below the last one taken is left. After a restore into a
# cluster whose counter is behind, the last one's xid lies in the future: then everything is looked at. A row that is seen
# though its xid lies in the future was restored, or written by hand: it is taken, so that verification meets it.
_FLOOR: Final = """
select e.xid::text from ledger_leaf l join ledger_entry e using (seq)
where l.index = (select max(index) from ledger_leaf) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
"""


class Sequencer:
    """Appends leaves, completes tiles, signs checkpoints. Not thread-safe."""

    def __init__(self, connection: Connection[Any], signer: Signer, witness: Path) -> None:
        """``witness`` is the file in the home to which each checkpoint is also appended."""
        self._connection = connection
        self._signer = signer
        self._witness = witness
        self._floor: str | None = None
        self._frontier: Frontier | None = None
        self._signed_at = 0.0

    @property
    def connection(self) -> Connection[Any]:
        """Its connection, for looks at the ledger between two runs."""
        return self._connection

    def run_once(self, *, sign_every: float = 0.0) -> int:
        """Sequence what is pending and sign the head, at most once in so many seconds; returns how many rows were taken."""
        taken = 0
        while True:
            with self._connection.transaction():
                self._connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
                count = self._take_batch()
            taken += count
            if count < _BATCH:
                break
        if time.monotonic() >= self._signed_at + sign_every and not self._signed_head():
            self._sign()
        return taken

    def _load(self) -> Frontier:
        """The frontier as the database has it; another sequencer may have gone on since."""
        row = self._connection.execute("select coalesce(max(index) + 1, 0) from ledger_leaf").fetchone()
        size = int(row[0]) if row else 0
        if self._frontier is None or self._frontier.size != size:
            reader = TreeReader(self._connection)
            peaks, start = [], 0
            for bit in reversed(range(size.bit_length())):
                if size >> bit & 1:
                    peaks.append(reader.subtree(start, start + (1 << bit)))
                    start += 1 << bit
            self._frontier = Frontier(size, peaks)
        return self._frontier

    def _take_batch(self) -> int:
        frontier = self._load()
        edge = self._connection.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
        below = str(edge[0]) if edge else "0"
        if self._floor is None:
            last = self._connection.execute(_FLOOR).fetchone()
            self._floor = str(last[0]) if last else "0"
        with self._connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_PENDING, {"floor": self._floor, "below": below}).fetchall()
        if rows:
            first = frontier.size
            try:
                hashes = [leaf_of(row[2:]) for row in rows]
                with (
                    self._connection.cursor() as cursor,
                    cursor.copy("copy ledger_leaf (index, seq, hash) from stdin (format binary)") as copy,
                ):
                    copy.set_types(["int8", "int8", "bytea"])
                    for offset, (row, made) in enumerate(zip(rows, hashes, strict=True)):
                        copy.write_row((first + offset, row[1], made))
                        frontier.append(made)
                self._complete_tiles(first, frontier.size)
            except BaseException:
                self._frontier = None
                raise
        # every transaction below the edge has ended; a full batch took all rows below that of its last one
        self._floor = below if len(rows) < _BATCH else str(min(int(below), int(rows[-1][0])))
        return len(rows)

    def _complete_tiles(self, first: int, size: int) -> None:
        level, start, end = 0, first // TILE, size // TILE
        while end > start:
            for index in range(start, end):
                hashes = self._children(level, index)
                self._connection.execute(
                    "insert into ledger_tile (level, index, hashes, root) values (%s, %s, %s, %s)",
                    (level, index, hashes, root_of(split_hashes(hashes))),
                )
            level, start, end = level + 1, start // TILE, end // TILE

    def _children(self, level: int, index: int) -> bytes:
        if level == 0:
            rows = self._connection.execute(
                "select hash from ledger_leaf where index >= %s and index < %s order by index",
                (index * TILE, (index + 1) * TILE),
            ).fetchall()
            return b"".join(bytes(row[0]) for row in rows)
        return b"".join(tile_roots(self._connection, level - 1, index * TILE, (index + 1) * TILE))

    def _signed_head(self) -> bool:
        row = self._connection.execute(
            "select coalesce((select max(size) from ledger_checkpoint), -1)"
            " >= coalesce((select max(index) + 1 from ledger_leaf), 0)"
        ).fetchone()
        return bool(row and row[0])

    def _sign(self) -> None:
        with self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            frontier = self._load()
            there = self._connection.execute(
                "select 1 from ledger_checkpoint where size = %s", (frontier.size,)
            ).fetchone()
            if there is not None:
                return
            root = frontier.root()
            note = self._signer.sign(frontier.size, root)
            # Kept outside the database, and first: a log cut short there is found here, and one that is in the
            # database but not in the file was taken out of the file.
            append_note(self._witness, note)
            self._connection.execute(
                "insert into ledger_checkpoint (size, root, note) values (%s, %s, %s)", (frontier.size, root, note)
            )
        self._signed_at = time.monotonic()
