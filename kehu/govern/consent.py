"""Authorisations: what a subject allowed, refused or took back, purpose by purpose.

Each statement is one row of :class:`~kehu.govern.models.Consent`; what policies read of it is packed into
``subject_state.consents`` in the same transaction: ``{purpose id: [status, kind, until, purpose version, anchor]}``,
``anchor`` being the certain part that said it, where it was projected onto another. A consent given stands on the rest
of its certain part as a cover, so that an un-merge can take it back (:mod:`kehu.govern.covers`). The kind of one that a
guardian gave carries a star. Separate consents stand beside them (:mod:`kehu.govern.separate`) and end with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from kehu.govern.covers import Packed
from kehu.govern.guardians import leave_without_guardian
from kehu.govern.models import Consent, Notice
from kehu.govern.notices import current as current_notices
from kehu.govern.packed import project, reword, set_aside, stand_for
from kehu.govern.parts import Held, hold, part_of, retried
from kehu.govern.separate import Terms, put_separate, recipient_key, separate_in_force, take_separate


class NothingToWithdraw(RuntimeError):
    """No consent is in force for this subject and purpose."""


class UnknownStatement(LookupError):
    """No statement of that id, or not one of this kind."""


@dataclass(frozen=True, slots=True)
class Statement:
    """How a consent was given: enough to prove it (GDPR 7(1), PIPL 14).

    ``terms``: a separate consent, to these alone. ``guardian``: what somebody who consents for a child is to it, with
    ``by_subject`` where they are known here. ``proof``: the kind of the evidence. ``follows``: the request it answers.
    ``said_at``: when it was said, where it is recorded later.
    """

    kind: str = "general"
    until: datetime | None = None
    notice: int | None = None
    way: str = ""
    evidence: bytes | None = None
    language: str = ""
    by_subject: UUID | None = None
    terms: Terms | None = None
    guardian: str = ""
    proof: str = ""
    follows: UUID | None = None
    said_at: datetime | None = None

    @property
    def by_guardian(self) -> bool:
        """Whether somebody consents for a child."""
        return self.by_subject is not None or bool(self.guardian)


def notice_in_force(name: str | None = None) -> Notice:
    """The newest notice in force, or the newest version of the one named; a higher version replaces each before it.

    Raises:
        Notice.DoesNotExist: there is none.
    """
    if name is None:
        return current_notices().order_by("-in_force_from", "-version")[:1].get()
    stem, sign, version = name.partition("@")
    if sign and not (version.isascii() and version.isdigit()):
        raise Notice.DoesNotExist(stem)
    if sign:
        return Notice.objects.get(name=stem, version=int(version), in_force_from__lte=timezone.now())
    return current_notices().get(name=stem)


def give_consent(
    subject: UUID, *, purpose: int, purpose_version: int, statement: Statement, recorded_by: UUID, id: UUID
) -> Consent:
    """Allow a use from now on; acts on the certain part of the customer. A no that is said while it waits stays.

    Raises:
        UnknownSubject: not here.
        ValueError: a temporary consent without an end, or an end in the past.
    """
    now = timezone.now()
    if statement.kind == "temporary" and statement.until is None:
        raise ValueError("a temporary consent needs its end")
    if statement.until is not None and statement.until <= now:
        raise ValueError("the end lies in the past")
    terms = statement.terms.checked() if statement.terms else None

    def work() -> Consent:
        held = hold(subject)
        row = _said(subject, purpose, purpose_version, "given", statement, id=id, by=recorded_by, at=now, terms=terms)
        if _stopped_since(held.whole, purpose, now, terms):
            return row  # whoever said no while this waited for the rows said it later
        if terms is not None:
            put_separate(
                held.part, purpose, id=id, terms=terms, until=statement.until, version=purpose_version, anchor=subject,
                by_guardian=statement.by_guardian,
            )  # fmt: skip
        else:
            until = statement.until.timestamp() if statement.until else None
            kind = statement.kind + ("*" if statement.by_guardian else "")
            packed = ["given", kind, until, purpose_version]
            project([subject], purpose, packed)
            stand_for([origin for origin in held.part if origin != subject], purpose, packed, str(subject))
            set_aside(held.rest, held.part, purpose)
        if statement.by_guardian:
            with connection.cursor() as cursor:
                cursor.execute("update subject_state set guardian = true where subject = any (%s)", [held.part])
        return row

    return retried(work)


def ask_consent(
    subject: UUID, *, purpose: int, purpose_version: int, statement: Statement, recorded_by: UUID, id: UUID
) -> Consent:
    """Record that the customer is asked; it permits nothing, and is answered by a statement that follows it.

    Raises:
        UnknownSubject: not here.
        ValueError: terms that do not name what a law wants named.
    """
    terms = statement.terms.checked() if statement.terms else None
    part_of(subject, whole=False)
    now = timezone.now()
    return _said(subject, purpose, purpose_version, "requested", statement, id=id, by=recorded_by, at=now, terms=terms)


def refuse_consent(
    subject: UUID, *, purpose: int, purpose_version: int, statement: Statement, recorded_by: UUID, id: UUID
) -> Consent:
    """Record a no: acts on the next read, on every origin subject of the customer, as a withdrawal does (PIPL 16).

    Raises:
        UnknownSubject: not here.
        ValueError: terms that do not name what a law wants named.
    """
    terms = statement.terms.checked() if statement.terms else None

    def work() -> Consent:
        held, now = hold(subject), timezone.now()
        row = _said(subject, purpose, purpose_version, "refused", statement, id=id, by=recorded_by, at=now, terms=terms)
        if terms is not None:
            take_separate(held.whole, purpose, terms=terms)
        else:
            _stop(held, purpose, "refused", purpose_version)
        leave_without_guardian(connection.connection, held.part)
        return row

    return retried(work)


def invalidate_consent(consent: UUID, *, recorded_by: UUID, id: UUID, way: str) -> Consent:
    """Find that a consent never was one: pre-ticked, bundled, a condition of service. It permits nothing from now on.

    A newer consent to the same stays.

    Raises:
        UnknownSubject: its customer is not here.
        UnknownStatement: there is no such consent given.
    """

    def work() -> Consent:
        found = Consent.objects.filter(id=consent, status="given").first()
        if found is None:
            raise UnknownStatement(str(consent))
        held = hold(found.subject)
        statement = Statement(kind=found.kind, notice=found.notice, way=way, follows=consent)
        row = _said(
            found.subject, found.purpose, found.purpose_version, "invalid", statement, id=id, by=recorded_by,
            at=timezone.now(), terms=_terms_of(found),
        )  # fmt: skip
        if found.event:
            take_separate(held.whole, found.purpose, id=consent)
        elif _newest_given([found.subject], found.purpose) == consent:
            # a finding about one statement: what another part said by itself is its own again after an un-merge
            packed: Packed = ["invalid", "general", None, found.purpose_version]
            if _newest_given(held.part, found.purpose) != consent:  # a newer one stays, and this comes back with nobody
                reword(found.subject, held.whole, found.purpose, packed)
                leave_without_guardian(connection.connection, held.part)
                return row
            project([found.subject], found.purpose, packed)
            stand_for([one for one in held.whole if one != found.subject], found.purpose, packed, str(found.subject))
            take_separate(held.whole, found.purpose)
        leave_without_guardian(connection.connection, held.part)
        return row

    return retried(work)


def _terms_of(row: Consent) -> Terms | None:
    fields = tuple(row.fields) if row.fields is not None else None
    return Terms(row.event, row.recipient, row.country, fields) if row.event else None


def _newest_given(part: list[UUID], purpose: int) -> UUID | None:
    rows = Consent.objects.filter(subject__in=part, purpose=purpose, status="given", event="")
    return rows.order_by("-recorded_at", "-id").values_list("id", flat=True).first()


def _said(
    subject: UUID,
    purpose: int,
    version: int,
    status: str,
    statement: Statement,
    *,
    id: UUID,
    by: UUID,
    at: datetime,
    terms: Terms | None,
) -> Consent:
    """Write one statement; a separate one is always specific."""
    return Consent.objects.create(
        id=id, subject=subject, purpose=purpose, purpose_version=version, status=status,
        kind="specific" if terms else statement.kind, at=statement.said_at or at, until=statement.until,
        notice=statement.notice, way=statement.way, language=statement.language, recorded_by=by, by_subject=statement.by_subject,
        evidence=statement.evidence, recorded_at=at, event=terms.event if terms else "",
        recipient=terms.recipient if terms else "", country=terms.country if terms else "",
        fields=list(terms.fields) if terms and terms.fields is not None else None, guardian=statement.guardian,
        proof=statement.proof, follows=statement.follows,
    )  # fmt: skip


def _stop(held: Held, purpose: int, status: str, version: int) -> None:
    """Let a stricter word stand on every origin subject, and end the separate consents of the purpose."""
    packed: Packed = [status, "general", None, version]
    project(held.part, purpose, packed)
    if held.rest:
        project(held.rest, purpose, [*packed, str(held.part[0])])
    take_separate(held.whole, purpose)


def _stopped_since(subjects: list[UUID], purpose: int, since: datetime, terms: Terms | None) -> bool:
    """Whether a no to this purpose, or to these terms of it, was recorded of a customer after that time."""
    said = Consent.objects.filter(
        subject__in=subjects,
        purpose=purpose,
        status__in=("withdrawn", "refused"),
        recorded_at__gt=since,
        taken_back_at=None,
    )
    if terms is None:
        return said.filter(event="").exists()
    same = Q(event=terms.event, country=terms.country)
    named = recipient_key(terms.recipient)
    return said.filter(event="").exists() or any(
        recipient_key(recipient) == named for recipient in said.filter(same).values_list("recipient", flat=True)
    )


def withdraw_consent(
    subject: UUID,
    *,
    purpose: int,
    purpose_version: int,
    recorded_by: UUID,
    id: UUID,
    way: str = "",
    only: UUID | None = None,
) -> Consent:
    """Stop every use that rests on it, from the next read on; the past stays provable (GDPR 7(3), PIPL 15).

    Acts on every origin subject of the customer, also those joined by linkage only. Separate consents to the purpose end
    with it; with ``only`` that separate one alone does.

    Raises:
        UnknownSubject: not here.
        NothingToWithdraw: nothing is in force.
    """

    def work() -> Consent:
        held = hold(subject)
        separate = separate_in_force(held.whole, purpose)
        if (only not in separate) if only else not (separate or _in_force(held.whole, purpose)):
            raise NothingToWithdraw(f"purpose {purpose}")
        terms = _terms_of(Consent.objects.get(id=only)) if only else None
        statement = Statement(way=way, follows=only)
        row = _said(
            subject, purpose, purpose_version, "withdrawn", statement, id=id, by=recorded_by, at=timezone.now(),
            terms=terms,
        )  # fmt: skip
        if only:
            take_separate(held.whole, purpose, id=only)
        else:
            _stop(held, purpose, "withdrawn", purpose_version)
        leave_without_guardian(connection.connection, held.part)
        return row

    return retried(work)


def consents_of(subject: UUID) -> list[Consent]:
    """Everything every origin subject of this customer said, newest first."""
    return list(Consent.objects.filter(subject__in=part_of(subject, whole=True)).order_by("-recorded_at"))


def _in_force(subjects: list[UUID], purpose: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from subject_state where subject = any (%s) and consents -> %s ->> 0 = 'given')",
            [subjects, str(purpose)],
        )
        row = cursor.fetchone()
    return bool(row and row[0])
