"""What customers decide about their data: consents and states, each recorded in the ledger with the change itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from kehu.govern import consent as authorisations
from kehu.govern import states as subject_states
from kehu.govern.models import Consent, StateEntry
from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.vault.ids import new_id


def give(
    subject: UUID,
    purpose: int,
    *,
    actor: Actor,
    kind: str,
    until: datetime | None,
    notice: str | None,
    by_subject: UUID | None,
) -> list[dict[str, Any]]:
    """Record a consent given now; returns everything the customer said.

    Raises:
        UnknownSubject: not here.
        ValueError: a temporary consent without an end, or an end in the past.
    """
    wording = authorisations.notice_in_force(notice)
    statement = authorisations.Statement(
        kind=kind,
        until=until.astimezone(UTC) if until and until.tzinfo else until and until.replace(tzinfo=UTC),
        notice=wording.id,
        way="recorded by staff",
        by_subject=by_subject,
    )
    version = installation().rules.purposes[name_of(PURPOSES, purpose)].version

    def work() -> None:
        authorisations.give_consent(
            subject, purpose=purpose, purpose_version=version, statement=statement, recorded_by=actor.staff, id=new_id()
        )
        record_act("consent", subject, actor=actor, purpose=purpose)

    with transaction.atomic():
        work()
    return consents(subject)


def withdraw(subject: UUID, purpose: int, *, actor: Actor) -> list[dict[str, Any]]:
    """Take a consent back; returns everything the customer said.

    Raises:
        UnknownSubject: not here.
        NothingToWithdraw: nothing is in force.
    """
    version = installation().rules.purposes[name_of(PURPOSES, purpose)].version
    with transaction.atomic():
        authorisations.withdraw_consent(
            subject, purpose=purpose, purpose_version=version, recorded_by=actor.staff, id=new_id()
        )
        record_act("consent", subject, actor=actor, purpose=purpose)
    return consents(subject)


def consents(subject: UUID) -> list[dict[str, Any]]:
    """Everything every origin subject of the customer said, newest first."""
    return [_consent_row(row) for row in authorisations.consents_of(subject)]


def list_consents(subject: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """The same for whoever may record consents; what a customer allowed is theirs, so the look at it is recorded.

    Raises:
        ActRefused: the role may not.
        UnknownSubject: not here.
    """
    require_act("consent", actor)
    found = consents(subject)
    with transaction.atomic():
        record_act("list", subject, actor=actor, purpose=PURPOSES[actor.purpose] if actor.purpose else None)
    return found


def enter_state(subject: UUID, kind: str, *, actor: Actor, act: str, **options: Any) -> None:
    """Put a restriction, objection, opt-out or report of death in force."""
    with transaction.atomic():
        subject_states.enter(subject, kind, by=actor.staff, id=new_id(), **options)
        record_act(act, subject, actor=actor, purpose=options.get("purpose"))


def lift_state(subject: UUID, kind: str, *, actor: Actor, act: str, purpose: int | None = None) -> None:
    """End a state.

    Raises:
        NotInForce: none is in force.
    """
    with transaction.atomic():
        subject_states.lift(subject, kind, purpose=purpose)
        record_act(act, subject, actor=actor, purpose=purpose)


def states(subject: UUID) -> list[dict[str, Any]]:
    """States in force, oldest first."""
    return [_state_row(row) for row in subject_states.states_of(subject)]


def _consent_row(row: Consent) -> dict[str, Any]:
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
    }


def _state_row(row: StateEntry) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "purpose": name_of(PURPOSES, row.purpose) if row.purpose else None,
        "category": row.categories or None,
        "since": row.since.isoformat(),
        "until": row.until.isoformat() if row.until else None,
        "reason": None,
    }
