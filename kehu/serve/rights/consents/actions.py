"""What customers decide about their data: consents and states, each recorded in the ledger with the change itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.govern import consent as authorisations
from kehu.govern import states as subject_states
from kehu.govern.models import Consent, Notice, StateEntry
from kehu.govern.notices import covers_of
from kehu.govern.parts import part_of
from kehu.govern.separate import Terms
from kehu.govern.slugs import CUSTOMER, PURPOSES, name_of, objected_to
from kehu.guard.gate.actor import Actor
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import Sealed, open_texts, seal_under
from kehu.serve.rights.consents.evidence import GUARDIANS, PAPER, Evidence
from kehu.serve.rights.consents.lifting import TOLD_BEFORE, require_reason, write_before
from kehu.serve.rights.consents.statements import became, statements_of
from kehu.serve.rights.erasing.stays import categories_of
from kehu.serve.rights.office import PURPOSE_ID, recorded_as, require
from kehu.vault.ids import new_id

_BY_STAFF: Final = "recorded by staff"
_PORTAL: Final = "portal"


def give(
    subject: UUID, purpose: int, *, actor: Actor, kind: str, until: datetime | None, notice: str | None,
    by_subject: UUID | None, evidence: bytes | Evidence | None = None, language: str = "", terms: Terms | None = None,
    guardian: str = "", follows: UUID | None = None, said_at: datetime | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Record a consent given now, or on paper at ``said_at``; returns everything the customer said.

    A form, and a notice that whoever records it names, agree to the purpose as the notice told of it: where that reaches
    further by now, they are asked anew.
    ``terms`` make it a separate one. ``by_subject`` is the guardian who gives it for a child, ``guardian`` what they are to
    it; one who is no customer is named in the ``evidence``, which is sealed under the customer's key.

    Raises:
        Refused: the role may not.
        UnknownSubject: the customer or the guardian is not here.
        ValueError: a temporary consent without an end, an end in the past, a guardian of oneself, a proof too large, a form
            or notice that says nothing of the purpose, terms that do not name what a law wants named or fields the purpose
            does not need.
    """
    require("consent", actor)
    wording = authorisations.notice_in_force(notice)
    proof = (evidence if isinstance(evidence, Evidence) else Evidence(content=evidence)).checked()
    part = part_of(subject, whole=False)
    _check_guardian(part, by_subject, guardian, proof)
    _check_fields(purpose, terms)
    # at their own door they read the purpose itself, as it is, beside the wording
    read_there, id = proof.kind == PAPER or (notice is not None and actor.role != CUSTOMER), new_id()
    with transaction.atomic():
        statement = authorisations.Statement(
            kind=kind, until=_in_utc(until), notice=wording.id, way=_way(actor), by_subject=by_subject,
            evidence=proof.seal(subject, id), language=language, terms=terms, follows=follows, said_at=said_at,
            guardian=guardian or ("guardian" if by_subject else ""),
            proof=proof.kind or ("declared" if by_subject and not proof.kept else ""),
        )  # fmt: skip
        authorisations.give_consent(
            subject, purpose=purpose, purpose_version=_version(purpose, wording if read_there else None),
            statement=statement, recorded_by=actor.staff, id=id,
        )  # fmt: skip
        record_act("consent", subject, actor=actor, purpose=recorded_as(actor, purpose), detail=id)
    return consents(subject)


def ask(
    subject: UUID, purpose: int, *, actor: Actor, terms: Terms | None = None, notice: str | None = None
) -> list[dict[str, Any]]:
    """Record that the customer is asked, in their own door; permits nothing. Returns everything they said.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        ValueError: terms that do not name what a law wants named, or fields the purpose does not need.
    """
    require("consent", actor)
    _check_fields(purpose, terms)
    wording, id = authorisations.notice_in_force(notice), new_id()
    with transaction.atomic():
        authorisations.ask_consent(
            subject, purpose=purpose, purpose_version=_version(purpose), recorded_by=actor.staff, id=id,
            statement=authorisations.Statement(notice=wording.id, way=_way(actor), terms=terms),
        )  # fmt: skip
        record_act("consent", subject, actor=actor, purpose=recorded_as(actor, purpose), detail=id)
    return consents(subject)


def refuse(
    subject: UUID,
    purpose: int,
    *,
    actor: Actor,
    terms: Terms | None = None,
    language: str = "",
    follows: UUID | None = None,
) -> list[dict[str, Any]]:
    """Record a no; acts on the next read. Returns everything the customer said.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
    """
    require("consent", actor)
    id = new_id()
    with transaction.atomic():
        authorisations.refuse_consent(
            subject, purpose=purpose, purpose_version=_version(purpose), recorded_by=actor.staff, id=id,
            statement=authorisations.Statement(way=_way(actor), terms=terms, language=language, follows=follows),
        )  # fmt: skip
        record_act("consent", subject, actor=actor, purpose=recorded_as(actor, purpose), detail=id)
    return consents(subject)


def invalidate(consent: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """Find that a consent never was one (pre-ticked, bundled, a condition of service); the office does.

    Raises:
        Refused: the role may not.
        UnknownStatement: there is no such consent given.
        UnknownSubject: its customer is not here.
    """
    require("restrict", actor)
    id = new_id()
    with transaction.atomic():
        row = authorisations.invalidate_consent(consent, recorded_by=actor.staff, id=id, way=_BY_STAFF)
        record_act("consent", row.subject, actor=actor, purpose=PURPOSE_ID, detail=id)
    return consents(row.subject)


def _in_utc(moment: datetime | None) -> datetime | None:
    """A moment in UTC; one without a zone is of UTC."""
    return moment.astimezone(UTC) if moment and moment.tzinfo else moment and moment.replace(tzinfo=UTC)


def _check_guardian(part: list[UUID], by_subject: UUID | None, guardian: str, proof: Evidence) -> None:
    if by_subject is not None and set(part_of(by_subject, whole=True)) & set(part):
        raise ValueError("by: nobody is their own guardian")
    if guardian and guardian not in GUARDIANS:
        raise ValueError(f"guardian: one of {', '.join(GUARDIANS)}")
    if guardian and by_subject is None and not (proof.guardian and proof.kind):
        raise ValueError("guardian: name who they are, and the kind of proof that was seen")


def _check_fields(purpose: int, terms: Terms | None) -> None:
    least = installation().rules.purposes[name_of(PURPOSES, purpose)].least
    if terms and terms.fields is not None and not set(terms.fields) <= least:
        raise ValueError("fields: only such as the purpose needs")


def _version(purpose: int, wording: Notice | None = None) -> int:
    """The version in force; of what was signed under a notice, the one that it told of at the latest.

    Raises:
        ValueError: the notice told of purposes, and not of this one.
    """
    slug = name_of(PURPOSES, purpose)
    covers = covers_of(wording) if wording is not None else {}
    if covers and slug not in covers:
        raise ValueError(f"notice: says nothing of {slug}, so nothing said under it agrees to that")
    told = covers.get(slug)
    in_force = installation().rules.purposes[slug].version
    return min(in_force, told.version) if told is not None else in_force


def _way(actor: Actor) -> str:
    return _PORTAL if actor.role == CUSTOMER else _BY_STAFF


def withdraw(subject: UUID, purpose: int, *, actor: Actor, only: UUID | None = None) -> list[dict[str, Any]]:
    """Take a consent back; it acts on the next read. Returns everything the customer said.

    Separate consents to the purpose end with it; ``only`` names the separate one that alone is taken back. What
    rested on it alone is told by :func:`kehu.serve.rights.erasing.rested.rested`.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        NothingToWithdraw: nothing is in force.
    """
    require("consent", actor)
    id = new_id()
    with transaction.atomic():
        authorisations.withdraw_consent(
            subject, purpose=purpose, purpose_version=_version(purpose), recorded_by=actor.staff, id=id,
            way=_way(actor), only=only,
        )  # fmt: skip
        record_act("consent", subject, actor=actor, purpose=recorded_as(actor, purpose), detail=id)
    return consents(subject)


def consents(subject: UUID) -> list[dict[str, Any]]:
    """Everything every origin subject of the customer said, newest first."""
    rows = statements_of(part_of(subject, whole=True))
    return [consent_row(one.row) | {"state": one.dpv, "in_force": one.in_force} for one in reversed(became(rows))]


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
    part_of(subject, whole=True)
    id = new_id()
    with transaction.atomic():
        sealed = seal_under(subject, reason, place=id) if reason else None
        subject_states.enter(subject, kind, by=actor.staff, id=id, categories=categories, reason=sealed, **options)
        record_act(act, subject, actor=actor, purpose=PURPOSE_ID, detail=id)
    return id


def lift_state(
    subject: UUID,
    kind: str,
    *,
    actor: Actor,
    act: str,
    purpose: int | None = None,
    categories: int | None = None,
    ids: Collection[UUID] = (),
    reason: str = "",
    told: str = "email",
) -> None:
    """End a state; which one, by ``purpose``, of holds by ``categories`` (bits) and ``ids``.

    A restriction and an objection want a ``reason``, and whom they protect is told before: by a letter, which goes now, or by
    post or otherwise, which the office says it did. Reason and way stay with the state.

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        NotInForce: none is in force.
        SeveralHolds: which of them is not said.
        ValueError: no reason, too long a one, or no such way of telling.
        NotTold: no letter reaches them; nothing was lifted.
    """
    require(act, actor)
    tells = kind in TOLD_BEFORE
    if tells:
        require_reason(reason, told)
        stands = [row for row in subject_states.states_of(subject) if (row.kind, row.purpose) == (kind, purpose)]
        if not stands:
            raise subject_states.NotInForce(kind)
        ids = [row.id for row in stands]  # of what comes while the letters go nobody was told: it stays
        if told == "email":
            write_before(stands, actor=actor)
    with transaction.atomic():
        rows = subject_states.lift(subject, kind, purpose=purpose, categories=categories, ids=ids)
        for row in rows if tells else ():
            row.lifted_because, row.told = seal_under(row.subject, reason.strip(), place=row.id), told
            row.save(update_fields=["lifted_because", "told"])
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
    return [line for row in rows for line in state_lines(row, reasons.get(row.id))]


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
        "proof": row.proof or None,
        "guardian": row.guardian or None,
        "language": row.language or None,
        "version": row.purpose_version,
        "event": row.event or None,
        "recipient": row.recipient or None,
        "country": row.country or None,
        "fields": row.fields,
        "follows": str(row.follows) if row.follows else None,
    }


def state_lines(row: StateEntry, reason: str | None) -> list[dict[str, Any]]:
    """One state, as answers show it: a line a category held."""
    return [
        {
            "id": str(row.id),
            "kind": row.kind,
            "purpose": objected_to(row.purpose),
            "category": category,
            "since": row.since.isoformat(),
            "until": row.until.isoformat() if row.until else None,
            "reason": reason,
        }
        for category in (*categories_of(row.categories),) or (None,)
    ]
