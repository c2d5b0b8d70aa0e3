"""The confidentiality agreement and the notice of watching: versions that are never edited, signed by each person.

What a signature is worth (until when, and that a later version ends it) is the database's matter: migration 0015.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.ledger.record import record_act

AGREEMENT: Final = "agreement"
WATCHING: Final = "watching"
KINDS: Final = (AGREEMENT, WATCHING)
_ACT: Final = {AGREEMENT: "agree", WATCHING: "acknowledge"}
_SHIPPED: Final = Path(__file__).with_name("texts.toml")
_LONGEST: Final = 40_000  # characters


class UnknownWording(LookupError):
    """No such version."""


class PublishedMeanwhile(RuntimeError):
    """Somebody else published a version of this text at the same moment: nothing of this one is kept."""


class WordingOver(RuntimeError):
    """A later version is in force, or another text was read: read that one first."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One version of a text. ``published_by`` is None as shipped."""

    kind: str
    version: int
    texts: Mapping[str, str]
    digest: bytes
    in_force_from: datetime
    published_by: Any

    def text(self, language: str) -> str:
        """In that language; English for any other."""
        return self.texts.get(language, self.texts["en"])


def ship_texts() -> None:
    """The first version of each text, where there is none; any number of times."""
    shipped = tomllib.loads(_SHIPPED.read_text(encoding="utf-8"))
    for kind in KINDS:
        if not _versions(kind):
            _insert(kind, 1, shipped[kind], timezone.now(), None)


def versions(kind: str) -> list[Wording]:
    """Every version, the newest first."""
    return _versions(kind)


def in_force(kind: str) -> Wording:
    """The version that counts today.

    Raises:
        UnknownWording: there is none.
    """
    now = timezone.now()
    for one in _versions(kind):
        if one.in_force_from <= now:
            return one
    raise UnknownWording(kind)


def to_sign(kind: str) -> Wording:
    """The newest version: whoever signs it before its day has signed it when it comes.

    Raises:
        UnknownWording: there is none.
    """
    found = _versions(kind)
    if not found:
        raise UnknownWording(kind)
    return found[0]


def signed(kind: str, staff: Any) -> int | None:
    """The newest version that a person signed since their account was opened, or opened anew; None: none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select max(x.version) from access_signature x join guard_staff s on s.id = x.staff where x.staff = %s"
            " and x.kind = %s and (s.begun_at is null or x.at > s.begun_at)",
            [staff, kind],
        )
        [version] = cursor.fetchone()
    return version if version is None else int(version)


def sign(kind: str, version: int, *, actor: Actor, language: str) -> Wording:
    """Sign, for oneself, a version as one read it; every credential of that person's counts it from now on.

    Raises:
        Refused: somebody else's program asks, or the home's owner, who has no account to sign for.
        UnknownWording: no such version.
        WordingOver: see there.
    """
    if actor.role == "owner":
        raise Refused("house.act")
    require_act(_ACT[kind], actor)
    read = next((one for one in _versions(kind) if one.version == version), None)
    if read is None:
        raise UnknownWording(f"{kind} {version}")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "insert into access_signature (staff, kind, version, digest, language) values (%s, %s, %s, %s, %s)",
                [actor.human, kind, version, read.digest, language if language in LANGUAGES else "en"],
            )
            record_act(_ACT[kind], None, actor=actor)
    except IntegrityError:
        raise WordingOver(kind) from None
    return read


def publish(kind: str, texts: Mapping[str, str], *, in_force_from: datetime, actor: Actor) -> Wording:
    """A new version, in force from a day on; whoever has not signed it by then is refused.

    Raises:
        ActRefused: the role may not.
        ValueError: a language is missing or empty, nothing is different, or the day lies in the past.
        PublishedMeanwhile: see there.
    """
    require_act("publish", actor)
    if kind not in KINDS:
        raise ValueError(f"text: one of {', '.join(KINDS)}")
    said = {one: texts.get(one, "").replace("\r\n", "\n").strip() for one in LANGUAGES}
    if not all(0 < len(text) <= _LONGEST for text in said.values()):
        raise ValueError("text: one in each language, en, zh-hans and zh-hant")
    now, held = timezone.now(), _versions(kind)
    if held and held[0].digest == _digest(said):
        raise ValueError("text: nothing is different")
    if in_force_from.date() < now.date():
        raise ValueError("from: lies in the past")
    try:
        with transaction.atomic():
            made = _insert(kind, held[0].version + 1 if held else 1, said, max(in_force_from, now), actor.human)
            record_act("publish", None, actor=actor)
    except IntegrityError:  # of that number there is one by now, which they have not read
        raise PublishedMeanwhile(kind) from None
    return made


def _digest(texts: Mapping[str, str]) -> bytes:
    return hashlib.sha256(json.dumps(dict(texts), sort_keys=True, ensure_ascii=False).encode()).digest()


def _insert(kind: str, version: int, texts: Mapping[str, str], since: datetime, by: Any) -> Wording:
    said = {one: texts[one].strip() for one in LANGUAGES}
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into access_text (kind, version, texts, digest, in_force_from, published_by)"
            " values (%s, %s, %s::jsonb, %s, %s, %s)",
            [kind, version, json.dumps(said, ensure_ascii=False), _digest(said), since, by],
        )
    return Wording(kind, version, said, _digest(said), since, by)


def _versions(kind: str) -> list[Wording]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select kind, version, texts::text, digest, in_force_from, published_by from access_text where kind = %s"
            " order by version desc",
            [kind],
        )
        rows = cursor.fetchall()
    return [Wording(row[0], row[1], json.loads(row[2]), bytes(row[3]), row[4], row[5]) for row in rows]
