"""Jobs of this room: an import of uploaded files, and the end of what was taken back or left lying."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction

from kehu.collect.models import Import
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.actions import UnknownStaff, actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.host.jobs import WHILE_DATABASE_AWAY, app

if TYPE_CHECKING:
    from kehu.collect.imports.plan import Plan

_LATER: Final = 60  # seconds until what somebody else works on is looked at again


def start_as_job(planned: Plan, *, actor: Actor) -> UUID:
    """Enter an import and have it worked on; its progress is read by ``queries.status``."""
    from kehu.collect.imports import actions

    with transaction.atomic():
        import_id = actions.start(planned, actor=actor)
        run_import.defer(import_id=str(import_id))
    return import_id


@app.task(name="collect:run_import", pass_context=False, retry=WHILE_DATABASE_AWAY)
def run_import(import_id: str) -> None:
    """Work through an import as whoever started it; done again after a crash it goes on where it was.

    Raises:
        UnknownStaff: nobody of that account works here any more.
    """
    from kehu.collect.imports import actions  # every process loads this module; few import

    row = Import.objects.filter(id=import_id).first()
    if row is None or row.state not in ("waiting", "running", "failed"):
        return
    staff = Staff.objects.filter(id=row.staff, is_active=True).first()
    if staff is None:
        actions.break_off(row.id, actions.NOBODY)
        raise UnknownStaff(str(row.staff))
    try:
        actions.run(row.id, actor=actor_of(staff.email))
    except actions.ImportStopped:
        return
    except Refused as no:  # before it began: an agreement has ended, say
        actions.break_off(row.id, no.policy)
        raise
    except actions.ImportRunning:  # asked for twice; should whoever works on it end early, this goes on in its place
        run_import.configure(schedule_in={"seconds": _LATER}).defer(import_id=import_id)


def _asked_by(staff: str) -> Actor:
    """Whoever asked for a job.

    Raises:
        UnknownStaff: nobody of that account works here any more.
    """
    held = Staff.objects.filter(id=staff, is_active=True).first()
    if held is None:
        raise UnknownStaff(staff)
    return actor_of(held.email)


@app.task(name="collect:undo_import", pass_context=False, retry=WHILE_DATABASE_AWAY)
def undo_import(import_id: str, staff: str) -> None:
    """Finish taking an import back, as whoever asked for it.

    Raises:
        UnknownStaff: nobody of that account works here any more.
    """
    from kehu.collect.imports import actions

    actor = _asked_by(staff)
    try:
        if actions.left_half(UUID(import_id)):
            actions.undo(UUID(import_id), actor=actor)
    except actions.ImportRunning:
        undo_import.configure(schedule_in={"seconds": _LATER}).defer(import_id=import_id, staff=staff)


def run_again(import_ids: Iterable[UUID]) -> None:
    """Have imports of refused rows worked on."""
    for import_id in import_ids:
        run_import.defer(import_id=str(import_id))


@app.task(name="collect:send_again", pass_context=False)
def send_again(channel: int, reason: str, staff: str, until: str) -> None:
    """Have the messages of a group that were refused until then read again, as whoever asked for it.

    Raises:
        UnknownStaff: nobody of that account works here any more.
    """
    from kehu.collect.quarantine import groups, mending

    actor = _asked_by(staff)
    group = groups.group_of(channel, reason, True, actor=actor)
    if group is not None:
        mending.send_group(group, actor=actor, until=UUID(until))


@app.task(name="collect:let_go", pass_context=False, retry=WHILE_DATABASE_AWAY)
def let_go(channel: int, reason: str, sent: bool, staff: str, until: str) -> None:
    """Destroy what waits of a large group and was refused until then, as whoever asked for it.

    Raises:
        UnknownStaff: nobody of that account works here any more.
    """
    from kehu.collect.quarantine import groups, mending

    actor = _asked_by(staff)
    group = groups.group_of(channel, reason, sent, actor=actor)
    if group is not None:
        mending.let_go(group, actor=actor, until=UUID(until))


@app.periodic(cron="23 3 * * *")
@app.task(name="collect:tidy", queueing_lock="collect_tidy", pass_context=False)
def tidy(timestamp: int) -> None:
    """Every night: finish what was taken back in half, erase that of 30 days ago, and what nobody has mended in time."""
    from kehu.collect.imports import actions, left, undo
    from kehu.collect.quarantine import aging
    from kehu.host.each import each

    each(
        lambda one: one(actor=owner_actor()),
        (actions.finish_undoing, left.take_along, undo.erase_taken_back, aging.forget_old),
    )


@app.periodic(cron="11 * * * *")
@app.task(name="collect:forget_uploads", queueing_lock="collect_forget_uploads", pass_context=False)
def forget_uploads(timestamp: int) -> None:
    """Every hour: forget uploads of a day ago that nobody imports, and those whose sender or server went away midway."""
    from kehu.collect.imports import abandoned

    abandoned.forget_left(actor=owner_actor())


@app.periodic(cron="* * * * *")
@app.task(name="collect:pull_mail", queueing_lock="collect_pull_mail", pass_context=False)
def pull_mail(timestamp: int) -> None:
    """Every minute: fetch what came to the house's mailboxes; one that fails is seen with it, and the others go on."""
    from kehu.collect.mail.pull import pull_all  # every process loads this module; few fetch mail

    pull_all()
