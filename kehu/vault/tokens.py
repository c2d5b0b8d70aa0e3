"""Blind index: keyed tokens in place of values, one key per field and kind of token.

HMAC-SHA-256 by copied midstates (RFC 2104): hashing the padded key once per key instead of once per value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Final, Protocol

try:  # CPython's own: a text of some dozen bytes is hashed before OpenSSL's has been set up for it (1.0 instead of 1.5 µs)
    from _sha256 import sha256  # type: ignore[import-not-found]  # nobody has written its types down
except ImportError:  # another name since 3.12, and a Python may be built without
    from hashlib import sha256

KINDS: Final = ("exact", "prefix", "bigram", "pinyin", "linkage")
_BLOCK: Final = 64


class Hash(Protocol):
    """The part of hashlib's hash objects used here."""

    def copy(self) -> Hash: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Hmac:
    """HMAC-SHA-256 under one key, its midstates kept."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner: Hash = sha256(bytes(x ^ 0x36 for x in block))
        self._outer: Hash = sha256(bytes(x ^ 0x5C for x in block))

    @property
    def midstates(self) -> tuple[Hash, Hash]:
        """The hashes that message and inner digest are added to, to be copied: for loops that count every call."""
        return self._inner, self._outer

    def digest(self, message: bytes) -> bytes:
        """32 bytes."""
        inner = self._inner.copy()
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

    def searcher(self, field: str, kind: str) -> Callable[[str], int]:
        """:meth:`search` for many keys of one field and kind, one after the other."""
        begun, ended = (held.copy for held in self._key(f"{kind}:{field}").midstates)
        number = int.from_bytes

        def search(key: str) -> int:
            inner, outer = begun(), ended()
            inner.update(key.encode())
            outer.update(inner.digest())
            return number(outer.digest()[:8], "big", signed=True)

        return search

    def search_all(self, field: str, kind: str, keys: Iterable[str]) -> list[int]:
        """:meth:`search` for many keys of one field and kind at once."""
        begun, ended = (held.copy for held in self._key(f"{kind}:{field}").midstates)
        found: list[bytes] = []
        for key in keys:
            inner, outer = begun(), ended()
            inner.update(key.encode())
            outer.update(inner.digest())
            found.append(outer.digest()[:8])
        return list(struct.unpack(f">{len(found)}q", b"".join(found)))

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
