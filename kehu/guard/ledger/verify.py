"""Verification: every hash, the tree, every signature and every MAC recomputed from what the database holds now."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection

from kehu.guard.ledger.beside import decision_faults, tile_faults
from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.heads import Heads, gather
from kehu.guard.ledger.mac import digest_of
from kehu.guard.ledger.retirement import Marks, is_in, marks
from kehu.guard.ledger.sent import GONE, Checked, Reader, stream
from kehu.guard.ledger.tree import Frontier
from kehu.guard.ledger.uses import Fault, use_faults

_STEP: Final = 8_192  # leaves that wait to be added to the tree


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that does not hold: the row's ``seq`` (None where it concerns a checkpoint) and why."""

    seq: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Size and root as recomputed, everything found broken, and which rows lost their body because their time was over."""

    size: int
    root: bytes
    broken: tuple[Broken, ...]
    retired: Marks

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken


class _Walk:
    """Every leaf, checked; decisions and marks as they are at the same moment, so that none of a row come since is missed."""

    def __init__(self, connection: Connection[Any], entry_key: bytes) -> None:
        self._connection, self._key = connection, entry_key
        self.marks = Marks((), 0, None, None, 0, ())

    def __iter__(self) -> Iterator[Checked]:
        with self._connection.transaction():
            self._connection.execute("set transaction isolation level repeatable read, read only")
            reader = Reader(self._key, _asked(self._connection))
            self.marks = held = marks(self._connection, self._key)
            rows = reader.read(stream(self._connection))
            yield from rows if not held.rows else (_past(row, held) for row in rows)


def _past(row: Checked, held: Marks) -> Checked:
    """A row that is marked as retired has no body; one that has is no longer to be here."""
    index, seq, stored, faults = row
    if not is_in(held, seq):
        return row
    if faults == (GONE,):
        return index, seq, stored, ()
    return index, seq, stored, (*faults, "the row was retired, and its body is here")


def _asked(connection: Connection[Any]) -> dict[bytes, bytes]:
    """Of each decision that is there, the digest of what was asked."""
    return {bytes(id): digest_of(ask) for id, ask in connection.execute("select id, ask from gate_decision").fetchall()}


def verify(
    connection: Connection[Any],
    *,
    signer: Signer,
    entry_key: bytes,
    witness: Path | None,
    against: str | None = None,
    decision_key: bytes | None = None,
    edge: str | None = None,
) -> Verdict:
    """Recompute the whole ledger.

    ``against``: older checkpoint notes the caller kept; ``witness``: the home's file of all checkpoints (None: none);
    ``decision_key``: decisions are checked, too; ``edge``: what :func:`edge_of` said before what was pending was sequenced
    (None: as of now). What was written since waits for the sequencer, and is nothing broken.
    """
    edge = edge or edge_of(connection)
    heads = gather(connection, signer, witness, against)
    with ThreadPoolExecutor(1) as pool:  # mostly the server's work, while rows are hashed here
        beside = pool.submit(_beside, connection.info.dsn, connection.info.password, entry_key, decision_key)
        walk = _Walk(connection, entry_key)
        frontier, broken = _leaves(walk, heads)
    broken[:0] = [Broken(None, why) for why in heads.faults]
    for size in sorted(heads.roots):
        if size > frontier.size:
            where = ", ".join(heads.roots[size].values())
            broken.append(
                Broken(None, f"cut short: a signed checkpoint ({where}) has {size} rows, {frontier.size} are here")
            )
    broken += _unsequenced(connection, edge)
    broken += [Broken(seq, why) for seq, why in walk.marks.faults]
    broken += [Broken(seq, why) for seq, why in beside.result()]
    return Verdict(frontier.size, frontier.root(), tuple(broken), walk.marks)


def _leaves(walk: _Walk, heads: Heads) -> tuple[Frontier, list[Broken]]:
    """The tree over all leaves, and what is wrong with a row or on the way to a signed head."""
    frontier, broken, waiting = Frontier(), list[Broken](), list[bytes]()
    sizes = iter(sorted(heads.roots))
    head = next((size for size in sizes if size), 0)
    expected, agreed, forked = 0, 0, False
    for size, (index, seq, stored, faults) in enumerate(walk, 1):
        while expected < index:
            broken.append(Broken(None, f"leaf {expected} is missing"))
            expected += 1
        expected = index + 1
        if faults:
            broken += [Broken(seq, why) for why in faults]
        waiting.append(stored)
        if size == head:
            frontier.extend(waiting)
            waiting.clear()
            if not forked:
                broken += _head_faults(heads.roots[head], frontier, agreed, seq)
                forked = frontier.root() not in heads.roots[head]  # every later one differs, too: the first says where
                agreed = size
            head = next(sizes, 0)
        elif len(waiting) == _STEP:
            frontier.extend(waiting)
            waiting.clear()
    frontier.extend(waiting)
    return frontier, broken


def _beside(dsn: str, password: str, entry_key: bytes, decision_key: bytes | None) -> list[Fault]:
    """What stands beside the rows, on a connection of its own."""
    with psycopg.connect(dsn, password=password or None, autocommit=True) as connection:
        found = [*tile_faults(connection), *use_faults(connection, entry_key)]
        if decision_key is not None:
            found += decision_faults(connection, decision_key)
    return found


def _head_faults(signed: dict[bytes, str], frontier: Frontier, agreed: int, seq: int) -> Iterator[Broken]:
    for root, where in signed.items():
        if root != frontier.root():
            yield Broken(
                seq,
                f"forked: the tree of size {frontier.size} is not the one that was signed ({where});"
                f" something differs in leaves {agreed} to {frontier.size - 1}",
            )


def edge_of(connection: Connection[Any]) -> str:
    """The oldest transaction that still runs: every row of one before it is here, and the next sequencing takes it."""
    row = connection.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
    return str(row[0]) if row else "0"


def _unsequenced(connection: Connection[Any], edge: str) -> list[Broken]:
    rows = connection.execute(
        "select e.seq from ledger_entry e where (e.xid < %s::text::xid8 or e.xid >= pg_snapshot_xmax(pg_current_snapshot()))"
        " and not exists (select 1 from ledger_leaf l where l.seq = e.seq) limit 100",
        (edge,),
    ).fetchall()
    return [Broken(row[0], "inserted, but never hashed") for row in rows]
