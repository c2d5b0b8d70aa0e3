"""Sealing: one AES-256-GCM ciphertext per (record, category), bound to where it belongs.

Moved to another subject, record or category, or rolled back to another version, it does not open (promise V4).
Opening is in :mod:`kehu.vault.open`, which only ``kehu.guard`` may import.
"""

from __future__ import annotations

import os
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = 1


def associated(subject: bytes, record: bytes, category: int, version: int) -> bytes:
    """Associated data: origin subject (16) ‖ record (16) ‖ category (1) ‖ version (2)."""
    return subject + record + bytes((category,)) + version.to_bytes(2, "big")


def seal(cipher: AESGCM, values: Any, *, subject: bytes, record: bytes, category: int, version: int = VERSION) -> bytes:
    """Seal one category of one record: nonce (12) ‖ ciphertext ‖ tag (16).

    ``values`` maps field name to ``[as given, normalised or null, status, verified-at or null]``.
    """
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(nonce, orjson.dumps(values), associated(subject, record, category, version))


def seal_text(key: bytes, text: str, *, context: bytes) -> bytes:
    """Seal a short free text (a reason, a note) under a subject's key, bound to what it belongs to."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), b"text" + context)
