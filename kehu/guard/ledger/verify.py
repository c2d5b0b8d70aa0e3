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
from kehu.guard.ledger.leaf import LEAF_COLUMNS
from kehu.guard.ledger.mac import digest_of, mac_of
from kehu.guard.ledger.sent import Encoder, raw_cursor
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
    """Every leaf in order, with its row where there is one, as the server sends it."""
    columns = ", ".join("e." + name for name in LEAF_COLUMNS)
    with connection.transaction(), raw_cursor(connection, "verify_walk") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            f"select l.index, l.seq, l.hash, e.seq, {columns} from ledger_leaf l"
            " left join ledger_entry e on e.seq = l.seq order by l.index"
        )
        yield from cursor


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
) -> Verdict:
    """Recompute the whole ledger.

    ``against``: older checkpoint notes the caller kept; ``witness``: the home's file of all checkpoints (None: none);
    ``decision_key``: decisions are checked, too. Sequence what is pending first.
    """
    heads = gather(connection, signer, witness, against)
    broken = [Broken(None, why) for why in heads.faults]
    frontier = Frontier()
    expected, agreed, forked = 0, 0, False
    rows = _Rows(entry_key, _asked(connection))
    for index, seq, stored, present, *columns in _walk(connection):
        while expected < index:
            broken.append(Broken(None, f"leaf {expected} is missing"))
            expected += 1
        expected = index + 1
        faults = rows.faults(columns, stored) if present is not None else ("the row is gone, its leaf is there",)
        broken += [Broken(seq, why) for why in faults]
        frontier.append(stored)
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


class _Rows:
    """Checks one row after another, each against its leaf, against copies of it and by its MAC."""

    def __init__(self, entry_key: bytes, asked: dict[bytes, bytes]) -> None:
        self._key = entry_key
        self._asked = asked
        self._entries = set[bytes]()
        self._encoder = Encoder()

    def faults(self, row: Any, stored: bytes) -> Iterator[str]:
        """What is wrong with a row (in the order of LEAF_COLUMNS, raw) whose leaf hash is ``stored``."""
        _, entry, actor, human, department, purpose, action, decision, detail, _, _, _, _, mac = row
        if self._encoder.leaf(row) != stored:
            yield "the row was changed after it was hashed"
        if entry in self._entries:
            yield "a copy of another row"
        self._entries.add(entry)
        asked = self._asked.get(decision)
        if asked is None:
            yield "its decision is gone"
            return
        made = mac_of(self._key, (entry, actor, human), (department, purpose, action), detail, asked)
        if not hmac.compare_digest(made, mac):
            yield "forged: its MAC is not ours"


def _unsequenced(connection: Connection[Any]) -> list[Broken]:
    rows = connection.execute(
        "select e.seq from ledger_entry e where e.xid < pg_snapshot_xmin(pg_current_snapshot())"
        " and not exists (select 1 from ledger_leaf l where l.seq = e.seq) limit 100"
    ).fetchall()
    return [Broken(row[0], "inserted, but never hashed") for row in rows]
