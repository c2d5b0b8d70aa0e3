"""MACs under keys that never enter the database: a row forged there is named by ``verify``."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from uuid import UUID

_NOTHING: Final = bytes(16)


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
    who = entry.bytes + actor.bytes + human.bytes
    what = numbers_of(department, purpose, action) + (detail.bytes if detail else _NOTHING)
    return hmac.digest(key, who + what + digest_of(ask), "sha256")


def digest_of(ask: str) -> bytes:
    """What stands for a request in the MAC."""
    return hashlib.sha256(ask.encode()).digest()


def numbers_of(department: int, purpose: int | None, action: int) -> bytes:
    """Department, purpose and action in the MAC.

    Raises:
        OverflowError: a number that no row has.
    """
    return ((department << 32) | ((0xFFFF if purpose is None else purpose) << 16) | action).to_bytes(8, "big")


def decision_mac(key: bytes, *, decision: bytes, answer: str) -> bytes:
    """HMAC-SHA-256 over a decision's id and its canonical answer."""
    return hmac.digest(key, decision + answer.encode(), "sha256")
