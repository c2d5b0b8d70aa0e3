"""Holds: what must not be deleted for a while, and why. A hold permits nothing; its end lets a waiting erasure run.

What one without an end keeps after an erasure is looked at again within a year, by its certificate, and ends by no day alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from kehu.govern import states as subject_states
from kehu.govern.laws import add_months
from kehu.govern.models import StateEntry
from kehu.govern.parts import UnknownSubject, part_of
from kehu.govern.slugs import CATEGORIES
from kehu.govern.states import NotInForce
from kehu.guard.gate.actor import Actor
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act, record_acts
from kehu.guard.tombstones import note_anew
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing.ending import end_residue
from kehu.serve.rights.erasing.erasure import Outcome, finish, unfinished_of
from kehu.serve.rights.erasing.stays import REVIEW_MONTHS, bit_of, categories_of, has_ended
from kehu.serve.rights.models import Erasure
from kehu.serve.rights.office import PURPOSE_ID, require

MOST: Final = 200
"""Holds that a page lists."""


def hold(
    subject: UUID,
    *,
    actor: Actor,
    reason: str,
    categories: Sequence[str] = (),
    until: datetime | None = None,
    tellable: bool = False,
) -> list[dict[str, Any]]:
    """Bar the deletion of a customer, or of some categories, until a moment or for good; returns the states in force.

    That it stands is in the copy that the person gets; the reason, which may be an investigation, only if ``tellable``.

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        ValueError: no reason, no such category, or an end in the past.
    """
    if not reason.strip():
        raise ValueError("reason: a hold needs one")
    bits = _bits(categories)
    if until is not None and until <= timezone.now():
        raise ValueError("until: lies in the past")
    actions.enter_state(
        subject, "hold", actor=actor, act="hold", reason=reason, categories=bits, until=until, tellable=tellable
    )
    return actions.states(subject, actor=actor)


def release(
    subject: UUID, *, actor: Actor, categories: Sequence[str] = (), ids: Collection[UUID] = ()
) -> tuple[list[dict[str, Any]], Outcome | None]:
    """End the hold on a customer (or on these categories), or those of ``ids``; an erasure that no hold bars any
    longer runs now, by itself. Of somebody whose import was taken back the data goes by itself, once no hold is left.

    Returns the states still in force, and what became of that erasure.

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        NotInForce: there is no such hold.
        ValueError: no such category, or several stand and which of them is over is not said.
    """
    customer = _customer(subject)
    actions.lift_state(subject, "hold", actor=actor, act="hold", categories=_bits(categories) or None, ids=ids)
    waiting = unfinished_of(customer)
    outcome = finish(waiting) if waiting is not None else None
    try:
        return actions.states(subject, actor=actor), outcome
    except UnknownSubject:  # the erasure ran, or they are hidden: then the reasons, which are a customer's, stay sealed
        left = subject_states.states_on([subject])
        return [line for row in left for line in actions.state_lines(row, None)], outcome


def _customer(subject: UUID) -> list[UUID]:
    try:
        return part_of(subject, whole=True)
    except UnknownSubject:  # whoever is hidden is one with nobody
        return [subject]


@dataclass(frozen=True, slots=True)
class Kept:
    """What holds without an end keep after an erasure: of which categories, and by when somebody has to look at it again."""

    certificate: UUID
    erased_at: datetime
    categories: tuple[str, ...]
    by: date


def kept_after_erasures() -> list[Kept]:
    """Every erasure that left such; the soonest to be looked at first. Names nobody, so whoever is let to the page may see it."""
    found = list[Kept]()
    for row in Erasure.objects.filter(
        state="done", residue__isnull=False, certificate__residue__contains=[{"review": True}]
    ):
        lines = [line for line in (row.certificate or {})["residue"] if line.get("review")]
        by = min(date.fromisoformat(line["until"]) for line in lines)
        assert row.done_at is not None  # a constraint of the table
        found.append(Kept(row.id, row.done_at, tuple(sorted({line["what"] for line in lines})), by))
    return sorted(found, key=lambda one: (one.by, one.certificate))


def unseen_for_a_year() -> QuerySet[StateEntry]:
    """Holds without an end, older than a year, also on hidden customers: somebody has to say whether each still stands."""
    before = add_months(timezone.now().date(), -REVIEW_MONTHS)
    return StateEntry.objects.filter(kind="hold", ended_at=None, until=None, since__date__lte=before)


@dataclass(frozen=True, slots=True)
class Standing:
    """A hold without an end, before any erasure; no categories: on all of them. ``hidden``: whose import was taken back."""

    id: UUID
    subject: UUID
    since: datetime
    categories: tuple[str, ...]
    hidden: bool


def to_look_at(*, actor: Actor) -> list[Standing]:
    """The oldest :data:`MOST` of those holds, without their reasons; they name customers, so the look is recorded.

    Raises:
        Refused: the role, or the token's purpose.
    """
    require("hold", actor)
    found = list(unseen_for_a_year().order_by("since", "id")[:MOST])
    hidden = _hidden([row.subject for row in found])
    rows = [
        Standing(row.id, row.subject, row.since, tuple(categories_of(row.categories)), row.subject in hidden)
        for row in found
    ]
    if rows:
        with transaction.atomic():
            record_acts("list", list(dict.fromkeys(row.subject for row in rows)), actor=actor, purpose=PURPOSE_ID)
    return rows


def _hidden(subjects: Sequence[UUID]) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state where subject = any (%s) and hidden", [list(subjects)])
        return {row[0] for row in cursor.fetchall()}


def look_again(certificate: UUID, *, actor: Actor, keep: bool, categories: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a hold without an end keeps after an erasure: keep it for another year, or let it go now; returns the lines left.

    Raises:
        Refused: the role, or the token's purpose.
        NotInForce: nothing is kept there by such a hold.
        ValueError: no such category.
    """
    require("hold", actor)
    _bits(categories)
    today = datetime.now(UTC).date()
    with transaction.atomic():
        row = Erasure.objects.select_for_update().filter(id=certificate, state="done").exclude(residue=None).first()
        lines = (row.certificate or {}).get("residue", []) if row is not None else []
        seen = [one for one in lines if one.get("review") and (not categories or one["what"] in categories)]
        if row is None or not seen:
            raise NotInForce("hold")
        for line in seen:
            if keep:
                line["until"] = add_months(today, REVIEW_MONTHS).isoformat()
            else:
                line |= {"until": today.isoformat(), "review": False}
        row.save(update_fields=["certificate"])
        record_act("hold", None, actor=actor, purpose=PURPOSE_ID, detail=certificate)
    if not keep:
        end_residue(certificate, today)
    note_anew(installation().home, certificate, {**(row.certificate or {}), "residue": lines})
    return [line for line in lines if not has_ended(line, today)]


def _bits(categories: Sequence[str]) -> int:
    if not set(categories) <= set(CATEGORIES):
        raise ValueError(f"category: one of {', '.join(CATEGORIES)}")
    return sum(bit_of(category) for category in set(categories))
