"""Opening a person's copy as they do."""

from __future__ import annotations

import time

import pyrage


def by_passphrase(sealed: bytes, passphrase: str) -> bytes:
    """As age opens it, which refuses what would take it long, and takes a busy machine for a slow one."""
    for _ in range(20):
        try:
            return pyrage.passphrase.decrypt(sealed, passphrase)
        except pyrage.DecryptError as refused:
            if "work parameter" not in str(refused):
                raise
            time.sleep(3)
    raise AssertionError("the machine stayed busy")
