"""What a counter's page sends: looked at, told whose hand it was, and kept in the inbox once for each id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import polars as pl
from django.utils import timezone

from kehu.collect.inbox.accept import Sender, accept
from kehu.collect.signed.parts import moment
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Channel, Notice
from kehu.govern.parts import part_of
from kehu.govern.slugs import LANGUAGES, PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.refine.clean import INVALID, clean

KIND: Final = "counter"
OLDEST: Final = timedelta(days=1)
"""How long a page may hold an entry back that it could not send."""
_SLACK: Final = timedelta(minutes=10)  # between a counter's clock and ours
_LONGEST: Final = 300  # characters of a field
WAYS: Final = ("counter", "counter-phone")
_NEVER: Final = frozenset({"external_id"})  # the channel's own name of the person


class EntryRefused(ValueError):
    """An entry that cannot be kept; ``code`` says why, in a word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """One person taken down, or one answer of somebody who is here.

    ``id``: made by the page, so that the same entry sent twice is one. ``consents``: purposes they said yes to; silence is
    no answer. ``notice`` and ``versions``: what was on the screen.
    """

    id: UUID
    at: datetime
    fields: Mapping[str, str] = field(repr=False)
    consents: tuple[str, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    notice: int = 0
    language: str = ""
    subject: UUID | None = None
    name: str = ""
    way: str = WAYS[0]


@dataclass(frozen=True, slots=True)
class Offered:
    """A use that is asked about at the counter, by its version."""

    purpose: str
    version: int


def places(*, actor: Actor) -> list[Channel]:
    """Counters that there are, in the order they were made.

    Raises:
        Refused: the role may not collect.
    """
    require_act("collect", actor)
    return list(Channel.objects.filter(kind=KIND).order_by("id"))


def fields_of(purpose: str) -> tuple[str, ...]:
    """What may be taken down for a purpose: fields it needs, none that a law holds to be sensitive."""
    dictionary = installation().rules.dictionary
    held = [dictionary.field(name) for name in installation().rules.purposes[purpose].least]
    asked = [one for one in held if not one.event and one.level <= 3 and one.name not in _NEVER]
    return tuple(one.name for one in sorted(asked, key=lambda one: one.id))


def offered(notice: Notice | None = None) -> tuple[Offered, ...]:
    """Uses that rest on a consent somewhere and stand in the notice: each is asked about by itself."""
    told = set((notice or notice_in_force()).purposes)
    purposes = sorted(installation().rules.purposes.values(), key=lambda one: one.id)
    return tuple(
        Offered(one.slug, one.version) for one in purposes if "consent" in one.grounds.values() and one.id in told
    )


def read_entry(said: Mapping[str, str], consents: Sequence[str], *, purpose: str) -> Entry:
    """An entry as a page sends it.

    Args:
        said: ``id``, ``at``, ``language``, ``notice``, ``subject`` or fields as ``field.NAME``, versions as ``version.SLUG``.
        consents: purposes that were ticked.
        purpose: what the member of staff is at the counter for: it bounds the fields.
    Raises:
        EntryRefused: something is missing, unknown, too long, or more than a day old.
    """
    now = timezone.now()
    id, at = _id(said.get("id")), moment(said.get("at")) if said.get("at") else now
    if id is None or at is None:
        raise EntryRefused("unreadable")
    if at < now - OLDEST - _SLACK:
        raise EntryRefused("too-old")
    subject = _id(said.get("subject")) if said.get("subject") else None
    if said.get("subject") and subject is None:
        raise EntryRefused("unreadable")
    fields = {} if subject else _fields(said, purpose)
    if not subject and not fields:
        raise EntryRefused("nobody")
    language = said.get("language", "")
    if consents and language not in LANGUAGES:
        raise EntryRefused("no-language")
    notice, versions = shown_of(said, consents)
    return Entry(
        id, min(at, now), fields, tuple(dict.fromkeys(consents)), versions, notice, language, subject,
        "" if subject else f"counter-{id}",
    )  # fmt: skip


def take_down(channel: Channel, entry: Entry, *, actor: Actor) -> bool:
    """Keep an entry; returns whether it was not here before. On return it is durable.

    Raises:
        Refused: the role may not collect, or record what somebody allows.
        UnknownSubject: whom it is about is not here.
        EntryRefused: the channel is no counter.
        InboxFull: too much waits already.
    """
    require_act("collect", actor)
    if entry.consents:
        require_act("consent", actor)
    return keep(channel, entry, by=actor.staff)


def keep(channel: Channel, entry: Entry, *, by: UUID) -> bool:
    """The same without looking at anybody's role: of whom a link was handed out by ``by``."""
    if channel.kind != KIND:
        raise EntryRefused("no-counter")
    if entry.subject is not None:
        part_of(entry.subject, whole=False)
    message: dict[str, Any] = {
        "id": str(entry.id), "at": entry.at.isoformat(), "by": str(by), "way": entry.way, "notice": entry.notice,
        "language": entry.language, "fields": dict(entry.fields),
        "consents": [{"purpose": slug, "version": entry.versions[slug]} for slug in entry.consents],
    }  # fmt: skip
    message |= {"subject": str(entry.subject)} if entry.subject else {"name": entry.name}
    # under the hand's own id: what one page made up never hides what another one did
    return accept(Sender(channel.id, KIND), [f"{by}:{entry.way}:{entry.id}"], {"m": [message]}) > 0


def doubtful(entry: Entry, channel: Channel) -> list[str]:
    """Fields whose value cannot be read as what it should be: kept as it was said, for nobody is sent away for it."""
    if not entry.fields:
        return []
    dictionary = installation().rules.dictionary
    types = {name: dictionary.field(name).type for name in entry.fields}
    frame = pl.DataFrame({name: [value] for name, value in entry.fields.items()})
    row = clean(frame, residence=channel.country or None, columns=types)
    return [name for name in entry.fields if row[f"{name}__s"][0] == INVALID]


def _fields(said: Mapping[str, str], purpose: str) -> dict[str, str]:
    known, found = set(fields_of(purpose)), dict[str, str]()
    for key, value in said.items():
        name = key.removeprefix("field.")
        if name == key or not (
            text := " ".join(value.split())
        ):  # a name from a keyboard of the East holds a wide space
            continue
        if name not in known:
            raise EntryRefused("unknown-field")
        if len(text) > _LONGEST or not text.isprintable():
            raise EntryRefused("unreadable")
        found[name] = text
    return found


def shown_of(said: Mapping[str, str], consents: Sequence[str]) -> tuple[int, dict[str, int]]:
    """The notice and the versions of the purposes that were on the screen."""
    if not consents:
        return 0, {}
    number = said.get("notice", "")
    notice = (
        Notice.objects.filter(id=int(number), in_force_from__lte=timezone.now()).first() if _small(number) else None
    )
    if notice is None:
        raise EntryRefused("no-notice")
    versions: dict[str, int] = {}
    rests = {one.purpose: one.version for one in offered(notice)}
    for slug in consents:
        version = said.get(f"version.{slug}", "")
        if slug not in rests or slug not in PURPOSES or not _small(version) or not 0 < int(version) <= rests[slug]:
            raise EntryRefused("unknown-purpose")
        versions[slug] = int(version)
    return notice.id, versions


def _small(number: str) -> bool:
    return number.isascii() and number.isdigit() and len(number) < 5


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
