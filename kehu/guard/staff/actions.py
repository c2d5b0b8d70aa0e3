"""Staff and their credentials: who may ask at all. What the gate reads of them is ``actor_state``, kept here."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.slugs import PURPOSES, ROLES, name_of
from kehu.guard.gate.actor import Actor, Outside
from kehu.guard.gate.sending import at_once
from kehu.guard.staff.joining import void_links
from kehu.guard.staff.models import Department, Staff
from kehu.guard.staff.notices import tell_later
from kehu.guard.staff.second_factor import check_code

ATTESTED_FOR: Final = timedelta(days=30)
OWNER_EMAIL: Final = "owner@home"
_BY_CREDENTIAL: Final = """
select a.staff, a.human, s.role, s.department_id, a.purpose, o.id, o.recipient, o.recipient_kind, o.country, a.grant_id
from actor_state a join guard_staff s on s.id = a.staff and s.is_active
    left join outside_token o on o.credential = a.actor
where a.actor = $1 and a.active and a.purpose is not null and a.revoked_at is null and a.expires_at > clock_timestamp()
"""


class UnknownStaff(LookupError):
    """Nobody of that email works here."""


class TokenRefused(PermissionError):
    """A token that is unknown, expired or revoked."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A new account's way in; the password is shown once and kept only as an Argon2 hash.

    ``totp_secret``: the second factor's, in base32, where one was made with it.
    """

    email: str
    password: str
    totp_secret: str = ""


def ensure_owner() -> Staff:
    """The home's owner as a row of staff: role ``owner``, no sign-in. Idempotent."""
    department, _ = Department.objects.get_or_create(slug="owner")
    staff: Staff
    staff, made = Staff.objects.get_or_create(email=OWNER_EMAIL, defaults={"role": "owner", "department": department})
    if made:
        staff.set_unusable_password()
        staff.save(update_fields=["password"])
    # Written once: a row that an import holds FOR SHARE would keep every command waiting for its chunk.
    with connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from actor_state where actor = %s and active)", [staff.id])
        [stands] = cursor.fetchone()
    if not stands:
        _write_credential(staff.id, staff, until=None)
    return staff


def owner_actor() -> Actor:
    """The owner at the command line: the root of trust of this home (THREAT_MODEL)."""
    return _actor(ensure_owner())


@transaction.atomic
def add_staff(*, email: str, role: str, department: str | None, attest: bool) -> tuple[Staff, SignIn]:
    """Make an account; ``attest`` has the owner vouch for agreement and training for 30 days.

    Raises:
        ValueError: no such role, or the email is taken.
    """
    if role not in ROLES or role == "owner":
        raise ValueError(f"role: one of {', '.join(ROLES[:-1])}")
    try:
        validate_email(email)
    except ValidationError:
        raise ValueError("email: an address as li@shop.example") from None
    if Staff.objects.filter(email__iexact=email).exists():
        raise ValueError("email: an account of this address is here already")
    unit, _ = Department.objects.get_or_create(slug=department or role)
    until = timezone.now() + ATTESTED_FOR if attest else None
    staff = Staff(email=email.lower(), role=role, department=unit, agreement_until=until, training_until=until)
    password = secrets.token_urlsafe(15)
    staff.set_password(password)
    staff.save()
    staff.refresh_from_db()  # the row's own trigger shortens what a text in sight will end
    _write_credential(staff.id, staff, until=None)
    return staff, SignIn(staff.email, password)


@transaction.atomic
def renew_password(email: str) -> SignIn:
    """Give an account a new password, shown once; sessions under the old one end, and so does a link to another.

    Raises:
        UnknownStaff: nobody of that email.
    """
    staff = Staff.objects.filter(email__iexact=email).first()
    if staff is None:
        raise UnknownStaff(email)
    password = secrets.token_urlsafe(15)
    staff.set_password(password)
    staff.save(update_fields=["password"])
    void_links(staff.id)
    return SignIn(staff.email, password)


def actor_of(email: str) -> Actor:
    """The standing credential of an account.

    Raises:
        UnknownStaff: nobody of that email.
    """
    try:
        return _actor(Staff.objects.select_related("department").get(email__iexact=email))
    except Staff.DoesNotExist:
        raise UnknownStaff(email) from None


@transaction.atomic
def issue_token(*, email: str, purpose: str, minutes: int, code: str | None = None) -> tuple[str, datetime]:
    """A token for one purpose, shown once, kept as a digest; returns it and its end.

    The person in whose name it asks is told by mail. ``code`` is a current code of the account's second factor: the token's
    first ten minutes open sensitive fields.

    Raises:
        UnknownStaff: nobody of that email.
        NotEnrolled: a code was given, and the account has no second factor.
        CodeRefused: the code is wrong or was used.
        ValueError: no such purpose, or a term outside 1 minute to 12 hours.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    if not 1 <= minutes <= 720:
        raise ValueError("minutes: 1 to 720")
    try:
        staff = Staff.objects.select_related("department").get(email__iexact=email)
    except Staff.DoesNotExist:
        raise UnknownStaff(email) from None
    if code is not None:
        check_code(staff.id, code)
    text = "kehu_" + secrets.token_urlsafe(32)
    until = timezone.now() + timedelta(minutes=minutes)
    _write_credential(credential_of(text), staff, until=until, purpose=PURPOSES[purpose])
    if code is not None:
        confirm_second_factor(credential_of(text))
    tell_later(staff.id, "token-issued")
    return text, until


def confirm_second_factor(credential: UUID) -> None:
    """Note that the second factor of a credential was checked now; it counts for ten minutes."""
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set second_factor_at = clock_timestamp() where actor = %s", [credential])


def actor_of_token(text: str) -> Actor:
    """Whom a token acts for, and who outside gets its answers, where it was issued for a recipient there.

    Raises:
        TokenRefused: unknown, expired or revoked.
    """
    credential = credential_of(text)
    connection.ensure_connection()
    with connection.wrap_database_errors:
        found = at_once(connection.connection, _BY_CREDENTIAL, [credential])
    if not found:
        raise TokenRefused("token")
    [(staff, human, role, department, purpose, *there, grant)] = found
    outside = Outside(*there) if there[0] is not None else None
    return Actor(credential, staff, human, role, department, name_of(PURPOSES, purpose), outside, grant)


def credential_of(text: str) -> UUID:
    """A token's row: half of its SHA-256, so that the table holds nothing that could be used."""
    return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16])


def _actor(staff: Staff) -> Actor:
    return Actor(staff.id, staff.id, staff.id, staff.role, staff.department_id)


def _write_credential(credential: UUID, staff: Staff, *, until: datetime | None, purpose: int | None = None) -> None:
    # the owner vouches for everybody else, and for nobody is there to vouch for the owner
    vouched: Any = "infinity" if staff.role == "owner" else None
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into actor_state (actor, staff, human, role, department, active, agreement_until, training_until,"
            " purpose, expires_at) values (%s, %s, %s, %s, %s, %s, coalesce(%s::timestamptz, %s),"
            " coalesce(%s::timestamptz, %s), %s, %s) on conflict (actor) do update set role = excluded.role,"
            " department = excluded.department, active = excluded.active, agreement_until = excluded.agreement_until,"
            " training_until = excluded.training_until",
            [
                credential, staff.id, staff.id, staff.role, staff.department_id, staff.is_active, vouched,
                staff.agreement_until, vouched, staff.training_until, purpose, until,
            ],
        )  # fmt: skip
