"""Blind index: keyed tokens in place of values, one key per field and kind of token.

HMAC-SHA-256 by copied midstates (RFC 2104): hashing the padded key once per key instead of once per value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Protocol

from kehu.vault.copying import INT8

try:  # CPython's own: a text of some dozen bytes is hashed before OpenSSL's has been set up for it (1.0 instead of 1.5 µs)
    from _sha256 import sha256  # type: ignore[import-not-found]  # nobody has written its types down
except ImportError:  # another name since 3.12, and a Python may be built without
    from hashlib import sha256

KINDS: Final = ("exact", "prefix", "bigram", "pinyin", "linkage")
_BLOCK: Final = 64
_LONG: Final = 100  # bytes, from which OpenSSL's is the faster again: at 400 in a third of the time


class Hash(Protocol):
    """The part of hashlib's hash objects used here."""

    def copy(self) -> Hash: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Hmac:
    """HMAC-SHA-256 under one key, its midstates kept."""

    __slots__ = ("_inner", "_long", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        inner, outer = (bytes(x ^ pad for x in block) for pad in (0x36, 0x5C))
        self._inner: Hash = sha256(inner)
        self._outer: Hash = sha256(outer)
        self._long: Hash = hashlib.sha256(inner)

    @property
    def midstates(self) -> tuple[Hash, Hash]:
        """The hashes that message and inner digest are added to, to be copied: for loops that count every call."""
        return self._inner, self._outer

    def digest(self, message: bytes) -> bytes:
        """32 bytes."""
        inner = (self._inner if len(message) < _LONG else self._long).copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class Tokens:
    """All token keys of an installation, derived from its index key."""

    def __init__(self, index_key: bytes) -> None:
        self._root = Hmac(index_key)
        self._keys: dict[str, Hmac] = {}

    def _key(self, name: str) -> Hmac:
        held = self._keys.get(name)
        if held is None:
            held = self._keys[name] = Hmac(self._root.digest(name.encode()))
        return held

    def search(self, field: str, kind: str, key: str) -> int:
        """Token of a search key for the blind index: a signed 64-bit integer."""
        return int.from_bytes(self._key(f"{kind}:{field}").digest(key.encode())[:8], "big", signed=True)

    def search_all(self, field: str, kind: str, keys: Iterable[str]) -> list[bytes]:
        """:meth:`search` for many keys of one field and kind, each as :func:`kehu.vault.copying.int8`; of an empty key none."""
        begun, ended = (held.copy for held in self._key(f"{kind}:{field}").midstates)
        found: list[bytes] = []
        for key in keys:
            if not key:
                found.append(b"")
                continue
            inner, outer = begun(), ended()
            inner.update(key.encode())
            outer.update(inner.digest())
            found.append(INT8 + outer.digest()[:8])
        return found

    def source(self, controller: int, channel: int, kind: int, own_key: str) -> bytes:
        """Token (16 bytes) of a record's own key: (controller, channel, kind, external id or event key)."""
        return self._key("source").digest(f"{controller}\x1f{channel}\x1f{kind}\x1f{own_key}".encode())[:16]

    def identity(self, controller: int, field: str, number: str, agreeing: str, value: str) -> bytes:
        """Token (16 bytes) of an identifier together with an agreeing name or birth date."""
        message = f"{controller}\x1f{number}\x1f{agreeing}\x1f{value}".encode()
        return self._key(f"linkage:{field}").digest(message)[:16]

    def subject(self, subject: bytes) -> bytes:
        """Token (16 bytes) of an origin subject's id: what is left of the id after an erasure."""
        return self._key("tombstone").digest(subject)[:16]

    def message(self, channel: int, id: str) -> bytes:
        """Token (16 bytes) of a message by its sender's id: one that is sent again is known by it."""
        return self._key("message").digest(f"{channel}\x1f{id}".encode())[:16]

    def content(self, canonical: bytes) -> bytes:
        """Keyed digest (16 bytes) of what came, to know a repeat."""
        return self._key("content").digest(canonical)[:16]
