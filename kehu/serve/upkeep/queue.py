"""The queue of verification: tasks taken, given back, ended without a value; made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from kehu.govern.parts import UnknownSubject, held_now
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.serve.upkeep.confirming import VERIFIABLE
from kehu.serve.upkeep.models import Task
from kehu.serve.upkeep.policies import open_task
from kehu.vault.ids import new_id

PAGE: Final = 25
_OPEN: Final = ("open", "taken")
_SEES_ALL: Final = ("owner", "privacy", "manager")
HERE: Final = RawSQL(
    "exists (select 1 from subject_state s where s.subject = upkeep_task.subject and not s.hidden)",
    [],
    BooleanField(),
)
"""Tasks of whoever is here: what is listed, and counted."""


class UnknownTask(LookupError):
    """No such task, or not one that this can be done with now."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of the tasks that are listed wait, how many of them are late, and how many the asker has."""

    waiting: int
    late: int
    mine: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of tasks, the soonest due first, each with the customer it is about now; ``after``: where the next begins."""

    tasks: tuple[tuple[Task, UUID], ...]
    after: str


def waiting(*, actor: Actor, mine: bool = False, after: str = "") -> Page:
    """Tasks of customers who are here that wait for the asker's role, or that they have; some roles see all.

    Raises:
        Refused: the role has none.
    """
    require_act("verify-task", actor)
    rows = _of(actor, mine=mine).order_by("due", "id")
    if after:  # the task itself may be gone by now
        due, id = _place(after)
        rows = rows.filter(Q(due__gt=due) | Q(due=due, id__gt=id))
    found = list(rows[: PAGE + 1])
    customers = current_customers([one.subject for one in found])
    held = tuple((one, customers[one.subject]) for one in found[:PAGE] if one.subject in customers)
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(held, f"{last.due}_{last.id}" if last else "")


def counts(*, actor: Actor) -> Counts:
    """How the queue stands.

    Raises:
        Refused: the role has none.
    """
    require_act("verify-task", actor)
    rows, today = _of(actor, mine=False), timezone.localdate()  # the reader's own day
    return Counts(rows.count(), rows.filter(due__lt=today).count(), _of(actor, mine=True).count())


def make_by_hand(subject: UUID, name: str, *, actor: Actor, why: str = "hand", due: date | None = None) -> Task:
    """Have a value of a customer verified; the task that waits already, where one does.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        ValueError: nobody can say that of the field.
    """
    require_act("verify-task", actor)
    if name not in VERIFIABLE:
        raise ValueError(f"field: one of {', '.join(VERIFIABLE)}")
    customer = current_customers([subject]).get(subject)
    if customer is None:
        raise UnknownSubject(str(subject))
    with transaction.atomic():
        held_now(subject)  # of two at once, or a double click, one makes it, and the other sees it
        record_act("verify-task", subject, actor=actor)
        held = open_task(subject, name)
        return held or Task.objects.create(
            id=new_id(), subject=subject, field=name, why=why, role="service", made_by=actor.human,
            due=due or timezone.now().date() + timedelta(days=30),
        )  # fmt: skip


def take(id: UUID, *, actor: Actor) -> None:
    """Take a task that is open.

    Raises:
        Refused: the role may not.
        UnknownTask: it is not open.
    """
    _move(id, ("open",), actor=actor, state="taken", taken_by=actor.human)


def give_back(id: UUID, *, actor: Actor) -> None:
    """Give a task back that one has.

    Raises:
        Refused: the role may not.
        UnknownTask: somebody else has it, or nobody.
    """
    _move(id, ("taken",), actor=actor, mine=True, state="open", taken_by=None)


def end(id: UUID, *, actor: Actor) -> None:
    """End a task without a value: nobody could be reached.

    Raises:
        Refused: the role may not.
        UnknownTask: somebody else has it, or nobody.
    """
    _move(
        id, ("taken",), actor=actor, mine=True, state="done", outcome="unreachable", done_at=timezone.now(),
        done_by=actor.human,
    )  # fmt: skip


def reopen(id: UUID, *, actor: Actor) -> None:
    """Take up again what ended without a value.

    Raises:
        Refused: the role may not.
        UnknownTask: it ended otherwise, or another one waits for the same value.
    """
    row = Task.objects.filter(id=id, state="done", outcome="unreachable").first()
    if row is None:
        raise UnknownTask(str(id))
    with transaction.atomic():
        held_now(row.subject)
        if open_task(row.subject, row.field) is not None:
            raise UnknownTask(str(id))
        _move(id, ("done",), actor=actor, state="taken", taken_by=actor.human, outcome="", done_at=None, done_by=None)


def release(staff: UUID) -> int:
    """Put back into the queue what somebody has whose post ends, in the caller's transaction; returns how many."""
    return Task.objects.filter(state="taken", taken_by=staff).update(state="open", taken_by=None)


def release_stuck() -> int:
    """The same of what is with somebody whose it cannot be: they left, or have another role; returns how many."""
    here = Staff.objects.filter(is_active=True, id=OuterRef("taken_by"))
    fits = here.filter(Q(role__in=_SEES_ALL) | Q(role=OuterRef("role")))
    return Task.objects.filter(~Exists(fits), state="taken").update(state="open", taken_by=None)


def current_customers(subjects: Sequence[UUID]) -> dict[UUID, UUID]:
    """The customer that each origin subject is part of now; who is not here is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject, customer from subject_state where subject = any (%s) and not hidden", [list(subjects)]
        )
        return dict(cursor.fetchall())


def _of(actor: Actor, *, mine: bool) -> QuerySet[Task]:
    rows = Task.objects.filter(HERE, state__in=_OPEN).select_related("policy")
    if mine:
        return rows.filter(taken_by=actor.human)
    return rows if actor.role in _SEES_ALL else rows.filter(role=actor.role)


def task_of(id: UUID, *, actor: Actor) -> Task:
    """One task that is the asker's role's, or that they have, had or asked for, in whatever state.

    Raises:
        Refused: the role has none.
        UnknownTask: none of theirs.
    """
    require_act("verify-task", actor)
    row = Task.objects.filter(id=id).select_related("policy").first()
    if row is None or not _theirs(row, actor):
        raise UnknownTask(str(id))
    return row


def _theirs(row: Task, actor: Actor) -> bool:
    return actor.role in (*_SEES_ALL, row.role) or actor.human in (row.taken_by, row.done_by)


def _move(id: UUID, states: Sequence[str], *, actor: Actor, mine: bool = False, **becomes: object) -> None:
    require_act("verify-task", actor)
    with transaction.atomic():
        rows = Task.objects.select_for_update().filter(id=id, state__in=states)
        row = (rows.filter(taken_by=actor.human) if mine else rows).first()
        if row is None or not _theirs(row, actor):
            raise UnknownTask(str(id))
        record_act("verify-task", row.subject, actor=actor, detail=row.id)
        for name, value in becomes.items():
            setattr(row, name, value)
        row.save(update_fields=list(becomes))


def _place(after: str) -> tuple[date, UUID]:
    """The day and the task that a page ended with; what is no place of a page is before all."""
    due, _, id = after.partition("_")
    try:
        return date.fromisoformat(due), UUID(id)
    except ValueError:
        return date.min, UUID(int=0)
