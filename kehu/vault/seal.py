"""Sealing: one AES-256-GCM ciphertext per (record, category), bound to where it belongs.

Moved to another subject, record or category, or rolled back to another version, it does not open (promise V4).
Opening is in :mod:`kehu.vault.open`, which only ``kehu.guard`` may import.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = 1


def associated(subject: bytes, record: bytes, category: int, version: int) -> bytes:
    """Associated data: origin subject (16) ‖ record (16) ‖ category (1) ‖ version (2)."""
    return subject + record + _what(category, version)


@functools.cache
def _what(category: int, version: int) -> bytes:
    return bytes((category,)) + version.to_bytes(2, "big")


def packed(values: Mapping[str, Sequence[Any]]) -> bytes:
    """What is sealed of one category: field name to ``[as given, normalised or null, status, verified-at or null]``."""
    return orjson.dumps(values)


def nonces(count: int) -> Iterator[bytes]:
    """As many nonces, each to be used once, from one reading of the system's randomness: that costs more than to seal."""
    random = os.urandom(12 * count)
    return (random[at : at + 12] for at in range(0, 12 * count, 12))


def seal(
    cipher: AESGCM,
    content: bytes,
    *,
    subject: bytes,
    record: bytes,
    category: int,
    version: int = VERSION,
    nonce: bytes | None = None,
) -> bytes:
    """Seal one category of one record, as :func:`packed`: nonce (12) ‖ ciphertext ‖ tag (16).

    ``nonce``: one of :func:`nonces`; else it is made here.
    """
    nonce = nonce or os.urandom(12)
    return nonce + cipher.encrypt(nonce, content, associated(subject, record, category, version))


def seal_text(key: bytes, text: str, *, context: bytes) -> bytes:
    """Seal a short free text (a reason, a note) under a subject's key, bound to what it belongs to."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), b"text" + context)
