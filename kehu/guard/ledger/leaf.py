"""The canonical bytes of a ledger row: every column but ``seq`` and ``xid``, the commitments as their root.

Each column is its length (4 bytes, big-endian; 0xFFFFFFFF for null) and its bytes, in the order of LEAF_COLUMNS.
Times are microseconds since 1970-01-01 UTC (8 bytes, signed), integers 8 bytes signed, arrays a run of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from kehu.guard.ledger.tree import leaf_hash, root_of

LEAF_COLUMNS: Final = (
    "at", "entry", "actor", "human", "department", "purpose", "action", "decision", "detail", "subjects",
    "jurisdictions", "reach", "commitments", "mac",
)  # fmt: skip
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NULL: Final = b"\xff\xff\xff\xff"


def commitment_leaves(commitments: bytes) -> list[bytes]:
    """Leaf hashes of the 32-byte commitments of one row."""
    return [leaf_hash(commitments[i : i + 32]) for i in range(0, len(commitments), 32)]


def _integer(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def _encode(value: Any) -> bytes:
    if isinstance(value, datetime):
        span = value - _EPOCH
        return _integer((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds)
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)
    return b"".join(_integer(item) for item in value)


def leaf_body(row: Iterable[Any]) -> bytes:
    """Canonical bytes of one row, its columns given in the order of LEAF_COLUMNS."""
    parts: list[bytes] = []
    for name, value in zip(LEAF_COLUMNS, row, strict=True):
        if value is None:
            parts.append(_NULL)
            continue
        body = root_of(commitment_leaves(bytes(value))) if name == "commitments" else _encode(value)
        parts.append(len(body).to_bytes(4, "big") + body)
    return b"".join(parts)


def leaf_of(row: Iterable[Any]) -> bytes:
    """Leaf hash of one row."""
    return leaf_hash(leaf_body(row))
