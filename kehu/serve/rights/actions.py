"""What customers decide about their data: consents and states, each recorded in the ledger with the change itself."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.govern import consent as authorisations
from kehu.govern import states as subject_states
from kehu.govern.models import Consent, StateEntry
from kehu.govern.slugs import CUSTOMER, PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import Sealed, open_texts, seal_under
from kehu.serve.rights.office import PURPOSE_ID, recorded_as, require
from kehu.serve.rights.stays import categories_of
from kehu.vault.ids import new_id

MOST_EVIDENCE: Final = 4 << 20
"""Bytes of a consent's proof."""


def give(
    subject: UUID,
    purpose: int,
    *,
    actor: Actor,
    kind: str,
    until: datetime | None,
    notice: str | None,
    by_subject: UUID | None,
    evidence: bytes | None = None,
    language: str = "",
) -> list[dict[str, Any]]:
    """Record a consent given now; returns everything the customer said.

    ``by_subject`` is the guardian who gives it for a child; ``evidence`` (a signed form, a recording) is sealed under the
    customer's key.

    Raises:
        Refused: the role may not.
        UnknownSubject: the customer or the guardian is not here.
        ValueError: a temporary consent without an end, an end in the past, a guardian of oneself, a proof too large.
    """
    require("consent", actor)
    wording = authorisations.notice_in_force(notice)
    if evidence is not None and not 0 < len(evidence) <= MOST_EVIDENCE:
        raise ValueError(f"evidence: 1 to {MOST_EVIDENCE} bytes")
    part = authorisations.part_of(subject, whole=False)
    if by_subject is not None and set(authorisations.part_of(by_subject, whole=True)) & set(part):
        raise ValueError("by: nobody is their own guardian")
    version = installation().rules.purposes[name_of(PURPOSES, purpose)].version
    id = new_id()
    with transaction.atomic():
        statement = authorisations.Statement(
            kind=kind,
            until=until.astimezone(UTC) if until and until.tzinfo else until and until.replace(tzinfo=UTC),
            notice=wording.id,
            way="portal" if actor.role == CUSTOMER else "recorded by staff",
            by_subject=by_subject,
            evidence=seal_under(subject, base64.b64encode(evidence).decode(), place=id) if evidence else None,
            language=language,
        )
        authorisations.give_consent(
            subject, purpose=purpose, purpose_version=version, statement=statement, recorded_by=actor.staff, id=id
        )
        record_act("consent", subject, actor=actor, purpose=recorded_as(actor, purpose), detail=id)
    return consents(subject)


def withdraw(subject: UUID, purpose: int, *, actor: Actor) -> list[dict[str, Any]]:
    """Take a consent back; it acts on the next read. Returns everything the customer said.

    What rested on it alone is told by :func:`kehu.serve.rights.rested.rested`.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        NothingToWithdraw: nothing is in force.
    """
    require("consent", actor)
    version = installation().rules.purposes[name_of(PURPOSES, purpose)].version
    id = new_id()
    with transaction.atomic():
        authorisations.withdraw_consent(
            subject, purpose=purpose, purpose_version=version, recorded_by=actor.staff, id=id,
            way="portal" if actor.role == CUSTOMER else "recorded by staff",
        )  # fmt: skip
        record_act("consent", subject, actor=actor, purpose=recorded_as(actor, purpose), detail=id)
    return consents(subject)


def consents(subject: UUID) -> list[dict[str, Any]]:
    """Everything every origin subject of the customer said, newest first."""
    return [consent_row(row) for row in authorisations.consents_of(subject)]


def list_consents(subject: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """The same for whoever may record consents; what a customer allowed is theirs, so the look at it is recorded.

    Raises:
        ActRefused: the role may not.
        UnknownSubject: not here.
    """
    require("consent", actor)
    found = consents(subject)
    with transaction.atomic():
        record_act("list", subject, actor=actor, purpose=PURPOSES[actor.purpose] if actor.purpose else None)
    return found


def enter_state(
    subject: UUID, kind: str, *, actor: Actor, act: str, reason: str = "", categories: int = 0, **options: Any
) -> UUID:
    """Put a restriction, objection, opt-out, hold or report of death in force; returns its id.

    ``reason`` is sealed under the customer's key; ``categories`` are bits (0: all of the customer).

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        ValueError: it began in the future.
    """
    require(act, actor)
    if (since := options.get("since")) and since > timezone.now():
        raise ValueError("at: lies in the future")
    authorisations.part_of(subject, whole=True)
    id = new_id()
    with transaction.atomic():
        sealed = seal_under(subject, reason, place=id) if reason else None
        subject_states.enter(subject, kind, by=actor.staff, id=id, categories=categories, reason=sealed, **options)
        record_act(act, subject, actor=actor, purpose=PURPOSE_ID, detail=id)
    return id


def lift_state(
    subject: UUID, kind: str, *, actor: Actor, act: str, purpose: int | None = None, categories: int | None = None
) -> None:
    """End a state; of holds with ``categories`` only those on these.

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        NotInForce: none is in force.
    """
    require(act, actor)
    with transaction.atomic():
        subject_states.lift(subject, kind, purpose=purpose, categories=categories)
        record_act(act, subject, actor=actor, purpose=PURPOSE_ID)


def states(subject: UUID, *, actor: Actor | None = None) -> list[dict[str, Any]]:
    """States in force, oldest first, one line a category held.

    With ``actor`` the reasons are opened for them, which stands in the ledger; else they are None.

    Raises:
        Refused: the role may not see reasons.
        UnknownSubject: not here.
    """
    rows = subject_states.states_of(subject)
    reasons: dict[UUID, str | None] = {}
    sealed = [Sealed(row.subject, row.id, bytes(row.reason)) for row in rows if row.reason is not None]
    if actor is not None and sealed:
        require("hold", actor)
        opened = open_texts(sealed, subject, actor=actor, act="read", purpose=PURPOSE_ID)
        reasons = dict(zip((one.place for one in sealed), opened, strict=True))
    return [line for row in rows for line in _state_lines(row, reasons.get(row.id))]


def consent_row(row: Consent) -> dict[str, Any]:
    """One statement, as answers show it."""
    return {
        "id": str(row.id),
        "subject": str(row.subject),
        "purpose": name_of(PURPOSES, row.purpose),
        "status": row.status,
        "kind": row.kind,
        "at": row.at.isoformat() if row.at else None,
        "until": row.until.isoformat() if row.until else None,
        "notice": row.notice,
        "way": row.way or None,
        "by": str(row.by_subject) if row.by_subject else None,
        "evidence": row.evidence is not None,
    }


def _state_lines(row: StateEntry, reason: str | None) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind,
            "purpose": name_of(PURPOSES, row.purpose) if row.purpose else None,
            "category": category,
            "since": row.since.isoformat(),
            "until": row.until.isoformat() if row.until else None,
            "reason": reason,
        }
        for category in (*categories_of(row.categories),) or (None,)
    ]
