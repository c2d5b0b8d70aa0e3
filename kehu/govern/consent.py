"""Authorisations: what a subject allowed, refused or took back, purpose by purpose.

Each statement is one row of :class:`~kehu.govern.models.Consent`; what policies read of it is packed into
``subject_state.consents`` in the same transaction: ``{purpose id: [status, kind, until, purpose version, anchor]}``,
``anchor`` being the certain part that said it, where it was projected onto another. A consent given stands on the rest
of its certain part as a cover, so that an un-merge can take it back (:mod:`kehu.govern.covers`). The kind of one that a
guardian gave carries a star. Separate consents stand beside them (:mod:`kehu.govern.separate`) and end with them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.utils import OperationalError
from django.utils import timezone

from kehu.govern.covers import Packed
from kehu.govern.models import Consent, Notice
from kehu.govern.notices import current as current_notices
from kehu.govern.packed import lock, project, reword, set_aside, stand_for
from kehu.govern.separate import SEPARATE_STANDS, Terms, put_separate, separate_in_force, take_separate
from kehu.host.each import each

_LOCK_TIMEOUT: Final = "2s"
_TRIES: Final = 30
T = TypeVar("T")


class UnknownSubject(LookupError):
    """No such customer: never here, erased, or its import was taken back."""


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


def retried(work: Callable[[], T]) -> T:
    """Run a change of ``subject_state`` in a transaction; one that meets reads in flight is tried again, never lost."""
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
                return work()
        except OperationalError as waited:
            if getattr(waited.__cause__, "sqlstate", None) not in ("55P03", "40P01") or attempt == _TRIES - 1:
                raise
            time.sleep(0.05)
    raise AssertionError("unreachable")


def part_of(subject: UUID, *, whole: bool) -> list[UUID]:
    """Origin subjects of a customer: its certain part, or the whole with what linkage joined.

    Raises:
        UnknownSubject: not here.
    """
    with connection.cursor() as cursor:  # a certain part lies within a customer, and by that it is looked up
        cursor.execute(
            "select s.subject from subject_state n join subject_state s on s.customer = n.customer and (%s or s.core = n.core)"
            " where n.subject = %s and not n.hidden and not s.hidden order by s.subject",
            [whole, subject],
        )
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        raise UnknownSubject(str(subject))
    return found


def notice_in_force(name: str | None = None) -> Notice:
    """The newest notice in force, or the newest version of the one named; a higher version replaces each before it.

    Raises:
        Notice.DoesNotExist: there is none.
    """
    if name is None:
        return current_notices().order_by("-in_force_from", "-version")[:1].get()
    stem, _, version = name.partition("@")
    if version.isdigit():
        return Notice.objects.get(name=stem, version=int(version), in_force_from__lte=timezone.now())
    return current_notices().get(name=stem)


def give_consent(
    subject: UUID, *, purpose: int, purpose_version: int, statement: Statement, recorded_by: UUID, id: UUID
) -> Consent:
    """Allow a use from now on; acts on the certain part of the customer.

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
        part, whole = part_of(subject, whole=False), part_of(subject, whole=True)
        anchor = part[0] if subject not in part else subject
        row = _said(anchor, purpose, purpose_version, "given", statement, id=id, by=recorded_by, at=now, terms=terms)
        lock(whole)
        if terms is not None:
            put_separate(
                part, purpose, id=id, terms=terms, until=statement.until, version=purpose_version, anchor=anchor,
                by_guardian=statement.by_guardian,
            )  # fmt: skip
        else:
            until = statement.until.timestamp() if statement.until else None
            kind = statement.kind + ("*" if statement.by_guardian else "")
            packed = ["given", kind, until, purpose_version]
            project([anchor], purpose, packed)
            stand_for([origin for origin in part if origin != anchor], purpose, packed, str(anchor))
            set_aside([origin for origin in whole if origin not in set(part)], part, purpose)
        if statement.by_guardian:
            with connection.cursor() as cursor:
                cursor.execute("update subject_state set guardian = true where subject = any (%s)", [part])
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
    anchor = subject if subject in (part := part_of(subject, whole=False)) else part[0]
    now = timezone.now()
    return _said(anchor, purpose, purpose_version, "requested", statement, id=id, by=recorded_by, at=now, terms=terms)


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
        part, whole = part_of(subject, whole=False), part_of(subject, whole=True)
        anchor, now = subject if subject in part else part[0], timezone.now()
        row = _said(anchor, purpose, purpose_version, "refused", statement, id=id, by=recorded_by, at=now, terms=terms)
        if terms is not None:
            lock(whole)
            take_separate(whole, purpose, terms=terms)
        else:
            _stop(part, whole, purpose, "refused", purpose_version)
        _leave_without_guardian(part)
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
        part, whole = part_of(found.subject, whole=False), part_of(found.subject, whole=True)
        statement = Statement(kind=found.kind, notice=found.notice, way=way, follows=consent)
        row = _said(
            found.subject, found.purpose, found.purpose_version, "invalid", statement, id=id, by=recorded_by,
            at=timezone.now(), terms=_terms_of(found),
        )  # fmt: skip
        if found.event:
            lock(whole)
            take_separate(whole, found.purpose, id=consent)
        elif _newest_given([found.subject], found.purpose) == consent:
            # a finding about one statement: what another part said by itself is its own again after an un-merge
            packed: Packed = ["invalid", "general", None, found.purpose_version]
            lock(whole)
            if _newest_given(part, found.purpose) != consent:  # a newer one stays, and this comes back with nobody
                reword(found.subject, whole, found.purpose, packed)
                _leave_without_guardian(part)
                return row
            project([found.subject], found.purpose, packed)
            stand_for([one for one in whole if one != found.subject], found.purpose, packed, str(found.subject))
            take_separate(whole, found.purpose)
        _leave_without_guardian(part)
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


def _stop(part: list[UUID], whole: list[UUID], purpose: int, status: str, version: int) -> None:
    """Let a stricter word stand on every origin subject, and end the separate consents of the purpose."""
    packed: Packed = [status, "general", None, version]
    lock(whole)
    project(part, purpose, packed)
    others = [origin for origin in whole if origin not in set(part)]
    if others:
        project(others, purpose, [*packed, str(part[0])])
    take_separate(whole, purpose)


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
        part, whole = part_of(subject, whole=False), part_of(subject, whole=True)
        separate = separate_in_force(whole, purpose)
        if (only not in separate) if only else not (separate or _in_force(whole, purpose)):
            raise NothingToWithdraw(f"purpose {purpose}")
        terms = _terms_of(Consent.objects.get(id=only)) if only else None
        statement = Statement(way=way, follows=only)
        row = _said(
            subject, purpose, purpose_version, "withdrawn", statement, id=id, by=recorded_by, at=timezone.now(),
            terms=terms,
        )  # fmt: skip
        if only:
            lock(whole)
            take_separate(whole, purpose, id=only)
        else:
            _stop(part, whole, purpose, "withdrawn", purpose_version)
        _leave_without_guardian(part)
        return row

    return retried(work)


def _leave_without_guardian(part: list[UUID]) -> None:
    """A guardian stands behind a child only while some consent of theirs does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set guardian = false where subject = any (%(part)s) and guardian and not exists ("
            " select 1 from govern_consent g join subject_state a using (subject) where g.subject = any (%(part)s)"
            f" and (g.by_subject is not null or g.guardian <> '') and (g.event = '' or {SEPARATE_STANDS})"
            " and g.status = 'given' and (g.until is null or g.until > clock_timestamp()) and not exists (select 1"
            " from govern_consent w where w.subject = any (%(part)s) and w.purpose = g.purpose and w.taken_back_at is null"
            " and (w.status in ('withdrawn', 'refused') and w.event = '' and w.recorded_at > g.recorded_at"
            " or w.status in ('withdrawn', 'invalid') and w.follows = g.id)))",
            {"part": part},
        )


def end_guardians() -> int:
    """Where the day of a guardian's consent has come, let them stand behind the child no more by it; returns of how many.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct s.core from govern_consent g join subject_state s using (subject) where s.guardian"
            " and not s.hidden and g.status = 'given' and g.until <= clock_timestamp()"
            " and (g.by_subject is not null or g.guardian <> '')"
        )
        found = [row[0] for row in cursor.fetchall()]
    return each(lambda core: retried(functools.partial(_end_guardian, core)), found)


def _end_guardian(core: UUID) -> None:
    try:
        _leave_without_guardian(part_of(core, whole=False))
    except UnknownSubject:  # gone meanwhile
        return


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
