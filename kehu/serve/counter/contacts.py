"""Calls, chats and visits, taken down with the customer they were had with; and when a recording of one may be named.

A voice is recorded only where everybody was told before or agreed. The words and article of a refusal come from the law pack
that asks for more. No recording is kept here, only where it lies; a voiceprint is of level 4, and no everyday purpose needs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.collect.inbox.accept import Sender, accept
from kehu.collect.inbox.naming import name_customer
from kehu.collect.signed.parts import moment
from kehu.govern.models import Channel
from kehu.govern.packs import Duty, law_packs
from kehu.govern.parts import part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.state import packs_of
from kehu.serve.counter.entries import KIND, EntryRefused

KINDS: Final = ("call", "chat", "visit", "letter")
GROUNDS: Final = ("announced", "all-parties")
"""Why a call may have been recorded: it was announced before, and that is proved; or everybody on the line agreed."""
LONGEST: Final = 4_000
_TOPIC: Final = 200
_ALL_PARTIES: Final = frozenset({"recording-california"})
"""Rows of law packs that want everybody's consent. Of a person's state nothing is kept, so they count for all of the US."""


class RecordingRefused(EntryRefused):
    """A recording that nothing allows; ``rule`` is the law's row, None where it is the house's own rule."""

    def __init__(self, rule: Duty | None) -> None:
        super().__init__("recording")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Contact:
    """What was had with a customer: a ``kind`` of :data:`KINDS`, when, about what.

    ``recording``: where one lies; ``ground``: why there may be one (:data:`GROUNDS`); ``proof``: what shows that it was
    announced.
    """

    id: UUID
    kind: str
    at: datetime
    topic: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    recording: str = field(default="", repr=False)
    ground: str = ""
    proof: str = field(default="", repr=False)


def read_contact(said: Mapping[str, str]) -> Contact:
    """A contact as a form or a command says it.

    Raises:
        EntryRefused: something is missing, unknown, too long or in the future.
    """
    now = timezone.now()
    at = moment(said.get("at")) if said.get("at") else now
    texts = {name: said.get(name, "").replace("\r\n", "\n").strip() for name in ("topic", "text", "recording", "proof")}
    try:
        id = UUID(said.get("id", ""))
    except ValueError:
        raise EntryRefused("unreadable") from None
    if said.get("kind") not in KINDS or at is None or at > now or not (texts["topic"] or texts["text"]):
        raise EntryRefused("unreadable")
    if len(texts["text"]) > LONGEST or max(len(texts[name]) for name in ("topic", "recording", "proof")) > _TOPIC:
        raise EntryRefused("unreadable")
    if "\0" in "".join(texts.values()):
        raise EntryRefused("unreadable")
    return Contact(id, said["kind"], at, **texts, ground=said.get("ground", ""))


def record_contact(channel: Channel, subject: UUID, contact: Contact, *, actor: Actor) -> bool:
    """Keep a contact; returns whether it was not here before. On return it is durable.

    Raises:
        Refused: the role may not collect.
        UnknownSubject: not here.
        RecordingRefused: a recording that was neither announced nor agreed to, or not as the law wants it.
        EntryRefused: the channel is no counter.
        InboxFull: too much waits already.
    """
    require_act("collect", actor)
    if channel.kind != KIND:
        raise EntryRefused("no-counter")
    part = part_of(subject, whole=False)
    if contact.recording:
        _require_ground(contact, part)
    name = name_customer(channel, part[0])
    said: dict[str, Any] = {
        "kind": contact.kind,
        "at": contact.at.isoformat(),
        "topic": contact.topic,
        "text": _told(contact),
    }
    message = {
        "id": str(contact.id),
        "name": name,
        "at": contact.at.isoformat(),
        "by": str(actor.staff),
        "contact": said,
    }
    return accept(Sender(channel.id, KIND), [f"{actor.staff}:contact:{contact.id}"], {"m": [message]}) > 0


def recording_rules(part: list[UUID]) -> list[Duty]:
    """What the laws that apply to a customer say of recording them."""
    with connection.cursor() as cursor:
        cursor.execute("select bit_or(packs) from subject_state where subject = any (%s)", [part])
        row = cursor.fetchone()
    packs = packs_of(int(row[0] or 0)) if row else frozenset()
    return [duty for name in sorted(packs) for duty in law_packs()[name].duty if duty.kind == "recording"]


def _require_ground(contact: Contact, part: list[UUID]) -> None:
    strict = next((rule for rule in recording_rules(part) if rule.id in _ALL_PARTIES), None)
    if contact.ground == "all-parties":
        return
    # an announcement that nobody can show was none
    if contact.ground != "announced" or not contact.proof or strict is not None:
        raise RecordingRefused(strict)


def _told(contact: Contact) -> str:
    if not contact.recording:
        return contact.text
    shown = f" ({contact.proof})" if contact.proof else ""
    return f"{contact.text} [recording: {contact.recording}; {contact.ground}{shown}]".strip()
