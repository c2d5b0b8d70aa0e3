"""What a page hands to its reader and wants back unread: sealed for the house alone, bound to what it is about.

No customer's value belongs here: it is opened without a decision and leaves no row, as nobody but the house reads it.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kehu.guard.installation import installation
from kehu.vault.keys import NONCE

_NAME: Final = "review-evidence"  # of the secret, as it is called since the first that was handed out


class NotOfThis(ValueError):
    """It was not sealed here, was changed, or is about something else."""


def seal_handed(content: bytes, *, about: UUID) -> str:
    """Seal something that a page carries until its answer comes."""
    nonce = os.urandom(NONCE)
    return base64.b64encode(nonce + _cipher().encrypt(nonce, content, about.bytes)).decode()


def open_handed(text: str, *, about: UUID) -> bytes:
    """What was sealed, come back.

    Raises:
        NotOfThis: it is not what was sealed about this.
    """
    try:
        sealed = base64.b64decode(text, validate=True)
        return _cipher().decrypt(sealed[:NONCE], sealed[NONCE:], about.bytes)
    except (binascii.Error, InvalidTag, ValueError):
        raise NotOfThis from None


def _cipher() -> AESGCM:
    return AESGCM(installation().keyring.secret(_NAME, create=True))
