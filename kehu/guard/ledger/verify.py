"""Verification: every hash, the tree, every signature and every MAC recomputed from what the database holds now."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from kehu.guard.ledger.checkpoint import Checkpoint, CheckpointInvalid, Signer, parse
from kehu.guard.ledger.leaf import LEAF_COLUMNS, leaf_of
from kehu.guard.ledger.mac import entry_mac
from kehu.guard.ledger.tree import Frontier

_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that does not hold: the row's ``seq`` (None where it concerns a checkpoint) and why."""

    seq: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Size and root as recomputed, and everything found broken."""

    size: int
    root: bytes
    broken: tuple[Broken, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken


def _walk(connection: Connection[Any]) -> Iterator[Any]:
    columns = ", ".join("e." + name for name in LEAF_COLUMNS)
    with connection.transaction(), connection.cursor("verify_walk", binary=True) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            f"select l.index, l.seq, l.hash, e.seq, {columns}, g.ask from ledger_leaf l"
            " left join ledger_entry e on e.seq = l.seq left join gate_decision g on g.id = e.decision order by l.index"
        )
        yield from cursor


def verify(
    connection: Connection[Any], *, signer: Signer, entry_key: bytes, witness: Path, against: str | None = None
) -> Verdict:
    """Recompute the whole ledger.

    ``against`` is an older checkpoint note the caller kept; ``witness`` the file of all checkpoints in the home.
    Sequence what is pending first.
    """
    marks = _checkpoints(connection, signer, witness, against)
    broken: list[Broken] = list(marks.broken)
    frontier = Frontier()
    expected, entries = 0, set[bytes]()
    for index, seq, stored, present, *rest in _walk(connection):
        columns, ask = rest[:-1], rest[-1]
        while expected < index:
            broken.append(Broken(None, f"leaf {expected} is missing"))
            expected += 1
        expected = index + 1
        broken += _row_faults(seq, bytes(stored), present, columns, ask, entry_key, entries)
        frontier.append(bytes(stored))
        for root in marks.roots.get(frontier.size, ()):
            if root != frontier.root():
                broken.append(Broken(seq, f"the tree of size {frontier.size} is not the one that was signed"))
    for size in marks.roots:
        if size > frontier.size:
            broken.append(Broken(None, f"cut short: a signed checkpoint has {size} rows, {frontier.size} are here"))
    broken += _unsequenced(connection)
    return Verdict(frontier.size, frontier.root(), tuple(broken))


def _row_faults(
    seq: int, stored: bytes, present: int | None, columns: Any, ask: str | None, entry_key: bytes, entries: set[bytes]
) -> Iterator[Broken]:
    if present is None:
        yield Broken(seq, "the row is gone, its leaf is there")
        return
    if leaf_of(columns) != stored:
        yield Broken(seq, "the row was changed after it was hashed")
    row = dict(zip(LEAF_COLUMNS, columns, strict=True))
    if row["entry"].bytes in entries:
        yield Broken(seq, "a copy of another row")
    entries.add(row["entry"].bytes)
    if ask is None:
        yield Broken(seq, "its decision is gone")
        return
    made = entry_mac(
        entry_key,
        entry=row["entry"],
        actor=row["actor"],
        human=row["human"],
        department=row["department"],
        purpose=row["purpose"],
        action=row["action"],
        detail=row["detail"],
        ask=ask,
    )
    if not hmac.compare_digest(made, bytes(row["mac"])):
        yield Broken(seq, "forged: its MAC is not ours")


@dataclass(frozen=True, slots=True)
class _Marks:
    roots: dict[int, set[bytes]]
    broken: tuple[Broken, ...]


def _checkpoints(connection: Connection[Any], signer: Signer, witness: Path, against: str | None) -> _Marks:
    roots: dict[int, set[bytes]] = {}
    broken: list[Broken] = []

    def take(note: str, where: str) -> None:
        try:
            found: Checkpoint = parse(note, origin=signer.origin, public=signer.public)
        except CheckpointInvalid:
            broken.append(Broken(None, f"a checkpoint {where} is not signed by this log"))
            return
        roots.setdefault(found.size, set()).add(found.root)

    for (note,) in connection.execute("select note from ledger_checkpoint order by size"):
        take(note, "in the database")
    if witness.exists():
        for block in witness.read_text(encoding="utf-8").split("\n\n"):
            if block.strip() and not block.lstrip().startswith("—"):
                pending = block
            elif block.strip():
                take(f"{pending.strip()}\n\n{block.strip()}\n", "in the home")
    if against is not None:
        take(against, "given")
    return _Marks(roots, tuple(broken))


def _unsequenced(connection: Connection[Any]) -> list[Broken]:
    rows = connection.execute(
        "select e.seq from ledger_entry e where e.xid < pg_snapshot_xmin(pg_current_snapshot())"
        " and not exists (select 1 from ledger_leaf l where l.seq = e.seq) limit 100"
    ).fetchall()
    return [Broken(row[0], "inserted, but never hashed") for row in rows]
