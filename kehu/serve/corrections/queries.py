"""Corrections as the office sees them: of one customer with both values, and everywhere whom to tell next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from kehu.govern.parts import UnknownSubject, part_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, Opened, gate
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.guard.texts import Sealed, open_texts
from kehu.serve.corrections.models import OPEN, Correction, Telling
from kehu.serve.corrections.telling import telling_row

PURPOSE: Final = "rights-request"
_PURPOSE_ID: Final = PURPOSES[PURPOSE]


def waiting(*, actor: Actor) -> list[dict[str, Any]]:
    """Recipients who are still to be told of customers who are here, the soonest due first; no value is in it. The look is
    recorded.

    Raises:
        Refused: the role may not.
    """
    require_act("tell", actor)
    rows = Telling.objects.filter(state=OPEN).select_related("correction")
    here = _here([row.correction.subject for row in rows])
    found = [row for row in rows.order_by(F("due").asc(nulls_last=True), "id") if row.correction.subject in here]
    with transaction.atomic():
        record_act("tell", None, actor=actor, purpose=_PURPOSE_ID)
    return [
        telling_row(row)
        | {"subject": str(row.correction.subject), "field": row.correction.field, "correction": str(row.correction_id)}
        for row in found
    ]


def _here(subjects: list[UUID]) -> set[UUID]:
    """Those who are not hidden with an import that was taken back."""
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state where subject = any (%s) and not hidden", [subjects])
        return {row[0] for row in cursor.fetchall()}


def of_customer(subject: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """Every correction of a customer, the newest first: before, after, who, why, and who is told of it.

    Values pass the gate; what this reader may not see is None. ``gone``: of before and after, what was taken back since. A row
    of it stands in the ledger.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
    """
    require_act("correct", actor)
    part = part_of(subject, whole=True)
    rows = list(Correction.objects.filter(subject__in=part).prefetch_related("tellings").order_by("-at", "-id"))
    if not rows:
        return []
    opened = _values(subject, rows, actor)
    stand = _standing(part)
    said = {(one.record, one.field): one for one in opened.contributions}
    shut = opened.denied()  # a reason tells of the value: whom a policy keeps from the one it keeps from the other
    told = [row for row in rows if row.field not in shut]
    sealed = [Sealed(row.subject, row.id, bytes(row.reason)) for row in told]
    proofs = [one for row in told for one in row.tellings.all() if one.proof is not None]
    sealed += [Sealed(one.correction.subject, one.id, bytes(one.proof or b"")) for one in proofs]
    reasons = open_texts(sealed, subject, actor=actor, act="correct", purpose=_PURPOSE_ID)
    texts = dict(zip((one.place for one in sealed), reasons, strict=True))
    emails = dict(Staff.objects.filter(id__in=[row.by for row in rows]).values_list("id", "email"))
    return [
        {
            "id": str(row.id), "subject": str(row.subject), "field": row.field, "at": row.at.isoformat(),
            "before": _text(said.get((row.before, row.field))) if row.before else None,
            "after": _text(said.get((row.record, row.field))), "had_value": row.before is not None,
            "gone": [name for name, id in (("before", row.before), ("after", row.record)) if id and id not in stand],
            "by": emails.get(row.by, "").removesuffix("@home"), "why": texts.get(row.id),
            "request": str(row.request) if row.request else None,
            "tellings": [telling_row(one, proof=texts.get(one.id)) for one in row.tellings.all()],
        }
        for row in rows
    ]  # fmt: skip


def _standing(part: Sequence[UUID]) -> set[UUID]:
    """Records of these origin subjects that count: not taken back, by whoever made them or with their import."""
    with connection.cursor() as cursor:
        cursor.execute("select id from record where subject = any (%s) and not hidden", [list(part)])
        return {row[0] for row in cursor.fetchall()}


def _values(subject: UUID, rows: list[Correction], actor: Actor) -> Opened:
    fields = sorted({row.field for row in rows})
    found = gate().open([subject], actor=actor, purpose=actor.purpose or PURPOSE, fields=fields, kinds=PROFILE_KINDS)
    if not found:
        raise UnknownSubject(str(subject))
    return found[0]


def _text(said: Contribution | None) -> str | None:
    return (said.given or said.normal) if said is not None else None
