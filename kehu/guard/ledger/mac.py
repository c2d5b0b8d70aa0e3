"""MACs under keys that never enter the database: a row forged there is named by ``verify``."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID


def entry_mac(
    key: bytes,
    *,
    entry: UUID,
    actor: UUID,
    human: UUID,
    department: int,
    purpose: int | None,
    action: int,
    detail: UUID | None,
    ask: str,
) -> bytes:
    """HMAC-SHA-256 over the columns that the asking process knows before the row is written.

    ``ask`` is the request as it stands in ``gate_decision``; the rest of the row is bound by the tree.
    """
    message = b"".join(
        (
            entry.bytes,
            actor.bytes,
            human.bytes,
            department.to_bytes(4, "big"),
            (0xFFFF if purpose is None else purpose).to_bytes(2, "big"),
            action.to_bytes(2, "big"),
            detail.bytes if detail else bytes(16),
            hashlib.sha256(ask.encode()).digest(),
        )
    )
    return hmac.digest(key, message, "sha256")


def decision_mac(key: bytes, *, decision: bytes, answer: str) -> bytes:
    """HMAC-SHA-256 over a decision's id and its canonical answer."""
    return hmac.digest(key, decision + answer.encode(), "sha256")
