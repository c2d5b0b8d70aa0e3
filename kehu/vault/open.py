"""Opening: the only place where facets become plaintext. Only ``kehu.guard`` imports this (import contract)."""

from __future__ import annotations

from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kehu.vault.seal import associated


class FacetDoesNotOpen(RuntimeError):
    """A ciphertext was changed, moved or rolled back. Carries ids only, never a value."""


def open_facet(cipher: AESGCM, sealed: bytes, *, subject: bytes, record: bytes, category: int, version: int) -> Any:
    """Open one ciphertext and return its values (see :func:`kehu.vault.seal.seal`).

    Raises:
        FacetDoesNotOpen: authentication failed.
    """
    try:
        plain = cipher.decrypt(sealed[:12], sealed[12:], associated(subject, record, category, version))
    except (InvalidTag, ValueError):  # the latter: what is left of one cut off is too short
        raise FacetDoesNotOpen(f"subject {subject.hex()} record {record.hex()} category {category}") from None
    return orjson.loads(plain)


def open_text(key: bytes, sealed: bytes, *, context: bytes) -> str:
    """Open what :func:`kehu.vault.seal.seal_text` sealed."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], b"text" + context).decode()
    except (InvalidTag, ValueError):
        raise FacetDoesNotOpen("text") from None
