"""Verification: every hash, the tree, every signature and every MAC recomputed from what the database holds now."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from kehu.guard.ledger.beside import decision_faults, tile_faults, use_faults
from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.heads import gather
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
    connection: Connection[Any],
    *,
    signer: Signer,
    entry_key: bytes,
    witness: Path | None,
    against: str | None = None,
    decision_key: bytes | None = None,
) -> Verdict:
    """Recompute the whole ledger.

    ``against``: older checkpoint notes the caller kept; ``witness``: the home's file of all checkpoints (None: none);
    ``decision_key``: decisions are checked, too. Sequence what is pending first.
    """
    heads = gather(connection, signer, witness, against)
    broken = [Broken(None, why) for why in heads.faults]
    frontier = Frontier()
    expected, entries, agreed, forked = 0, set[bytes](), 0, False
    for index, seq, stored, present, *rest in _walk(connection):
        columns, ask = rest[:-1], rest[-1]
        while expected < index:
            broken.append(Broken(None, f"leaf {expected} is missing"))
            expected += 1
        expected = index + 1
        broken += _row_faults(seq, bytes(stored), present, columns, ask, entry_key, entries)
        frontier.append(bytes(stored))
        signed = heads.roots.get(frontier.size)
        if signed and not forked:
            broken += _head_faults(signed, frontier, agreed, seq)
            forked = frontier.root() not in signed  # every later head differs as well: the first says where
            agreed = frontier.size
    for size in sorted(heads.roots):
        if size > frontier.size:
            where = ", ".join(heads.roots[size].values())
            broken.append(
                Broken(None, f"cut short: a signed checkpoint ({where}) has {size} rows, {frontier.size} are here")
            )
    broken += _unsequenced(connection)
    beside = [*tile_faults(connection), *use_faults(connection)]
    if decision_key is not None:
        beside += decision_faults(connection, decision_key)
    broken += [Broken(seq, why) for seq, why in beside]
    return Verdict(frontier.size, frontier.root(), tuple(broken))


def _head_faults(signed: dict[bytes, str], frontier: Frontier, agreed: int, seq: int) -> Iterator[Broken]:
    for root, where in signed.items():
        if root != frontier.root():
            yield Broken(
                seq,
                f"forked: the tree of size {frontier.size} is not the one that was signed ({where});"
                f" something differs in leaves {agreed} to {frontier.size - 1}",
            )


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


def _unsequenced(connection: Connection[Any]) -> list[Broken]:
    rows = connection.execute(
        "select e.seq from ledger_entry e where e.xid < pg_snapshot_xmin(pg_current_snapshot())"
        " and not exists (select 1 from ledger_leaf l where l.seq = e.seq) limit 100"
    ).fetchall()
    return [Broken(row[0], "inserted, but never hashed") for row in rows]
