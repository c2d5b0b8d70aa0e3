"""Change of post and leaving: what somebody owns or has in hand is shown, handed over, and then their rights end at once.

Two people give a post, or the owner of the home, who is the root of trust; one is enough to close an account, for that only
takes. Who hands nothing over waits, with the list of what lacks a taker; ``at_once`` (a dismissal) waits for nobody: what is
owned goes to its deputy, and what has none to the home's owner, who is told of it by ``kehu doctor``. What they had taken to
verify needs no taker: it waits for anybody of its role again.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from kehu.guard.access import leaving
from kehu.guard.access.leaving import ChangeOver, Ends, Person, Post, PostChange
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS, ActRefused, Refused, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.guard.staff.step_up import require_step_up
from kehu.serve.office.handing import NotHandedOver, Thing, hand_over, plan, require_takers, things_of
from kehu.serve.upkeep.queue import release

__all__ = ["NotHandedOver", "Thing", "plan", "things_of"]

SECOND_PERSON: Final = "house.second-person"
_WHOLE_HOUSE: Final = frozenset({"privacy", "legal", "auditor", "owner"})
_DUTIES: Final = frozenset({"privacy", "legal", "auditor", "engineer"})  # a manager looks after none of them
_ACT_OF: Final = {"move": "move-staff", "close": "close-staff", "reopen": "move-staff"}


def move(staff: UUID, post: Post, *, taker: UUID | None = None, at_once: bool = False, actor: Actor) -> PostChange:
    """Put somebody on another post: at once for the home's owner, else once a second person lets it.

    Raises:
        ActRefused, Refused: the role or standing does not allow it, it is oneself, or the second factor was not shown.
        UnknownStaff: nobody of that id whom one looks after.
        NotHandedOver, ChangeOver: see there.
        ValueError: it is their post already, the account is closed, or another duty needs another account.
    """
    held = _allowed("move", staff, actor)
    if not held.active:
        raise ValueError("staff: the account is closed; reopen it")
    if held.post == post:
        raise ValueError("role: it is their post already")
    return _wanted("move", held, post, taker=taker, at_once=at_once, actor=actor)


def close(staff: UUID, *, taker: UUID | None = None, at_once: bool = False, actor: Actor) -> PostChange:
    """Close somebody's account; the next read of any credential of theirs is refused, in a running answer too.

    Raises:
        as :func:`move`.
    """
    held = _allowed("close", staff, actor)
    if not held.active:
        raise ValueError("staff: the account is closed already")
    return _wanted("close", held, None, taker=taker, at_once=at_once, actor=actor)


def reopen(staff: UUID, post: Post, *, actor: Actor) -> PostChange:
    """Open a closed account on a post: with a new agreement, training, notice, password and factor.

    Raises:
        as :func:`move`.
    """
    held = _allowed("reopen", staff, actor)
    if held.active:
        raise ValueError("staff: the account is open")
    if held.email.endswith("@staff.invalid"):
        raise ValueError("staff: nobody is known by it any more; make a new account")
    return _wanted("reopen", held, post, taker=None, at_once=False, actor=actor)


def decide(id: UUID, *, actor: Actor, approve: bool) -> PostChange:
    """Let a change that waits be done now, or not: another person than who wanted it or whom it is about.

    Raises:
        ActRefused, Refused, NotHandedOver, UnknownChange, ChangeOver: see there.
    """
    held = leaving.change_of(id)
    require_act("move-staff", actor)
    require_standing(actor)
    if approve:
        require_step_up(actor)
    if not may_decide(held, actor):
        if held.done is not None:
            raise ChangeOver(str(id))
        with transaction.atomic():
            record_act("move-staff", None, actor=actor, detail=id, refused_by=SECOND_PERSON)
        raise Refused(SECOND_PERSON)
    with transaction.atomic():
        if approve:
            _carry_out(held, actor=actor)
        else:
            leaving.settle_change(id, by=actor.human, done=False)
            record_act("move-staff", None, actor=actor, detail=id)
    return leaving.change_of(id)


def may_decide(held: PostChange, actor: Actor) -> bool:
    """Whether it waits for somebody like this one."""
    return (
        held.done is None
        and actor.role in ("legal", "owner")
        and actor.human != held.staff
        and (actor.human != held.asked_by or actor.role == "owner")
    )


def looks_after(actor: Actor) -> list[Person]:
    """The people of the house, or of one's own department.

    Raises:
        ActRefused: the role looks after nobody.
    """
    require_act("lapses", actor)
    return leaving.people(department=None if actor.role in _WHOLE_HOUSE else actor.department)


def may_change(held: Person, kind: str, actor: Actor) -> bool:
    """Whether somebody like this one may want it of this person."""
    if actor.role not in ACTS[_ACT_OF[kind]] or held.id == actor.human:
        return False
    if actor.role == "owner":
        return True
    if held.post.role == "auditor":  # who audits is let go by nobody whom they audit
        return False
    return actor.role != "manager" or held.post.role not in _DUTIES


def shown(staff: UUID, *, taker: UUID | None, at_once: bool = False, actor: Actor) -> tuple[list[Thing], Ends]:
    """What would be handed over and what would end, for whoever looks after this person.

    Raises:
        ActRefused: the role looks after nobody.
        UnknownStaff: nobody of that id whom one looks after.
    """
    if staff not in {one.id for one in looks_after(actor)}:
        raise UnknownStaff(str(staff))
    return plan(staff, taker=taker, at_once=at_once), leaving.ends_of(staff)


def changes_seen(*, actor: Actor) -> list[PostChange]:
    """Changes of the posts of whoever one looks after, those that wait first.

    Raises:
        ActRefused: the role looks after nobody.
    """
    return leaving.changes("c.staff = any (%s)", [[one.id for one in looks_after(actor)]])


def staff_named(email: str, *, active: bool = True) -> UUID:
    """Whose address it is.

    Raises:
        UnknownStaff: nobody's who works here (``active``), or ever did.
    """
    found = Staff.objects.filter(email__iexact=email)
    held = (found.filter(is_active=True) if active else found).values_list("id", flat=True).first()
    if held is None:
        raise UnknownStaff(email)
    return UUID(str(held))


def _allowed(kind: str, staff: UUID, actor: Actor) -> Person:
    act = _ACT_OF[kind]
    require_act(act, actor)
    require_standing(actor)
    require_step_up(actor)
    if staff == actor.human:
        with transaction.atomic():
            record_act(act, None, actor=actor, refused_by=SECOND_PERSON)
        raise Refused(SECOND_PERSON)
    held = next((one for one in looks_after(actor) if one.id == staff), None)
    if held is None:
        raise UnknownStaff(str(staff))
    if not may_change(held, kind, actor):
        raise ActRefused(act, actor.role)
    return held


def _wanted(
    kind: str, held: Person, post: Post | None, *, taker: UUID | None, at_once: bool, actor: Actor
) -> PostChange:
    require_takers(plan(held.id, taker=taker, at_once=at_once))
    if taker is not None and (taker == held.id or not leaving.is_staff(taker)):
        raise ValueError("to: another person who works here")
    with transaction.atomic():
        if kind == "close":  # nothing that waits keeps somebody in
            for waits in leaving.changes("c.done is null and c.staff = %s", [held.id]):
                leaving.settle_change(waits.id, by=actor.human, done=False)
        made = leaving.note_change(kind, held.id, post, taker=taker, at_once=at_once, by=actor.human)
        if kind == "close" or actor.role == "owner":
            _carry_out(made, actor=actor)
        else:
            record_act(_ACT_OF[kind], None, actor=actor, detail=made.id)
    return leaving.change_of(made.id)


def _carry_out(change: PostChange, *, actor: Actor) -> None:
    """Hand over, and end; all of it or nothing, in the caller's transaction."""
    with connection.cursor() as cursor:  # nothing is given to them, and nobody else decides on them, meanwhile
        cursor.execute("select is_active from guard_staff where id = %s for update", [change.staff])
        [active] = cursor.fetchone()
    if active == (change.kind == "reopen"):  # they left, or came back, since it was wanted
        raise ChangeOver(str(change.id))
    things = plan(change.staff, taker=change.taker, at_once=change.at_once)
    require_takers(things)
    hand_over(things, change.staff, by=actor.human)
    release(change.staff)
    try:
        with transaction.atomic():
            if change.post is None:
                leaving.close_account(change.staff)
            else:
                leaving.take_up_post(change.staff, change.post)
    except IntegrityError:
        raise ValueError("role: another duty needs another account") from None
    leaving.settle_change(change.id, by=actor.human, done=True)
    record_act(_ACT_OF[change.kind], None, actor=actor, detail=change.id)
