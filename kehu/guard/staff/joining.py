"""Links by which a password is chosen: good once, for a day, shown once, handed over in person; nobody resets theirs by mail.

The owner makes them for everybody, the privacy office for all below the offices, a manager for those of their department
who never came in; nobody for themselves, an equal or a higher office. The database refuses what this module would let by.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS, Refused, require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.guard.staff.notices import tell_later
from kehu.guard.staff.step_up import require_step_up

LINK_LASTS: Final = timedelta(days=1)
_RANKS: Final = {"manager": 1, "privacy": 2, "legal": 2, "auditor": 2, "owner": 3}  # of offices; others are 0
_DEPARTMENT: Final = frozenset({"manager"})  # who looks after their own department alone


class LinkRefused(PermissionError):
    """A link that is unknown, used, over, or of an account that is closed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose way in another one looks after. ``link_until``: the end of a link that was not used yet.

    ``may_link``: the one who looks may make a link for them.
    """

    staff: UUID
    email: str
    name: str
    role: str
    department_id: int
    department: str
    joined_at: datetime | None
    link_until: datetime | None
    allowed_at: datetime | None
    linked_at: datetime | None
    may_link: bool


def people(*, actor: Actor) -> list[Person]:
    """Active accounts whose ways in the actor looks after, those who never came in first.

    Raises:
        ActRefused: the role looks after nobody's.
    """
    require_act("invite", actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select f.id, f.email, f.name, f.role, f.department_id, d.slug, f.joined_at,"
            " (select max(l.until) from staff_link l where l.staff = f.id and l.used_at is null"
            " and l.until > clock_timestamp()), o.allowed_at, o.linked_at from guard_staff f"
            " join guard_department d on d.id = f.department_id left join staff_sign_on o on o.staff = f.id"
            " where f.is_active and f.role <> 'owner' and f.id <> %s and (%s or f.department_id = %s)"
            " order by f.joined_at is not null, f.email",
            [actor.human, actor.role not in _DEPARTMENT, actor.department],
        )
        rows = cursor.fetchall()
    whole = actor.role not in _DEPARTMENT
    seen = [row for row in rows if whole or _rank(row[3]) < _rank(actor.role)]
    return [Person(*row, *[_may_link(actor, row[3], row[4], joined=row[6] is not None)]) for row in seen]


def make_link(staff: UUID, *, actor: Actor) -> tuple[str, datetime]:
    """The secret of a new link for an account, to be shown once, and its end; older links are void. In the ledger.

    Raises:
        ActRefused: the role makes none.
        Refused: for oneself, an equal or a higher office, or, by a manager, for somebody who has come in before; or the
            second factor was not shown lately.
        LookupError: nobody of that id, or of another department.
    """
    require_act("invite", actor)
    require_step_up(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select role, department_id, joined_at is not null from guard_staff where id = %s and is_active", [staff]
        )
        row = cursor.fetchone()
    if row is None or (actor.role in _DEPARTMENT and row[1] != actor.department):
        raise LookupError("staff")
    refused = "house.second-person" if staff == actor.human else "house.act"
    if staff == actor.human or not _may_link(actor, row[0], row[1], joined=row[2]):
        with transaction.atomic():
            record_act("invite", None, actor=actor, detail=staff, refused_by=refused)
        raise Refused(refused)
    secret, until = secrets.token_urlsafe(24), timezone.now() + LINK_LASTS
    with transaction.atomic(), connection.cursor() as cursor:
        void_links(staff)
        cursor.execute(
            "insert into staff_link (digest, staff, until, made_by) values (%s, %s, %s, %s)",
            [_digest(secret), staff, until, actor.human],
        )
        record_act("invite", None, actor=actor, detail=staff)
        tell_later(staff, "link-made")
    return secret, until


def look_at_link(secret: str) -> str:
    """Whose link it is: the email.

    Raises:
        LinkRefused: none that is good.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select f.email from staff_link l join guard_staff f on f.id = l.staff and f.is_active"
            " where l.digest = %s and l.used_at is null and l.until > clock_timestamp()",
            [_digest(secret)],
        )
        row = cursor.fetchone()
    if row is None:
        raise LinkRefused("link")
    return str(row[0])


def void_links(staff: UUID) -> None:
    """Let no link of an account open anything any more."""
    with connection.cursor() as cursor:
        cursor.execute("delete from staff_link where staff = %s", [staff])


@transaction.atomic
def set_by_link(secret: str, password: str) -> None:
    """Choose the password; the link is used up, and every session and token of the account ends.

    Raises:
        LinkRefused: none that is good.
        ValidationError: too short, too common, like the email, or known from a breach; the link stays good.
    """
    staff = Staff.objects.get(email=look_at_link(secret))
    validate_password(password, staff)
    with connection.cursor() as cursor:
        cursor.execute(
            "update staff_link set used_at = clock_timestamp() where digest = %s and used_at is null", [_digest(secret)]
        )
        if not cursor.rowcount:
            raise LinkRefused("link")
    staff.set_password(password)
    staff.save(update_fields=["password"])
    tell_later(staff.id, "password-changed")


def _may_link(actor: Actor, role: str, department: int, *, joined: bool) -> bool:
    if actor.role not in ACTS["invite"] or _rank(role) >= _rank(actor.role):
        return False
    return actor.role not in _DEPARTMENT or (department == actor.department and not joined)


def _rank(role: str) -> int:
    return _RANKS.get(role, 0)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
