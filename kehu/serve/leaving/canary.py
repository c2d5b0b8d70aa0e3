"""The made-up customer in each list and in the answers of each token for somebody outside: a copy that turns up elsewhere
says by it whose it was.

Made from the copy's own id under a key outside the database, so nothing of it need be kept but digests; it never enters
the vault, so no search, list or count meets it. Its address ends in a name that nobody can register (RFC 2606).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.guard.installation import installation

_RING: Final = "canary"
_FAMILY: Final = ("Chen", "Lin", "Wang", "Zhou", "Meyer", "Novak", "Sato", "Taylor", "Okafor", "Rossi")
_GIVEN: Final = ("Hui", "Jun", "Lan", "Ming", "Anna", "Jan", "Yuki", "Robin", "Ada", "Luca")
_PLAIN: Final = {"language": "en", "gender": "unknown", "loyalty_tier": "basic", "country": "GB"}
_WORD: Final = re.compile(rb"[A-Za-z0-9._@-]{12,80}")
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"
_LONGEST: Final = 4_096  # bytes of a word that are waited for
_BATCH: Final = 10_000


def canary_of(copy: UUID, fields: Iterable[str], *, near: UUID | None = None) -> tuple[UUID, dict[str, str]]:
    """The id and the values of the made-up customer of one list or token, of the fields asked for.

    ``near``: a customer whose time its id carries, so that it stands among others; else that of the copy.
    """
    seed = hmac.digest(_key(), b"seed" + copy.bytes, hashlib.sha256)
    family, given = _FAMILY[seed[0] % len(_FAMILY)], _GIVEN[seed[1] % len(_GIVEN)]
    mark = seed[2:8].hex()
    # as ours: a UUIDv7
    when = (near or copy).bytes[:6]
    id = UUID(bytes=when + bytes((0x70 | seed[8] & 0x0F, seed[9], 0x80 | seed[10] & 0x3F)) + seed[11:18])
    known = {
        "full_name": f"{given} {family}",
        "given_name": given,
        "family_name": family,
        "email": f"{given}.{family}.{mark}@mail.example".lower(),
        "phone": f"+447700900{seed[18]:03}",  # of the range that is given to nobody (Ofcom)
        "external_id": f"C{mark.upper()}",
        **_PLAIN,
    }
    return id, {name: known[name] for name in fields if name in known}


def marks_of(id: UUID, values: dict[str, str]) -> list[bytes]:
    """Digests of what stands in this copy only."""
    unique = [str(id), *(values[name] for name in ("email", "external_id") if name in values)]
    key = _key()
    return [_mark(one.encode(), key) for one in unique]


class Tracer:
    """Looks for canaries in a file of any form that comes block by block; nothing of it is kept but counts.

    Text in two bytes a letter (UTF-16) is read, too; what is packed or encrypted must be opened before.
    """

    def __init__(self) -> None:
        self._found: dict[UUID, int] = {}
        self._marks: list[bytes] = []
        self._left = b""
        self._key = _key()

    def feed(self, block: bytes) -> None:
        """The next bytes, cut wherever."""
        held = self._left + block.replace(b"\0", b"")
        cut = len(held.rstrip(_LETTERS))  # the last word may go on in the next block
        if len(held) - cut >= _LONGEST:
            cut = len(held)
        self._left = held[cut:]
        self._read(held[:cut])

    def copies(self) -> list[tuple[UUID, int]]:
        """At the end: lists and tokens whose canary stands in it, with how often, the most often first."""
        self._read(self._left)
        self._left = b""
        self._look_up()
        return sorted(self._found.items(), key=lambda one: -one[1])

    def _read(self, text: bytes) -> None:
        for word in _WORD.findall(text):
            self._marks.append(_mark(word.strip(b"._-"), self._key))
            if len(self._marks) == _BATCH:
                self._look_up()

    def _look_up(self) -> None:
        marks, self._marks = self._marks, []
        if not marks:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "select w.copy, count(*) from unnest(%s::bytea[]) m (mark) join (select mark, leaving as copy from leaving_canary"
                " union all select mark, token from outside_canary) w using (mark) group by 1",
                [marks],
            )
            for copy, count in cursor.fetchall():
                self._found[copy] = self._found.get(copy, 0) + count


def trace(blocks: Iterable[bytes]) -> list[tuple[UUID, int]]:
    """Lists and tokens whose canary stands in a file, with how often; the file may be cut into blocks wherever."""
    tracer = Tracer()
    for block in blocks:
        tracer.feed(block)
    return tracer.copies()


def _mark(word: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"mark" + word.lower(), hashlib.sha256)


def _key() -> bytes:
    return installation().keyring.secret(_RING, create=True)
