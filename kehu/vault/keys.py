"""Subject keys: one per origin subject, wrapped under an epoch key that lives outside the database.

An epoch ends by re-wrapping every key under the next one and destroying the old epoch key; from then on a
stolen backup of older data opens nobody who was erased since (promise V2).
"""

from __future__ import annotations

import os
import threading
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection

from kehu.host.keyring import Keyring

NONCE: Final = 12
KEY: Final = 32
SALT: Final = 32


class EpochKeyMissing(RuntimeError):
    """A subject key names an epoch whose key this process does not hold (any more): read again."""


class KeyDoesNotOpen(RuntimeError):
    """A wrapped key was changed, or belongs to another subject or epoch."""


def _associated(subject: bytes, epoch: int) -> bytes:
    return subject + epoch.to_bytes(4, "big")


class EpochKeys:
    """The epoch keys of one installation, read from the keyring when first needed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._ciphers: dict[int, AESGCM] = {}
        self._lock = threading.Lock()

    def cipher(self, epoch: int) -> AESGCM:
        """Return the cipher of an epoch.

        Raises:
            EpochKeyMissing: that epoch's key is gone, or not yet here.
        """
        held = self._ciphers.get(epoch)
        if held is None:
            with self._lock:
                try:
                    held = self._ciphers[epoch] = AESGCM(self._keyring.secret(f"epoch-{epoch}"))
                except KeyError:
                    raise EpochKeyMissing(str(epoch)) from None
                # a long-lived process must not be what keeps a destroyed key alive
                for old in [old for old in self._ciphers if old < epoch - 1]:
                    self.forget(old)
        return held

    def forget(self, epoch: int) -> None:
        """Drop an epoch's key from this process."""
        self._ciphers.pop(epoch, None)

    def wrap(self, key: bytes, *, subject: bytes, epoch: int) -> bytes:
        """Wrap a 32-byte subject key; bound to subject and epoch."""
        nonce = os.urandom(NONCE)
        return nonce + self.cipher(epoch).encrypt(nonce, key, _associated(subject, epoch))

    def unwrap(self, wrapped: bytes, *, subject: bytes, epoch: int) -> bytes:
        """Return the subject key.

        Raises:
            EpochKeyMissing: the epoch's key is not here.
            KeyDoesNotOpen: the wrapped key was tampered with.
        """
        try:
            return self.cipher(epoch).decrypt(wrapped[:NONCE], wrapped[NONCE:], _associated(subject, epoch))
        except InvalidTag:
            raise KeyDoesNotOpen("wrapped subject key") from None


def current_epoch(connection: Connection[tuple[object, ...]]) -> int:
    """The epoch in which new keys are wrapped; its row is held FOR SHARE until the transaction ends.

    Rotation waits for that lock, so no key is written under an epoch whose key is about to be destroyed.
    """
    for _ in range(3):
        row = connection.execute(
            "select epoch from key_epoch where retired_at is null order by epoch desc limit 1 for share"
        ).fetchone()
        if row is not None:
            return int(str(row[0]))
        # a rotation ended the epoch while this waited for its row: the next statement sees the new one
    raise EpochKeyMissing("no epoch: run kehu init")
