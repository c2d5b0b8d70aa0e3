"""The made-up customer in each copy: a copy that turns up elsewhere says by it whose it was.

Made from the copy's own id under a key outside the database, so nothing of it need be kept but digests; it never enters
the vault, so no search, list or count meets it. Its address ends in a name that nobody can register (RFC 2606).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.guard.installation import installation

_KEY: Final = "canary"
_FAMILY: Final = ("Chen", "Lin", "Wang", "Zhou", "Meyer", "Novak", "Sato", "Taylor", "Okafor", "Rossi")
_GIVEN: Final = ("Hui", "Jun", "Lan", "Ming", "Anna", "Jan", "Yuki", "Robin", "Ada", "Luca")
_PLAIN: Final = {"language": "en", "gender": "unknown", "loyalty_tier": "basic", "country": "GB"}
_WORD: Final = re.compile(rb"[A-Za-z0-9._@-]{12,80}")
_BATCH: Final = 10_000


def canary_of(leaving: UUID, fields: Iterable[str]) -> tuple[UUID, dict[str, str]]:
    """The id and the values of the made-up customer of one copy, of the fields that the copy has."""
    seed = _digest(b"seed" + leaving.bytes)
    family, given = _FAMILY[seed[0] % len(_FAMILY)], _GIVEN[seed[1] % len(_GIVEN)]
    mark = seed[2:8].hex()
    # as ours: a UUIDv7 of the time of the copy
    id = UUID(bytes=leaving.bytes[:6] + bytes((0x70 | seed[8] & 0x0F, seed[9], 0x80 | seed[10] & 0x3F)) + seed[11:18])
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
    return [_digest(b"mark" + one.lower().encode()) for one in unique]


def trace(lines: Iterable[bytes]) -> list[tuple[UUID, int]]:
    """Copies whose canary stands in a file of any form, with how often; nothing of the file is kept."""
    found: dict[UUID, int] = {}
    batch: list[bytes] = []
    for word in _words(lines):
        batch.append(_digest(b"mark" + word.lower()))
        if len(batch) == _BATCH:
            _look_up(batch, found)
            batch = []
    if batch:
        _look_up(batch, found)
    return sorted(found.items(), key=lambda one: -one[1])


def _words(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield from _WORD.findall(line)


def _look_up(marks: list[bytes], found: dict[UUID, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select leaving from leaving_canary where mark = any (%s)", [marks])
        for (leaving,) in cursor.fetchall():
            found[leaving] = found.get(leaving, 0) + 1


def _digest(content: bytes) -> bytes:
    return hmac.digest(installation().keyring.secret(_KEY, create=True), content, hashlib.sha256)
