"""Authorisations: what a subject allowed, refused or took back, purpose by purpose.

Each statement is one row of :class:`~kehu.govern.models.Consent`; what policies read of it is packed into
``subject_state.consents`` in the same transaction: ``{purpose id: [status, kind, until, purpose version, anchor]}``,
``anchor`` being the certain part that said it, where it was projected onto another. A consent given stands on the rest
of its certain part as ``[…, anchor, what it covers]``, so that an un-merge can take it back
(:mod:`kehu.govern.merging`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.utils import OperationalError
from django.utils import timezone

from kehu.govern.models import Consent, Notice

_LOCK_TIMEOUT: Final = "2s"
_TRIES: Final = 30
T = TypeVar("T")


class UnknownSubject(LookupError):
    """No such customer: never here, erased, or its import was taken back."""


class NothingToWithdraw(RuntimeError):
    """No consent is in force for this subject and purpose."""


@dataclass(frozen=True, slots=True)
class Statement:
    """How a consent was given: enough to prove it (GDPR 7(1), PIPL 14)."""

    kind: str = "general"
    until: datetime | None = None
    notice: int | None = None
    way: str = ""
    evidence: bytes | None = None
    language: str = ""
    by_subject: UUID | None = None


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
    column = "customer" if whole else "core"
    with connection.cursor() as cursor:
        cursor.execute(
            f"select s.subject from subject_state s where s.{column} ="
            f" (select n.{column} from subject_state n where n.subject = %s and not n.hidden) and not s.hidden"
            " order by s.subject",
            [subject],
        )
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        raise UnknownSubject(str(subject))
    return found


def notice_in_force(name: str | None = None) -> Notice:
    """The newest notice in force, or the newest version of the one named.

    Raises:
        Notice.DoesNotExist: there is none.
    """
    rows = Notice.objects.filter(in_force_from__lte=timezone.now())
    if name is not None:
        stem, _, version = name.partition("@")
        rows = rows.filter(name=stem, **({"version": int(version)} if version.isdigit() else {}))
    return rows.order_by("-in_force_from", "-version")[:1].get()


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

    def work() -> Consent:
        part = part_of(subject, whole=False)
        anchor = part[0] if subject not in part else subject
        row = Consent.objects.create(
            id=id,
            subject=anchor,
            purpose=purpose,
            purpose_version=purpose_version,
            status="given",
            kind=statement.kind,
            at=now,
            until=statement.until,
            notice=statement.notice,
            way=statement.way,
            language=statement.language,
            recorded_by=recorded_by,
            by_subject=statement.by_subject,
            evidence=statement.evidence,
            recorded_at=now,
        )
        until = statement.until.timestamp() if statement.until else None
        packed = ["given", statement.kind, until, purpose_version]
        _lock(part)
        _project([anchor], purpose, packed)
        _cover([origin for origin in part if origin != anchor], purpose, [*packed, str(anchor)])
        _lift_projected(subject, part, purpose)
        if statement.by_subject is not None:
            with connection.cursor() as cursor:
                cursor.execute("update subject_state set guardian = true where subject = any (%s)", [part])
        return row

    return retried(work)


def withdraw_consent(
    subject: UUID, *, purpose: int, purpose_version: int, recorded_by: UUID, id: UUID, way: str = ""
) -> Consent:
    """Stop every use that rests on it, from the next read on; the past stays provable (GDPR 7(3), PIPL 15).

    Acts on every origin subject of the customer, also those joined by linkage only.

    Raises:
        UnknownSubject: not here.
        NothingToWithdraw: nothing is in force.
    """

    def work() -> Consent:
        part, whole = part_of(subject, whole=False), part_of(subject, whole=True)
        if not _in_force(whole, purpose):
            raise NothingToWithdraw(f"purpose {purpose}")
        now = timezone.now()
        row = Consent.objects.create(
            id=id, subject=subject, purpose=purpose, purpose_version=purpose_version, status="withdrawn",
            kind="general", at=now, way=way, recorded_by=recorded_by, recorded_at=now,
        )  # fmt: skip
        _project(part, purpose, ["withdrawn", "general", None, purpose_version])
        others = [origin for origin in whole if origin not in set(part)]
        if others:
            _project(others, purpose, ["withdrawn", "general", None, purpose_version, str(part[0])])
        _leave_without_guardian(part)
        return row

    return retried(work)


def _leave_without_guardian(part: list[UUID]) -> None:
    """A guardian stands behind a child only while some consent of theirs does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set guardian = false where subject = any (%(part)s) and guardian and not exists ("
            " select 1 from govern_consent g where g.subject = any (%(part)s) and g.by_subject is not null"
            " and g.status = 'given' and (g.until is null or g.until > clock_timestamp()) and not exists (select 1"
            " from govern_consent w where w.subject = any (%(part)s) and w.purpose = g.purpose and w.status = 'withdrawn'"
            " and w.recorded_at > g.recorded_at))",
            {"part": part},
        )


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


def _project(subjects: list[UUID], purpose: int, packed: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set consents = consents || %s::jsonb where subject in"
            " (select subject from subject_state where subject = any (%s) order by subject for no key update)",
            [json.dumps({str(purpose): packed}), subjects],
        )


def _lock(subjects: list[UUID]) -> None:
    """Lock rows in the order of subjects, as reads do, before they are written one after another."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select 1 from subject_state where subject = any (%s) order by subject for no key update", [subjects]
        )


def _cover(subjects: list[UUID], purpose: int, packed: list[Any]) -> None:
    """Let a consent stand for these, too, keeping what each of them said itself below it."""
    if not subjects:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set consents = consents || jsonb_build_object(%(key)s::text,"
            " %(packed)s::jsonb || jsonb_build_array(case when jsonb_array_length(consents -> %(key)s::text) = 6"
            " then consents -> %(key)s::text -> 5 else consents -> %(key)s::text end))"
            " where subject = any (%(subjects)s)",
            {"key": str(purpose), "packed": json.dumps(packed), "subjects": subjects},
        )


def _lift_projected(subject: UUID, part: list[UUID], purpose: int) -> None:
    """Take back what this certain part had projected onto the rest: those origins never said it themselves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set consents = consents - %s where customer ="
            " (select customer from subject_state where subject = %s) and subject <> all (%s)"
            " and consents -> %s ->> 4 = any (%s::text[])",
            [str(purpose), subject, part, str(purpose), [str(origin) for origin in part]],
        )
