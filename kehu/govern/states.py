"""Restriction, objection, hold, opt-out, death and waiting erasure: a row each, and what policies read.

Each acts on every origin subject of a customer at once and stays with all of them after an un-merge. What is lifted while
they are one is lifted for all of them, and after an un-merge for those alone under whom somebody lifted it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from kehu.govern.models import StateEntry
from kehu.govern.parts import hold, hold_kept, part_of, retried

KINDS: Final = ("restriction", "objection", "hold", "optout", "gpc", "deceased", "erasure")


class NotInForce(LookupError):
    """There is no such state to lift."""


class SeveralHolds(ValueError):
    """More than one hold stands there: which of them is over must be said."""

    def __init__(self, ids: Iterable[UUID]) -> None:
        super().__init__(f"id: several holds stand, say which: {', '.join(map(str, ids))}")


def enter(
    subject: UUID,
    kind: str,
    *,
    by: UUID,
    id: UUID,
    purpose: int | None = None,
    categories: int = 0,
    until: datetime | None = None,
    since: datetime | None = None,
    reason: bytes | None = None,
    tellable: bool = False,
) -> StateEntry:
    """Put a state in force.

    ``reason`` is already sealed under the subject's key; ``categories`` are bits (0: the whole subject); ``tellable``: the
    person may read why a hold stands.

    Raises:
        UnknownSubject: not here.
    """

    def work() -> StateEntry:
        hold(subject)
        row = StateEntry.objects.create(
            id=id, subject=subject, kind=kind, purpose=purpose, categories=categories,
            since=since or timezone.now(), until=until, reason=reason, tellable=tellable, by=by,
        )  # fmt: skip
        project(subject)
        return row

    return retried(work)


def lift(
    subject: UUID,
    kind: str,
    *,
    purpose: int | None = None,
    categories: int | None = None,
    ids: Collection[UUID] = (),
) -> list[StateEntry]:
    """End every state of that kind on the customer; with ``categories`` (bits) these only, the rest of a row stays.

    Of holds each is a case of its own: with ``ids`` these end, without them the only one there is. A hold ends also on somebody
    who is hidden: it is what keeps their data.

    Raises:
        UnknownSubject: not here.
        NotInForce: none is in force, or one of ``ids`` is not.
        SeveralHolds: which of them is not said.
    """

    def work() -> list[StateEntry]:
        whole = hold_kept(subject) if kind == "hold" else hold(subject).whole
        rows = [row for row in states_on(whole) if row.kind == kind and row.purpose == purpose]
        if categories is not None:
            rows = [row for row in rows if row.categories & categories]
        if ids:
            rows = [row for row in rows if row.id in ids]
        if not rows or len(rows) < len(set(ids)):
            raise NotInForce(kind)
        if kind == "hold" and not ids and len(rows) > 1:
            raise SeveralHolds(row.id for row in rows)
        now = _now()
        for row in rows:
            left = row.categories & ~categories if categories is not None else 0
            if left:
                # of the rest nothing changes; what ends is told by a row of its own, without the reason
                StateEntry.objects.create(
                    id=uuid4(), subject=row.subject, kind=row.kind, categories=row.categories & ~left, since=row.since,
                    until=row.until, by=row.by, entered_at=row.entered_at, ended_at=now, lifted_under=subject,
                )  # fmt: skip
                row.categories = left
            else:
                row.ended_at, row.lifted_under = now, subject
            row.save(update_fields=["ended_at", "lifted_under", "categories"])
        project(subject)
        return rows

    return retried(work)


def _now() -> datetime:
    """By the clock that the log of links is written by."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
        return found


def states_of(subject: UUID, *, ended: bool = False) -> list[StateEntry]:
    """States on any origin subject of the customer, oldest first; without ``ended`` only those in force."""
    return states_on(part_of(subject, whole=True), ended=ended)


def states_on(subjects: Iterable[UUID], *, ended: bool = False) -> list[StateEntry]:
    """States on exactly these origin subjects, oldest first; without ``ended`` only those in force."""
    rows = StateEntry.objects.filter(subject__in=list(subjects))
    if not ended:
        rows = rows.filter(ended_at=None).filter(Q(until=None) | Q(until__gt=timezone.now()))
    return list(rows.order_by("since", "id"))


def refresh(subject: UUID) -> None:
    """Write anew what policies read, where a state's end has passed.

    Raises:
        UnknownSubject: not here.
    """
    retried(lambda: project(subject))


def project(subject: UUID) -> None:
    """Write what policies read from the states in force; call inside the transaction that changed them.

    Raises:
        UnknownSubject: not here.
    """
    rows = states_on(hold_kept(subject))
    kinds = {row.kind for row in rows}
    holds = [row for row in rows if row.kind == "hold"]
    held = 0
    for row in holds:
        held |= row.categories
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set restricted = %s, opted_out = %s, gpc = %s, deceased = %s, kept = %s, held = %s,"
            " held_categories = %s, objections = %s::smallint[] where subject in (select s.subject from subject_state s"
            " where s.customer = (select n.customer from subject_state n where n.subject = %s)"
            " order by s.subject for no key update)",
            [
                "restriction" in kinds,
                "optout" in kinds,
                "gpc" in kinds,
                "deceased" in kinds,
                "erasure" in kinds,
                any(row.categories == 0 for row in holds),
                held,
                sorted({row.purpose for row in rows if row.kind == "objection" and row.purpose is not None}),
                subject,
            ],
        )
