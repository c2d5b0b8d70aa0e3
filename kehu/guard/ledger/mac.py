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
    return mac_of(
        key,
        (entry.bytes, actor.bytes, human.bytes),
        (department, purpose, action),
        detail.bytes if detail else None,
        digest_of(ask),
    )


def digest_of(ask: str) -> bytes:
    """What stands for a request in the MAC."""
    return hashlib.sha256(ask.encode()).digest()


def mac_of(
    key: bytes, who: tuple[bytes, bytes, bytes], what: tuple[int, int | None, int], detail: bytes | None, asked: bytes
) -> bytes:
    """The same from bytes: ``who`` is entry, actor and human, ``what`` department, purpose and action."""
    department, purpose, action = what
    numbers = (department << 32) | ((0xFFFF if purpose is None else purpose) << 16) | action
    return hmac.digest(key, b"".join((*who, numbers.to_bytes(8, "big"), detail or _NOTHING, asked)), "sha256")


def decision_mac(key: bytes, *, decision: bytes, answer: str) -> bytes:
    """HMAC-SHA-256 over a decision's id and its canonical answer."""
    return hmac.digest(key, decision + answer.encode(), "sha256")
