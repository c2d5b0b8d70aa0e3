"""Another post, or none: what ends with it, who wanted it and who let it, and when the name of who left is forgotten.

That everything of the last post ends in one transaction, and nothing while its holder still owns something, is the
database's (migration 0025); what is handed over stands in :mod:`kehu.serve.office.posts`, which reaches further up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, connection, transaction

from kehu.govern.slugs import ROLES
from kehu.guard.access.roles import in_force
from kehu.guard.staff.models import Department, Staff
from kehu.vault.ids import new_id

KINDS: Final = ("move", "close", "reopen")
_COLUMNS: Final = (
    "id", "staff", "kind", "role", "house_role", "department", "taker", "at_once", "asked_by", "asked_at", "decided_at",
    "done",
)  # fmt: skip
_LONGEST_SLUG: Final = 40


class UnknownChange(LookupError):
    """No change of a post of that id."""


class ChangeOver(RuntimeError):
    """It was decided before; or another change of the same person waits."""


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody is here: their role, the role of the house that narrows it (empty: none), their department."""

    role: str
    house_role: str
    department: str

    @classmethod
    def named(cls, role: str, department: str) -> Post:
        """By a shipped role or one of the house; without a department, the role's own name.

        Raises:
            ValueError: no such role, or no slug.
        """
        try:
            validate_slug(department or role)
        except ValidationError:
            raise ValueError("department: letters, digits and hyphens") from None
        if len(department or role) > _LONGEST_SLUG:
            raise ValueError(f"department: up to {_LONGEST_SLUG} characters")
        if role in ROLES and role != "owner":
            return cls(role, "", department or role)
        held = in_force(role)
        if held is None:
            raise ValueError(f"role: one of {', '.join(ROLES[:-1])}, or one of the house in force")
        return cls(held.base, held.name, department or held.base)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the staff with their post. ``closed_at``: since when nobody signs in as them; ``retires``: the day their
    name and address go, None while they are here."""

    id: UUID
    email: str
    name: str
    post: Post
    active: bool
    closed_at: datetime | None

    @property
    def retires(self) -> datetime | None:
        """When what names them is forgotten: with the last rows of the ledger that they may stand in."""
        return self.closed_at + timedelta(days=settings.LEDGER_DAYS) if self.closed_at else None


@dataclass(frozen=True, slots=True)
class Ends:
    """What a person holds that ends with their post: how many of each."""

    sessions: int
    tokens: int
    outside_tokens: int
    grants: int
    passkeys: int
    recovery_codes: int
    second_factor: int
    duty: int
    lists: int


@dataclass(frozen=True, slots=True)
class PostChange:
    """A change of somebody's post as it stands; ``taker`` takes over, ``at_once`` does not wait for one.

    ``email`` is of whom it is about, ``asked_email`` of who wanted it, ``by`` of who decided.
    """

    id: UUID
    staff: UUID
    kind: str
    post: Post | None
    taker: UUID | None
    at_once: bool
    asked_by: UUID
    asked_at: datetime
    decided_at: datetime | None
    done: bool | None
    email: str
    taker_email: str
    asked_email: str
    by: str

    @property
    def state(self) -> str:
        """``waiting``, ``done`` or ``refused``."""
        return "waiting" if self.done is None else "done" if self.done else "refused"


def people(*, department: int | None = None) -> list[Person]:
    """Everybody, those who are here first; of one department, or of the house."""
    return _people("s.role <> 'owner' and (%s::int is null or s.department_id = %s)", [department, department])


def person_of(staff: UUID) -> Person:
    """One of them.

    Raises:
        LookupError: nobody of that id.
    """
    found = _people("s.id = %s", [staff])
    if not found:
        raise LookupError("staff")
    return found[0]


def ends_of(staff: UUID) -> Ends:
    """What would end now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from staff_session t join actor_state a on a.actor = t.credential"
            "  and a.revoked_at is null and a.expires_at > clock_timestamp() where t.staff = s.id),"
            " (select count(*) from actor_state a where a.staff = s.id and a.actor <> s.id and a.revoked_at is null"
            "  and a.expires_at > clock_timestamp() and not exists (select 1 from staff_session t"
            "  where a.actor in (t.credential, t.claim)) and not exists (select 1 from outside_token o"
            "  where o.credential = a.actor)),"
            " (select count(*) from outside_token o join actor_state a on a.actor = o.credential and a.revoked_at is null"
            "  and a.expires_at > clock_timestamp() where o.staff = s.id),"
            " (select count(*) from access_grant g where g.staff = s.id and g.ended_at is null"
            "  and (g.approved is null or (g.approved and g.until > clock_timestamp()))),"
            " (select count(*) from staff_passkey k where k.staff = s.id),"
            " (select count(*) from staff_recovery_code c where c.staff = s.id and c.used_at is null),"
            " (s.totp is not null)::int, (s.duty_from is not null or s.place <> '')::int,"
            " (select count(*) from leaving l where l.asked_by = s.id and l.ran_at is null and l.ended_at is null"
            "  and l.approved is not false and l.asked_at > clock_timestamp() - interval '24 hours')"
            " from guard_staff s where s.id = %s",
            [staff],
        )
        return Ends(*cursor.fetchone())


def take_up_post(staff: UUID, post: Post) -> None:
    """Put somebody on a post, opening a closed account anew; what was right for the last one ends, in the caller's
    transaction.

    Raises:
        IntegrityError: they still own something, or the account may not go over to that duty.
    """
    unit, _ = Department.objects.get_or_create(slug=post.department)
    _write(
        "role = %s, house_role = %s, department_id = %s, is_active = true",
        [post.role, post.house_role or None, unit.id],
        staff,
    )


def close_account(staff: UUID) -> None:
    """Let nobody in as them any more; the row stays, for the ledger names it.

    Raises:
        IntegrityError: they still own something.
    """
    _write("is_active = false", [], staff)


def note_change(
    kind: str, staff: UUID, post: Post | None, *, taker: UUID | None, at_once: bool, by: UUID
) -> PostChange:
    """Write down that somebody wants it.

    Raises:
        ChangeOver: another change of this person waits.
    """
    id = new_id()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "insert into post_change (id, staff, kind, role, house_role, department, taker, at_once, asked_by)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    id, staff, kind, post.role if post else None, (post.house_role or None) if post else None,
                    post.department if post else None, taker, at_once, by,
                ],
            )  # fmt: skip
    except IntegrityError:
        raise ChangeOver(kind) from None
    return change_of(id)


def settle_change(id: UUID, *, by: UUID, done: bool) -> None:
    """Write down that it was done, or not let.

    Raises:
        ChangeOver: it was decided before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "update post_change set decided_by = %s, done = %s where id = %s and done is null", [by, done, id]
        )
        if not cursor.rowcount:
            raise ChangeOver(str(id))


def change_of(id: UUID) -> PostChange:
    """One change.

    Raises:
        UnknownChange: there is none of that id.
    """
    found = changes("c.id = %s", [id])
    if not found:
        raise UnknownChange(str(id))
    return found[0]


def changes(which: str = "c.done is null", values: list[Any] | None = None) -> list[PostChange]:
    """Those that wait, or others; the newest first. Of those that are over the newest hundred of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(f'c.{name}' for name in _COLUMNS)}, s.email, coalesce(t.email, ''), a.email,"
            " coalesce(d.email, '') from post_change c join guard_staff s on s.id = c.staff"
            " join guard_staff a on a.id = c.asked_by left join guard_staff t on t.id = c.taker"
            f" left join guard_staff d on d.id = c.decided_by where {which} order by c.done is not null, c.asked_at desc"
            " limit 100 + (select count(*) from post_change w where w.done is null)",
            values or [],
        )
        return [
            PostChange(id, staff, kind, Post(role, house or "", unit) if role else None, *rest)
            for id, staff, kind, role, house, unit, *rest in cursor.fetchall()
        ]


def forget_who_left() -> int:
    """Put a number in the place of name and address of whoever left longer ago than the ledger keeps a row's body.

    Until then the rows that name them can be asked about, by the office and by themselves; afterwards nothing here needs to
    know who they were (GDPR 5(1)(e), PIPL 19). Returns how many.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "update guard_staff set name = '', email = 'left-' || replace(id::text, '-', '') || '@staff.invalid'"
            " where not is_active and closed_at < clock_timestamp() - make_interval(days => %s)"
            " and email not like 'left-%%@staff.invalid'",
            [settings.LEDGER_DAYS],
        )
        return int(cursor.rowcount)


def _write(what: str, values: list[Any], staff: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"update guard_staff set {what} where id = %s and role <> 'owner'", [*values, staff])
        if not cursor.rowcount:
            raise LookupError("staff")


def _people(which: str, values: list[Any]) -> list[Person]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.id, s.email, s.name, s.role, coalesce(s.house_role, ''), d.slug, s.is_active, s.closed_at"
            f" from guard_staff s join guard_department d on d.id = s.department_id where {which}"
            " order by s.is_active desc, s.email",
            values,
        )
        return [
            Person(id, email, name, Post(role, house, unit), active, closed)
            for id, email, name, role, house, unit, active, closed in cursor.fetchall()
        ]


def is_staff(id: UUID) -> bool:
    """Whether an active person has that id."""
    return bool(Staff.objects.filter(id=id, is_active=True).exists())
