"""By which medium and on what a customer may be written to: recorded in the ledger with the change itself."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import transaction

from kehu.govern.consent import notice_in_force
from kehu.govern.models import Subscription
from kehu.govern.parts import part_of
from kehu.govern.slugs import CUSTOMER, PURPOSES
from kehu.govern.subscriptions import Said, say, standing, subscriptions_of
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_act
from kehu.serve.rights.consents.evidence import Evidence
from kehu.serve.rights.office import PURPOSE_ID, require
from kehu.vault.ids import new_id

_PORTAL: Final = "portal"
_BY_STAFF: Final = "recorded by staff"


def set_subscription(
    subject: UUID,
    medium: str,
    topic: str,
    status: str,
    *,
    actor: Actor,
    ground: str = "",
    evidence: Evidence | None = None,
    language: str = "",
) -> list[dict[str, Any]]:
    """Record what a customer said of one medium and topic; it acts on the next message. Returns what counts now.

    ``ground`` of a subscription: ``consent`` (the default), ``existing`` or ``none``.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        SuppressedHere: a suppression stands, which only the customer lifts.
        ValueError: no such medium, topic, status or ground, or a proof that is none.
    """
    require("subscribe", actor)
    part_of(subject, whole=False)
    proof = (evidence or Evidence()).checked()
    own, id = actor.role == CUSTOMER, new_id()
    with transaction.atomic():
        said = Said(
            status, way=_PORTAL if own else _BY_STAFF, ground=ground or ("consent" if status == "subscribed" else ""),
            language=language, notice=notice_in_force().id, evidence=proof.seal(subject, id), proof=proof.kind, own=own,
        )  # fmt: skip
        say(subject, medium, topic, said=said, recorded_by=actor.staff, id=id)
        record_act("subscribe", subject, actor=actor, purpose=_recorded_as(actor), detail=id)
    return what_counts(subject, whole=not own)


def list_subscriptions(subject: UUID, *, actor: Actor) -> dict[str, list[dict[str, Any]]]:
    """What counts now, and everything the customer said, for whoever may record it; the look is recorded.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
    """
    require("subscribe", actor)
    found = {
        "subscriptions": what_counts(subject),
        "said": [subscription_row(row) for row in subscriptions_of(subject)],
    }
    with transaction.atomic():
        record_act("list", subject, actor=actor, purpose=_recorded_as(actor))
    return found


def what_counts(subject: UUID, *, whole: bool = True) -> list[dict[str, Any]]:
    """What counts of every medium and topic that somebody said something of: the strictest of the customer's records.

    Raises:
        UnknownSubject: not here.
    """
    return [
        {"medium": one.medium, "topic": one.topic, "status": one.status, "ground": one.ground or None}
        for one in standing(subject, whole=whole)
    ]


def subscription_row(row: Subscription) -> dict[str, Any]:
    """One statement, as answers show it."""
    return {
        "id": str(row.id),
        "subject": str(row.subject),
        "medium": row.medium,
        "topic": row.topic,
        "status": row.status,
        "ground": row.ground or None,
        "at": row.at.isoformat(),
        "way": row.way,
        "notice": row.notice,
        "evidence": row.evidence is not None,
        "proof": row.proof or None,
    }


def _recorded_as(actor: Actor) -> int | None:
    """A customer's own act stands under their own purpose; else under the token's, where it has one."""
    if actor.role == CUSTOMER:
        return PURPOSE_ID
    return PURPOSES[actor.purpose] if actor.purpose else None
