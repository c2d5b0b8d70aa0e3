"""A suppression list by way of a page: sealed as it comes, looked at by a job, in force once whoever sent it has said so.

What it stops only the customers themselves lift, so that a file taken for another is seen before it acts.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.collect.imports.staging import discard, open_staged
from kehu.collect.readers import Source, UnreadableSource, open_source
from kehu.guard.aside import AsideDoesNotOpen
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.actions import actor_of
from kehu.guard.staff.models import Staff
from kehu.host.away import AWAY
from kehu.serve.mailing import lists
from kehu.serve.mailing.lists import Brought, Scope
from kehu.serve.mailing.models import DONE, FAILED, LOOKED, LOOKING, STOPPING, Bringing
from kehu.serve.mailing.tasks import work_on_list
from kehu.serve.rights.office import require
from kehu.vault.ids import new_id

_SHOWN: Final = 20
_WORKING: Final = (LOOKING, STOPPING)
_FROM_THE_START: Final = {"state": STOPPING, "rows": 0, "addresses": 0, "unread": 0}


class UnknownBringing(LookupError):
    """No list of that id was sent, or it does not wait for an answer of this person."""


def begin(staged: UUID, scope: Scope, *, actor: Actor) -> UUID:
    """Have an upload looked at; returns the id by which it is asked after.

    Raises:
        Refused: the role may not.
        ValueError: no such medium or topic, or no name.

    The upload is destroyed, whatever it is that keeps it from being looked at.
    """
    try:
        require("subscribe", actor)
        told = scope.checked()
        with transaction.atomic():
            one = Bringing.objects.create(
                id=new_id(), staged=staged, staff=actor.staff, list=told.name, medium=told.medium, topic=told.topic,
                country=told.country,
            )  # fmt: skip
            work_on_list.defer(bringing=str(one.id))
    except BaseException:
        discard(staged)
        raise
    return one.id


def put_in_force(id: UUID, *, actor: Actor) -> None:
    """Have what was looked at stop whoever stands on it.

    Raises:
        Refused: the role may not.
        UnknownBringing: it does not wait for this person to say so.
    """
    require("subscribe", actor)
    with transaction.atomic():
        if not Bringing.objects.filter(id=id, staff=actor.staff, state=LOOKED).update(**_FROM_THE_START):
            raise UnknownBringing(str(id))
        work_on_list.defer(bringing=str(id))


def give_up(id: UUID, *, actor: Actor) -> None:
    """Destroy a list that was sent and is not in force; one that failed midway leaves what it stopped.

    Raises:
        Refused: the role may not.
        UnknownBringing: it does not wait for this person to say so.
    """
    require("subscribe", actor)
    with transaction.atomic():
        held = Bringing.objects.select_for_update().filter(id=id, staff=actor.staff, state__in=(LOOKED, FAILED))
        staged = held.values_list("staged", flat=True).first()
        if staged is None:
            raise UnknownBringing(str(id))
        held.delete()
    discard(staged)  # after the row: whoever puts it in force at that moment finds it whole or not at all


def one(id: UUID, *, actor: Actor) -> Bringing:
    """How a list that was sent stands.

    Raises:
        Refused: the role may not.
        UnknownBringing: no list of that id was sent.
    """
    require("subscribe", actor)
    row = Bringing.objects.filter(id=id).first()
    if row is None:
        raise UnknownBringing(str(id))
    return row


def recent(*, actor: Actor) -> list[Bringing]:
    """The lists that were sent last, newest first.

    Raises:
        Refused: the role may not.
    """
    require("subscribe", actor)
    return list(Bringing.objects.order_by("-at")[:_SHOWN])


def work(id: UUID, *, last: bool = False) -> None:
    """Do what is next for a list, as whoever sent it. Killed meanwhile, or without the database, it is left to be gone on with.

    Args:
        last: nobody will go on with it: it ends, whatever stops it.
    """
    row = Bringing.objects.filter(id=id, state__in=_WORKING).first()
    if row is None:
        return
    staff = Staff.objects.filter(id=row.staff, is_active=True).first()
    if staff is None:
        _ended(row, "left")
        return
    try:
        actor = actor_of(staff.email)
        source = open_source("staged.json", header=False, opener=open_staged(row.staged, actor=actor))
        if row.state == LOOKING:
            _look(row, source, actor)
        else:
            _put_in_force(row, source, actor)
    except UnreadableSource as wrong:
        _ended(row, wrong.code)
    except AsideDoesNotOpen:
        _ended(row, "gone")
    except Refused:
        _ended(row, "refused")
    except Exception as failure:  # whatever it was, the page must not say for ever that it works; the job fails with it
        if last or not isinstance(failure, AWAY):
            _ended(row, "broken")
        raise


def _look(row: Bringing, source: Source, actor: Actor) -> None:
    seen = lists.look(source, _scope(row), actor=actor, told=lambda rows: _is(row, rows=rows))
    values = {"rows": seen.rows, "addresses": seen.addresses, "unread": seen.unread, "tenths": seen.tenths}
    _is(row, state=LOOKED, expected=seen.rows, **values)


def _put_in_force(row: Bringing, source: Source, actor: Actor) -> None:
    def told(batches: int, done: Brought) -> None:
        _is(row, batches=batches, **asdict(done))

    before = Brought(row.rows, row.addresses, row.new, row.unread, row.customers)
    lists.bring_from(source, _scope(row), actor=actor, skip=row.batches, before=before, told=told)
    _ended(row)


def _scope(row: Bringing) -> Scope:
    return Scope(row.list, row.medium, row.topic, row.country)


def _ended(row: Bringing, fault: str = "") -> None:
    """It is over: nothing of the file is kept."""
    _is(row, state=FAILED if fault else DONE, fault=fault, ended_at=timezone.now())
    discard(row.staged)


def _is(row: Bringing, **values: Any) -> None:
    Bringing.objects.filter(id=row.id).update(**values)
