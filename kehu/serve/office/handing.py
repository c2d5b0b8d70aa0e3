"""What somebody owns or has in hand, whom it goes to, and why some of it goes to nobody yet.

A request, an incident or a proposal keeps who began it; who has it now stands in the register of owners, or with the
request itself where somebody looks after it. An import and an alert of the watch name whoever has them themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.collect.models import Import
from kehu.collect.tasks import run_import
from kehu.govern.register import changes as register_changes
from kehu.guard.access import owners
from kehu.guard.access.owners import UnknownThing
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff, ensure_owner
from kehu.guard.staff.models import Staff
from kehu.serve.rights.models import Incident, Request

IN_HAND: Final[Mapping[str, str]] = {
    "request": "request", "incident": "incident", "proposal": "propose", "import": "collect", "alert": "take-alert",
}  # fmt: skip
"""What somebody can have in hand, by the act that their role must be able to do."""
_UNFINISHED: Final = ("waiting", "running", "failed")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something a person owns, stands in for, or has in hand.

    Attributes:
        part: ``owner``, ``deputy`` or ``hand``.
        never: whom it can never go to (an alert: whom it is about).
        taker: whom it goes to; None: nobody yet (of a deputy: it has none then).
        lacks: why it does not: ``taker`` (nobody is named), ``role`` (theirs may not), ``independent`` (a purpose is never
            the privacy office's); empty where it does, or where it need not.
    """

    kind: str
    name: str
    part: str
    owner: UUID
    deputy: UUID | None = None
    never: UUID | None = None
    taker: UUID | None = None
    lacks: str = ""


class NotHandedOver(RuntimeError):
    """Something lacks a taker, so nothing is done; ``things`` are those."""

    def __init__(self, things: Iterable[Thing]) -> None:
        self.things = tuple(things)
        super().__init__(", ".join(f"{one.kind} {one.name}" for one in self.things))


def things_of(staff: UUID) -> list[Thing]:
    """What somebody owns and stands in for, then what they have in hand and is not over."""
    held = [
        Thing(one.kind, one.name, "owner" if one.owner == staff else "deputy", one.owner, one.deputy)
        for one in owners.owned_by(staff)
        if one.kind in owners.KINDS
    ]
    return held + [one for one in in_hand() if one.owner == staff]


def in_hand() -> list[Thing]:
    """Everything that is not over, with who has it."""
    handed = _handed()
    asked = Request.objects.filter(state="open").values_list("id", "opened_by", "assigned_to")
    began = [("request", id, by) for id, by, _ in asked]
    began += [("incident", *row) for row in Incident.objects.filter(handled_at=None).values_list("id", "opened_by")]
    for register in ("purpose", "notice", "source"):
        began += [
            ("proposal", one.id, one.proposed_by)
            for one in register_changes(register)
            if one.proposed_by is not None and all(step.kind == "assessed" for step in one.steps.all())
        ]
    handed |= {("request", str(id)): looks for id, _, looks in asked if looks is not None}
    found = [Thing(kind, str(id), "hand", handed.get((kind, str(id)), by)) for kind, id, by in began]
    imports = Import.objects.filter(state__in=_UNFINISHED).values_list("id", "staff")
    found += [Thing("import", str(id), "hand", by) for id, by in imports]
    with connection.cursor() as cursor:
        cursor.execute("select number, owner, human from watch_alert where state = 1 order by number")
        found += [Thing("alert", str(number), "hand", by, never=human) for number, by, human in cursor.fetchall()]
    return found


def plan(staff: UUID, *, taker: UUID | None, at_once: bool = False) -> list[Thing]:
    """The same of one person with whom each goes to, and why some go to nobody. A taker who has left since is none."""
    home, roles = ensure_owner().id, dict(Staff.objects.filter(is_active=True).values_list("id", "role"))
    taker = taker if taker in roles else None

    def planned(one: Thing) -> Thing:
        if one.part == "deputy":
            fits = taker is not None and taker != one.owner and not misfit(one, taker, roles)
            return replace(one, taker=taker if fits else None)
        for to in [taker, one.deputy, home] if at_once else [taker]:
            if to is not None and not misfit(one, to, roles):
                return replace(one, taker=to)
        return replace(one, lacks=misfit(one, taker, roles) if taker is not None else "taker")

    return [planned(one) for one in things_of(staff)]


def require_takers(things: Iterable[Thing]) -> None:
    """Go on only where everything has one.

    Raises:
        NotHandedOver: something does not.
    """
    lacking = [one for one in things if one.lacks]
    if lacking:
        raise NotHandedOver(lacking)


def hand_over(things: Collection[Thing], staff: UUID, *, by: UUID) -> None:
    """Give each to its taker, in the caller's transaction; what is over is nobody's business any more but the home's."""
    for one in things:
        if one.part == "deputy":
            owners.write_owners([(one.kind, one.name)], one.owner, one.taker, by=by)
        elif one.part == "owner":
            deputy = one.deputy if one.deputy != one.taker else None
            owners.write_owners([(one.kind, one.name)], one.taker, deputy, by=by)
        elif one.taker is not None:
            _give(one, one.taker, by=by)
    over = [(one.kind, one.name) for one in owners.owned_by(staff)]
    owners.write_owners(over, ensure_owner().id, None, by=by)


def hand_on(kind: str, name: str, *, to: str, actor: Actor) -> Thing:
    """Give one thing that somebody has in hand to another, named by email: whoever has it, or who may say who owns what.

    Raises:
        ActRefused, Refused: neither.
        UnknownThing: nothing of that kind and name is open.
        UnknownStaff: nobody of that email works here.
        ValueError: the taker's role may not have it, or it is about them.
    """
    held = next((one for one in in_hand() if (one.kind, one.name) == (kind, name)), None)
    if held is None:
        raise UnknownThing(kind)
    if held.owner != actor.human:
        require_act("own", actor)
    require_standing(actor)
    roles = dict(Staff.objects.filter(is_active=True).values_list("id", "role"))
    taker = Staff.objects.filter(email__iexact=to, is_active=True).values_list("id", flat=True).first()
    if taker is None:
        raise UnknownStaff(to)
    if misfit(held, taker, roles):
        raise ValueError("owner: somebody whose role may have it, and whom it is not about")
    with transaction.atomic():
        _give(held, taker, by=actor.human)
        record_act("own", None, actor=actor)
    return replace(held, owner=taker)


def misfit(one: Thing, to: UUID, roles: Mapping[UUID, str]) -> str:
    """Why somebody cannot take it; empty: they can."""
    if one.kind == "purpose" and roles[to] == "privacy":
        return "independent"
    if to == one.never or (one.kind in IN_HAND and roles[to] not in ACTS[IN_HAND[one.kind]]):
        return "role"
    return ""


def _give(one: Thing, taker: UUID, *, by: UUID) -> None:
    if one.kind == "alert":
        with connection.cursor() as cursor:
            cursor.execute("update watch_alert set owner = %s where number = %s and state = 1", [taker, int(one.name)])
    elif one.kind == "import":
        _go_on(UUID(one.name), one.owner, taker)
    else:
        owners.write_owners([(one.kind, one.name)], taker, None, by=by)
        if one.kind == "request":
            Request.objects.filter(id=one.name, state="open").update(assigned_to=taker)


def _go_on(id: UUID, staff: UUID, taker: UUID) -> None:
    """Give an import to whoever took it; one that a job was at works on as theirs, from where it stands."""
    row = Import.objects.filter(id=id, staff=staff).first()
    if row is None:
        return
    Import.objects.filter(id=id).update(staff=taker)
    if row.staged and row.state != "failed":
        run_import.defer(import_id=str(id))  # in this transaction: it is there when this is


def _handed() -> dict[tuple[str, str], UUID]:
    """What was handed on stands in the register of owners, not with who began it."""
    with connection.cursor() as cursor:
        cursor.execute("select kind, name, owner from owned where kind <> all (%s)", [list(owners.KINDS)])
        return {(kind, name): owner for kind, name, owner in cursor.fetchall()}
