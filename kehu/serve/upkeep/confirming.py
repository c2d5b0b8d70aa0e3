"""Saying that a value is still right, or which one is: by staff after a talk, or by the customer in the portal.

Either is an edit: the value said again, sealed, with the time; who said it and how stands beside it. Another value in its place is
a correction, of which recipients of the wrong one are told. Whatever is confirmed was opened through the gate before, for the
purpose of accuracy or as the customer's own. A page names by its record the value that it showed, so that nobody says of one that
came meanwhile that it is still right.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Value, When
from django.utils import timezone

from kehu.govern.masks import DOTS
from kehu.govern.parts import UnknownSubject, part_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.edits import Edit, take_back, write_edit
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, Opened, gate
from kehu.guard.guests.credentials import PURPOSE as OWN_PURPOSE
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.refine.clean.status import INVALID
from kehu.refine.survive import same_text, survive
from kehu.serve.corrections import actions as corrections
from kehu.serve.rights.requests import open_request
from kehu.serve.upkeep.models import HOW, Confirmation, Task

PURPOSE: Final = "accuracy"
VERIFIABLE: Final = (
    "phone", "email", "landline", "wechat_id", "address", "delivery_address", "street", "locality", "postal_code", "country",
    "full_name", "birth_date", "gender", "occupation", "employer", "legal_name", "registration_number", "contact_person",
)  # fmt: skip
"""Fields of which somebody can say whether they are right."""
UNDO: Final = timedelta(days=1)
_LONGEST: Final = 500
_REASONS: Final = {
    "phone": "Verified by phone", "in-person": "Verified in person", "mail": "Verified by mail",
    "document": "Verified by a document", "portal": "Said by the customer in the portal",
}  # fmt: skip


class NothingToConfirm(LookupError):
    """Nothing is known of that field, or nothing that may be seen."""


class AlreadyAnswered(NothingToConfirm):
    """The customer said something of it before: two tabs, or a double click."""


class NotShown(RuntimeError):
    """Another value counts by now than the one that was shown."""


class NotValid(ValueError):
    """What was given is no valid form of the field's type."""


class TooLate(RuntimeError):
    """A day has gone by since: it is corrected, not taken back."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmation: the edit's id, and whether another value took the place of the old one."""

    id: UUID
    changed: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A value that the customer is asked about in the portal; ``shown``: the record it stands in."""

    task: Task
    shown: UUID
    text: str = field(repr=False)
    masked: bool


def confirm(
    subject: UUID, name: str, *, how: str, actor: Actor, value: str | None = None, task: UUID | None = None,
    shown: str | None = None,
) -> Confirmed:  # fmt: skip
    """Say as staff that the value that counts is right, or that ``value`` is.

    ``task``: the one that asked for it, which they have taken. ``shown``: the record whose value they saw, as the page
    named it; None: whichever counts.

    Raises:
        Refused: the role may not, or the gate does not open the field to it.
        UnknownSubject: not here.
        UnknownField: no such field.
        NothingToConfirm: nothing is known of it; or the task is not theirs, or not any more.
        NotShown: they said of another value that it is right.
        NotValid: the value is no valid form, or blank.
        ValueError: no such way, or a field of which nobody can say that.
    """
    require_act("verify", actor)
    if how not in HOW or how == "portal":
        raise ValueError(f"how: one of {', '.join(HOW[:-1])}")
    _require_verifiable(name)
    opened = gate().open([subject], actor=actor, purpose=PURPOSE, fields=[name], kinds=PROFILE_KINDS)
    if not opened:
        raise UnknownSubject(str(subject))
    said = _winner(opened[0], name)
    edit, changed = _edit(said, opened[0], value, own=False)
    with transaction.atomic():
        if task is not None:
            _require_taken(task, by=actor.human)
        if value is None:
            _require_shown(opened[0], said, shown)
        id = write_edit(edit, actor=actor, purpose=PURPOSES[PURPOSE])
        _note(id, said, opened[0], how=how, changed=changed, by=actor)
        _settle(opened[0], name, outcome="corrected" if changed else "confirmed", by=actor.human, record=id)
    return Confirmed(id, changed)


def undo(id: UUID, *, actor: Actor) -> None:
    """Take back a confirmation by staff, within a day of it; the task that it ended waits as it did, with whoever had it.

    Raises:
        Refused: the role may not.
        NothingToConfirm: no such confirmation, or the customer made it.
        TooLate: it is older.
    """
    require_act("verify", actor)
    with transaction.atomic():
        row = Confirmation.objects.select_for_update().filter(id=id).exclude(staff=None).first()
        if row is None:
            raise NothingToConfirm(str(id))
        if row.at < timezone.now() - UNDO:
            raise TooLate(str(id))
        take_back(row.subject, row.id, actor=actor, purpose=PURPOSES[PURPOSE])
        row.delete()
        corrections.take_back(id)
        part = part_of(row.subject, whole=True)
        if not Task.objects.filter(subject__in=part, field=row.field, state__in=["open", "taken"]).exists():
            before = Case(When(taken_by=None, then=Value("open")), default=Value("taken"))
            Task.objects.filter(record=id).update(state=before, done_at=None, done_by=None, outcome="", record=None)


def asked_of(guest: Guest) -> list[Asked]:
    """What a signed-in customer is asked to look at: values of open tasks on their certain part."""
    part = part_of(guest.subject, whole=False)
    tasks = {
        one.field: one for one in Task.objects.filter(subject__in=part, state__in=["open", "taken"]).order_by("due")
    }
    opened = _own(guest, tasks)
    if not opened:
        return []
    kept = survive(opened[0].contributions)
    return [
        Asked(
            task, said.record, DOTS if covered else said.given or said.normal or "", covered or said.answer == "masked"
        )
        for name, task in tasks.items()
        if name in kept
        for said, covered in [(kept[name].said, guest.covers(name))]
    ]


def questions_for(guest: Guest, known: Collection[str]) -> int:
    """How many values :func:`asked_of` would show, of the fields of which something is known; nothing is opened."""
    part = part_of(guest.subject, whole=False)
    rows = Task.objects.filter(subject__in=part, state__in=["open", "taken"], field__in=list(known))
    return rows.values("field").distinct().count()


def _own(guest: Guest, fields: Collection[str]) -> list[Opened]:
    """These fields of the customer's own, and no others; nothing is opened for none."""
    if not fields:
        return []
    return gate().open(
        [guest.subject], actor=guest.actor, purpose=OWN_PURPOSE, fields=fields, masked=guest.covered,
        kinds=PROFILE_KINDS,
    )  # fmt: skip


def answer(
    guest: Guest, task: UUID, *, value: str | None = None, remove: bool = False, shown: str | None = None
) -> str:
    """What the customer says of it: still right, another one, or take it away (a request, by its clock); returns which.

    ``shown``: as :func:`confirm`.

    Raises:
        NothingToConfirm: no such question of theirs.
        AlreadyAnswered: they said something of it before.
        NotShown: they said of another value that it is right, or it is covered until they name a second fact.
        NotValid: the value is no valid form, or blank.
        Refused: the gate does not let them see it.
    """
    part = part_of(guest.subject, whole=False)
    opened = _own(guest, Task.objects.filter(id=task, subject__in=part).values_list("field", flat=True))
    if not opened:
        raise NothingToConfirm(str(task))
    with transaction.atomic():
        name = _locked_question(task, opened[0].origins).field
        if remove:
            text = f"Field to be removed: {name}"
            open_request(subject=guest.subject, right="erase", actor=guest.actor, text=text)
            _settle(opened[0], name, outcome="removal", by=None, record=None)
            return "removal"
        if guest.covers(name):  # else whoever reads the mailbox would set what they are asked for
            raise NotShown(name)
        said = _winner(opened[0], name)
        if value is None:
            _require_shown(opened[0], said, shown)
        edit, changed = _edit(said, opened[0], value, own=True)
        id = write_edit(edit, actor=guest.actor, purpose=PURPOSES[OWN_PURPOSE])
        _note(id, said, opened[0], how="portal", changed=changed, by=guest.actor)
        outcome = "corrected" if changed else "confirmed"
        _settle(opened[0], name, outcome=outcome, by=None, record=id)
    return outcome


def _locked_question(task: UUID, origins: Collection[UUID]) -> Task:
    """Theirs, for one answer: a second waits here for the first, and then sees it."""
    row = Task.objects.select_for_update().filter(id=task, subject__in=origins).first()
    if row is not None and row.state == "done" and row.done_by is None:
        raise AlreadyAnswered(str(task))
    if row is None or row.state not in ("open", "taken"):
        raise NothingToConfirm(str(task))
    return row


def _require_shown(opened: Opened, said: Contribution, shown: str | None) -> None:
    """Go on where what counts is what was shown: its record, or one that says the same."""
    seen = (one for one in opened.contributions if one.field == said.field and str(one.record) == shown)
    if shown is not None and not any(same_text(one, said) for one in seen):
        raise NotShown(said.field)


def _require_verifiable(name: str) -> None:
    installation().rules.dictionary.field(name)
    if name not in VERIFIABLE:
        raise ValueError(f"field: one of {', '.join(VERIFIABLE)}")


def _require_taken(task: UUID, *, by: UUID) -> None:
    rows = Task.objects.select_for_update().filter(id=task, state="taken", taken_by=by)  # as steps of the queue lock it
    if rows.first() is None:
        raise NothingToConfirm(str(task))


def _winner(opened: Opened, name: str) -> Contribution:
    kept = survive(one for one in opened.contributions if one.field == name)
    if name not in kept:
        denied = opened.denied().get(name)
        if denied is not None:
            raise Refused(denied.policy)
        raise NothingToConfirm(name)
    if kept[name].said.answer != "clear":
        raise Refused(kept[name].said.policy)
    return kept[name].said


def _edit(said: Contribution, opened: Opened, value: str | None, *, own: bool) -> tuple[Edit, bool]:
    """The edit that says a value again, or the given one in its place, and whether that is another.

    Another one the customer named, at their own door or in a talk: it stays, should what brought the old one be taken back.
    """
    name = said.field
    held = installation().rules.dictionary.field(name)
    given, normal, status, parts = said.given or said.normal, said.normal, said.status, dict[str, str]()
    if value is not None:
        if not value.strip() or len(value) > _LONGEST:  # who gave nothing did not say that the old one is right
            raise NotValid(name)
        given = value.strip()
        normal, status, found = corrections.cleaned(held, given, said)
        if status == INVALID or normal is None:
            raise NotValid(name)
        parts = dict(found)
    changed = (normal or given) != (said.normal or said.given)
    now = timezone.now().isoformat(timespec="milliseconds")  # a bounce of the same second was before it
    edit = corrections.edit_of(
        held, [given, normal, status, now], parts, subject=said.subject, follows=said.record, own=own,
        goes_with=() if own or changed else corrections.records_saying(said, opened),
    )  # fmt: skip
    return edit, changed


def _note(edit: UUID, said: Contribution, opened: Opened, *, how: str, changed: bool, by: Actor) -> None:
    """Who said it and how; of another value also what it corrects."""
    staff = None if how == "portal" else by.human
    Confirmation.objects.create(id=edit, subject=said.subject, field=said.field, staff=staff, how=how, changed=changed)
    if changed:
        corrections.put_down(
            edit, said.field, said.subject, before=said, opened=opened, reason=_REASONS[how], by=by.staff
        )


def _settle(opened: Opened, name: str, *, outcome: str, by: UUID | None, record: UUID | None) -> None:
    Task.objects.filter(subject__in=opened.origins, field=name, state__in=["open", "taken"]).update(
        state="done", done_at=timezone.now(), done_by=by, outcome=outcome, record=record
    )
