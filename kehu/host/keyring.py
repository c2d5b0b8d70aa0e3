"""The keyring: named secrets, each sealed under a key derived from the root passphrase file.

Both files live in the home, outside the database folder: a stolen database or its backup opens nothing.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kehu.host.home import Home, write_file

_NONCE: Final = 12
KEYS: Final = ("django", "index", "decision-mac", "ledger-mac", "ledger-sign", "guests", "epoch-1")


class RootDoesNotOpen(RuntimeError):
    """The root passphrase file is not the one this keyring was sealed under, or the keyring was changed."""


class KeysAreGone(RuntimeError):
    """An installation whose keys are not here: new ones would open nothing of it."""


class Keyring:
    """Secrets of 32 bytes by name."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._root_file = home / "keys" / "root"
        self._ring_file = home / "keys" / "ring.json"
        self._lock_file = home / "keys" / ".lock"

    def create_root(self) -> bool:
        """Make the root passphrase file where there is none; returns whether it was made."""
        if self._root_file.exists():
            return False
        write_file(self._root_file, base64.b64encode(os.urandom(32)) + b"\n")
        return True

    def is_here(self) -> bool:
        """Whether root and keyring are both in the home."""
        return self._root_file.exists() and self._ring_file.exists()

    def gone(self) -> KeysAreGone:
        """What to raise, and say, where they are not."""
        return KeysAreGone(f"{self._root_file.parent}: put root and ring.json of this installation back")

    def names(self) -> list[str]:
        """Names of all secrets."""
        return sorted(self._ring())

    def secret(self, name: str, *, create: bool = False) -> bytes:
        """Return a secret; with ``create`` a random one is made where it is missing.

        Raises:
            KeyError: there is none of that name.
            RootDoesNotOpen: the root does not fit.
            KeysAreGone: the root, or the keyring that it would be added to, is not here: a new one would hold it alone.
        """
        ring = self._ring()
        if name not in ring and create:
            with locked(self._lock_file):
                ring = self._ring()
                if name not in ring:
                    if not self.is_here() and self._home.exists():
                        raise self.gone()
                    nonce = os.urandom(_NONCE)
                    sealed = nonce + AESGCM(self._derived(name)).encrypt(nonce, os.urandom(32), name.encode())
                    ring[name] = base64.b64encode(sealed).decode()
                    self._write(ring)
        text = ring[name]
        try:
            sealed = base64.b64decode(text)
            return AESGCM(self._derived(name)).decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):  # the latter: a line of either was cut off
            raise RootDoesNotOpen(name) from None

    def destroy(self, name: str) -> bool:
        """Forget a secret for good; returns whether it was there."""
        with locked(self._lock_file):
            ring = self._ring()
            there = ring.pop(name, None) is not None
            if there:
                self._write(ring)
        return there

    def _ring(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._ring_file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise RootDoesNotOpen(self._ring_file.name) from None
        return found

    def _write(self, ring: dict[str, str]) -> None:
        write_file(self._ring_file, json.dumps(ring, indent=1, sort_keys=True).encode())

    def _derived(self, name: str) -> bytes:
        try:
            root = base64.b64decode(self._root_file.read_text().strip())
        except FileNotFoundError:
            raise self.gone() from None
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"kehu " + name.encode()).derive(root)


def make_home(home: Home) -> bool:
    """Home, root and every key an installation starts with; returns whether the home was made now. Idempotent.

    Raises:
        KeysAreGone: it was made before, and its root or its keyring is not here.
    """
    created = home.create()
    with locked(home / "keys" / ".making"):  # of two who begin at once, one finds what the other made
        keyring = Keyring(home)
        if home.exists() and not keyring.is_here():
            raise keyring.gone()
        keyring.create_root()
        held = keyring.names()
        for name in KEYS:
            # later epochs follow the first: once one is there, none is made here
            if not (name == "epoch-1" and any(other.startswith("epoch-") for other in held)):
                keyring.secret(name, create=True)
        if not home.exists():
            home.record(id=str(uuid4()), folders=[])
    return created


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the processes and threads that ask for this file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
