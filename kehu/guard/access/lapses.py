"""Who lapses next: for whoever looks after a department, and the offices for the whole house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.ledger.record import record_act

_HOUSE: Final = frozenset({"privacy", "legal", "auditor", "owner"})


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's conditions and their ends; None: never met."""

    staff: UUID
    email: str
    name: str
    role: str
    department: str
    agreement_until: datetime | None
    training_until: datetime | None
    watching_until: datetime | None
    kept_until: datetime

    @property
    def first(self) -> datetime | None:
        """When they are refused unless something is done; None: they are refused now, for something was never done."""
        ends = (self.agreement_until, self.training_until, self.watching_until, self.kept_until)
        held = [one for one in ends if one is not None]
        return min(held) if len(held) == len(ends) else None

    @property
    def lapsed(self) -> bool:
        """Whether they are refused now."""
        return self.first is None or self.first <= timezone.now()


def lapses(*, actor: Actor) -> list[Standing]:
    """Active staff, those refused now first, then by what ends first: of one's own department, or of the house.

    Raises:
        ActRefused: the role looks after nobody.
    """
    require_act("lapses", actor)
    whole = actor.role in _HOUSE
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.id, s.email, s.name, s.role, d.slug, s.agreement_until, s.training_until, s.watching_until, s.kept_until"
            " from guard_staff s join guard_department d on d.id = s.department_id"
            " where s.is_active and s.role <> 'owner' and (%s or s.department_id = %s) order by s.email",
            [whole, actor.department],
        )
        found = [Standing(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: (not one.lapsed, one.first.timestamp() if one.first else 0.0))


def keep(staff: UUID, *, actor: Actor, kept: bool) -> Standing:
    """Keep somebody's access for another quarter, or take it away; every credential of theirs counts it from now on.

    Raises:
        ActRefused: the role reviews nobody.
        Refused: one's own.
        LookupError: nobody of that id whom the reviewer looks after.
    """
    require_act("keep-access", actor)
    if staff == actor.human:
        raise Refused("house.second-person")
    if staff not in {one.staff for one in lapses(actor=actor)}:
        raise LookupError("staff")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into access_kept (staff, reviewed_by, kept) values (%s, %s, %s)", [staff, actor.human, kept]
        )
        record_act("keep-access", None, actor=actor)
    return standing_of(staff)


def standing_of(staff: UUID) -> Standing:
    """One's own.

    Raises:
        LookupError: nobody of that id.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.id, s.email, s.name, s.role, d.slug, s.agreement_until, s.training_until, s.watching_until, s.kept_until"
            " from guard_staff s join guard_department d on d.id = s.department_id where s.id = %s",
            [staff],
        )
        row = cursor.fetchone()
    if row is None:
        raise LookupError("staff")
    return Standing(*row)
