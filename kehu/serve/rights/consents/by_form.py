"""What a person allowed by a form: consents, letters, a signal against sale, a guardian's word; carried out by the drain.

Each stands with when it was said, by which form in which version, in which language, under which notice, and whether a
mailbox confirmed it. What was said later elsewhere counts; a form that waited in a queue undoes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection

from kehu.collect.forms.models import FormVersion
from kehu.collect.forms.naming import GUARDIAN_AT
from kehu.collect.inbox.hands import Errand
from kehu.govern import ages, states
from kehu.govern.consent import Statement, give_consent
from kehu.govern.models import Consent, StateEntry, Subscription
from kehu.govern.parts import held_now, part_of
from kehu.govern.slugs import PURPOSES
from kehu.govern.subscriptions import Said, SuppressedHere, say
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents.evidence import Evidence
from kehu.vault.ids import new_id

_WAY: Final = 40  # characters
_LATER: Final = "message_said_later"


@dataclass(frozen=True, slots=True)
class _Word:
    """What a submission says, and of whom."""

    subject: UUID
    errand: Errand
    said: Mapping[str, Any]
    version: FormVersion

    @property
    def at(self) -> datetime:
        """When the last of those whose word it needs said yes."""
        return datetime.fromisoformat(self.said.get("confirmed_at") or self.said["at"])

    @property
    def confirmed(self) -> bool:
        """Whether a mailbox confirmed it."""
        return "confirmed_at" in self.said

    @property
    def guardian(self) -> Mapping[str, str]:
        """Who consents for a child; empty: nobody has to."""
        return self.said["guardian"] or {}

    def evidence(self) -> Evidence:
        """What proves it."""
        said = self.said
        parts = [f"form {said['form']} version {said['v']} ({said['language']})", f"sent {said['at']}"]
        if self.confirmed:
            parts.append(f"confirmed from the mailbox {said['confirmed_at']}")
        if GUARDIAN_AT in said:
            parts.append(f"agreed to by the guardian {said[GUARDIAN_AT]}")
        who = f"{self.guardian['name']} <{self.guardian['email']}>" if self.guardian else ""
        return Evidence(
            kind="email" if self.confirmed else "screen", reference="; ".join(parts), guardian=who
        ).checked()


def take_said(errand: Errand) -> str | None:
    """All that a submission says, each in its register."""
    if errand.subject is None:
        return "message_no_customer"
    said: dict[str, Any] = orjson.loads(errand.asked.said["said"])
    word = _Word(errand.subject, errand, said, FormVersion.objects.get(form=said["form"], number=said["v"]))
    if said["young"]:
        ages.declare_young(word.subject, said["young"])
    if said["gpc"]:
        _opt_out(word)
    whole = held_now(word.subject).whole
    why = [_consent(word, slug, whole) for slug in said["consents"]]
    why += [_letter(word, letter, whole) for letter in said["letters"]]
    return next(filter(None, why), None)


def _consent(word: _Word, slug: str, whole: Sequence[UUID]) -> str | None:
    purpose = PURPOSES[slug]
    later = Consent.objects.filter(subject__in=whole, purpose=purpose, event="", recorded_at__gt=word.at)
    if later.exclude(status="requested").exists():  # that somebody asked is no word of theirs
        return _LATER
    if _objected_since(word, purpose):
        return _LATER
    if word.confirmed and not word.guardian:
        _end_own_objection(word.subject, purpose)
    actor, id = _whoever_may("consent", word.errand.actor), new_id()
    statement = Statement(
        notice=word.version.notice, way=word.errand.channel.name[:_WAY], language=word.said["language"],
        evidence=word.evidence().seal(word.subject, id), guardian=word.guardian.get("relation", ""),
        proof=word.evidence().kind, said_at=word.at,
    )  # fmt: skip
    give_consent(
        word.subject, purpose=purpose, purpose_version=word.version.covers[slug], statement=statement,
        recorded_by=actor.staff, id=id,
    )  # fmt: skip
    record_act("consent", word.subject, actor=actor, purpose=purpose, detail=id)
    return None


def _end_own_objection(subject: UUID, purpose: int) -> None:
    """Who says yes from their own mailbox ends what they themselves had objected to; what another part said stays."""
    rows = _objections(subject, purpose)
    own = part_of(subject, whole=False)
    if rows and all(row.subject in own for row in rows):
        states.lift(subject, "objection", purpose=purpose)


def _objections(subject: UUID, purpose: int) -> list[StateEntry]:
    return [row for row in states.states_of(subject) if row.kind == "objection" and row.purpose == purpose]


def _objected_since(word: _Word, purpose: int) -> bool:
    """Whether somebody objected after the yes; what an erasure left of the address, and came in with this record, is older."""
    with connection.cursor() as cursor:
        cursor.execute("select transaction_timestamp()")
        began: datetime = cursor.fetchone()[0]
    by = word.errand.actor.staff
    return any(
        row.since > word.at and not (row.by == by and row.entered_at >= began)
        for row in _objections(word.subject, purpose)
    )


def _letter(word: _Word, letter: str, whole: Sequence[UUID]) -> str | None:
    medium, _, topic = letter.partition(":")
    if Subscription.objects.filter(subject__in=whole, medium=medium, topic=topic, at__gt=word.at).exists():
        return _LATER
    actor, id = _whoever_may("subscribe", word.errand.actor), new_id()
    # a mailbox that confirmed is its owner's own word: it lifts what a list said of that address by mail, and only there
    own = word.confirmed and medium == "email" and not word.guardian
    told = Said(
        "subscribed", way=word.errand.channel.name[:_WAY], ground="consent", language=word.said["language"],
        notice=word.version.notice, evidence=word.evidence().seal(word.subject, id), proof=word.evidence().kind, own=own,
        at=word.at,
    )  # fmt: skip
    try:
        say(word.subject, medium, topic, said=told, recorded_by=actor.staff, id=id)
    except SuppressedHere:
        return "message_suppressed"
    record_act("subscribe", word.subject, actor=actor, detail=id)
    return None


def _opt_out(word: _Word) -> None:
    """The browser's signal against sale and sharing (Global Privacy Control); that it is absent later takes nothing back.

    What another part of the customer sent is of the record it came with: it may be parted from this one, or lifted by them.
    """
    if StateEntry.objects.filter(subject=word.subject, kind="gpc", ended_at=None).exists():
        return
    actor, id = _whoever_may("optout", word.errand.actor), new_id()
    states.enter(word.subject, "gpc", by=actor.staff, id=id)
    record_act("optout", word.subject, actor=actor, detail=id)


def _whoever_may(act: str, actor: Actor) -> Actor:
    return actor if actor.role in ACTS[act] else owner_actor()
