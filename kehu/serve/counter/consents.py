"""The hand of the counter: a consent recorded as it was given, in the transaction that takes its message out of the inbox."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from kehu.collect.inbox.hands import Errand
from kehu.govern.consent import Statement, give_consent
from kehu.govern.models import Consent, StateEntry
from kehu.govern.parts import UnknownSubject, held_now
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.vault.ids import new_id

_PROOF: Final = "screen"  # they ticked it themselves
_STRICTER: Final = ("withdrawn", "refused", "invalid")


def take_consent(errand: Errand) -> str | None:
    """A consent said at the counter, under whoever took it there."""
    said = errand.asked.said
    subject = errand.asked.subject or errand.subject
    if subject is None:
        return "message_no_customer"
    purpose, at, by = PURPOSES[said["purpose"]], datetime.fromisoformat(said["at"]), UUID(said["by"])
    try:
        whole = held_now(subject).whole
    except UnknownSubject:  # erased since
        return "message_no_customer"
    if stricter_since(whole, purpose, at):
        return "message_said_later"
    id, actor = new_id(), _whoever_took_it(by, errand.actor)
    statement = Statement(
        notice=int(said["notice"]), way=said["way"], language=said["language"], proof=_PROOF, said_at=at,
    )  # fmt: skip
    give_consent(
        subject, purpose=purpose, purpose_version=int(said["version"]), statement=statement, recorded_by=by, id=id
    )
    record_act("consent", subject, actor=actor, purpose=purpose, detail=id)
    return None


def stricter_since(whole: list[UUID], purpose: int, at: datetime) -> bool:
    """Whether they said no, anywhere, after they said this: an entry that waited never widens what stands."""
    later = Q(recorded_at__gte=at) | Q(at__gte=at)
    said = Consent.objects.filter(later, subject__in=whole, purpose=purpose, status__in=_STRICTER)
    objected = StateEntry.objects.filter(
        subject__in=whole, kind="objection", purpose=purpose, since__gte=at, ended_at=None
    )
    return said.exists() or objected.exists()


def _whoever_took_it(by: UUID, otherwise: Actor) -> Actor:
    """Who stood at the counter; where they have left since, who answers for the channel, or the home's owner."""
    staff = Staff.objects.filter(id=by, is_active=True).first()
    if staff is not None and staff.role in ACTS["consent"]:
        return actor_of(staff.email)
    return otherwise if otherwise.role in ACTS["consent"] else owner_actor()
