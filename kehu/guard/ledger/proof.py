"""Inclusion proofs: that a row is in the log, and that a subject is in the row; of a retired one, that its hash is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from kehu.guard.installation import installation
from kehu.guard.ledger.leaf import LEAF_COLUMNS, commitment_leaves, leaf_body
from kehu.guard.ledger.retirement import is_in, marks
from kehu.guard.ledger.tiles import TreeReader
from kehu.guard.ledger.tree import path_in, subtree_path


class NotInLedger(LookupError):
    """No such row, or it does not concern this subject."""


class RowRetired(NotInLedger):
    """Its time was over: only its leaf's hash is left, which names nobody."""


class BodyGone(NotInLedger):
    """Its leaf is there, and no mark of ours says that it was retired: somebody took the row."""


@dataclass(frozen=True, slots=True)
class SubjectProof:
    """Opens one subject's commitment in one row and no other: its id, ``r``, its position and the inner path."""

    subject: UUID
    r: bytes
    index: int
    size: int
    path: list[bytes]


@dataclass(frozen=True, slots=True)
class Proof:
    """Canonical leaf bytes, dense leaf index, path and the checkpoint they lead to.

    ``decision``: ask, actor's facts and state that the row's decision hashes; not for the customer (staff's facts).
    Of a retired row ``leaf`` is None and ``leaf_hash`` all that is left.
    """

    leaf: bytes | None
    leaf_hash: bytes
    index: int
    size: int
    path: list[bytes]
    checkpoint: str
    subject: SubjectProof | None
    decision: tuple[str, str, str] | None


def prove(connection: Connection[Any], seq: int, subject: UUID | None = None) -> Proof:
    """Prove one row against the newest checkpoint; with a subject (an origin id), that the row commits to it.

    Raises:
        NotInLedger: unknown row, not yet sequenced, or not about this subject.
        RowRetired: asked whether it is about somebody, and it was retired.
        BodyGone: its body is not here, and nobody said that it was retired.
    """
    columns = ", ".join("e." + name for name in LEAF_COLUMNS)
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(
            f"select l.index, l.hash, e.seq, {columns}, g.ask, g.actor, g.state from ledger_leaf l"
            " left join ledger_entry e using (seq) left join gate_decision g on g.id = e.decision where l.seq = %s",
            (seq,),
        ).fetchone()
    head = connection.execute("select size, note from ledger_checkpoint order by size desc limit 1").fetchone()
    if row is None or head is None or row[0] >= head[0]:
        raise NotInLedger(f"row {seq}")
    index, size, body, asked = int(row[0]), int(head[0]), row[3:-3], row[-3:]
    path, inner = subtree_path(index, size, TreeReader(connection).subtree), None
    if row[2] is None:
        _require_mark(connection, seq, subject)
        return Proof(None, bytes(row[1]), index, size, path, str(head[1]), None, None)
    if subject is not None:
        inner = _subject_proof(connection, seq, subject, dict(zip(LEAF_COLUMNS, body, strict=True)))
    decision = None if asked[0] is None else (str(asked[0]), str(asked[1]), str(asked[2]))
    return Proof(leaf_body(body), bytes(row[1]), index, size, path, str(head[1]), inner, decision)


def _require_mark(connection: Connection[Any], seq: int, subject: UUID | None) -> None:
    """A row without its body was retired, by our own hand.

    Raises:
        BodyGone, RowRetired: as they say.
    """
    if not is_in(marks(connection, installation().entry_key), seq):
        raise BodyGone(f"row {seq}")
    if subject is not None:
        raise RowRetired(f"row {seq}")


def _subject_proof(connection: Connection[Any], seq: int, subject: UUID, row: dict[str, Any]) -> SubjectProof:
    found = connection.execute(
        "select u.position, k.salt from ledger_use u join subject_key k using (subject)"
        " where u.seq = %s and u.subject = %s",
        (seq, subject),
    ).fetchone()
    if found is None:
        raise NotInLedger(f"row {seq} for this subject")
    position, salt = int(found[0]), bytes(found[1])
    leaves = commitment_leaves(bytes(row["commitments"]))
    r = hashlib.sha256(salt + row["entry"].bytes).digest()
    return SubjectProof(subject, r, position, len(leaves), path_in(leaves, position))
