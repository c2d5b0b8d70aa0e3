"""A customer's own credential: a row of ``actor_state`` bound to one origin subject, one purpose and half an hour.

That it opens nobody else's data is not left to who holds it: the checked read and ``record_act`` compare.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import CUSTOMER, PURPOSES
from kehu.guard.gate.actor import SHOWN_LATELY_SQL, Actor
from kehu.guard.guests.matching import FACTS
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Department

SIGNED_IN_SECONDS: Final = 1800
PURPOSE: Final = "rights-request"
_SWEPT: Final = 20


class NotSignedIn(PermissionError):
    """No such credential, or it has ended."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A signed-in customer: the credential, the origin subject it is bound to, and how long it still holds."""

    actor: Actor
    subject: UUID
    seconds: int
    confirmed: bool

    @property
    def covered(self) -> frozenset[str]:
        """Fields of which :meth:`covers` is true: so they are asked for masked, and the ledger says what was shown."""
        return frozenset() if self.confirmed else frozenset(FACTS)

    def covers(self, field: str) -> bool:
        """Whether a value stays covered because naming it is the second fact, which was not given yet."""
        return field in self.covered


@dataclass(frozen=True, slots=True)
class SignIn:
    """A new sign-in; ``secret`` goes to the browser's cookie and is not kept."""

    secret: str = field(repr=False)
    guest: Guest


@transaction.atomic
def sign_in(subject: UUID, *, code: UUID | None = None, confirmed: bool = False) -> SignIn:
    """Open a customer's own door, with its row in the ledger; ``code`` is the passed request, spent by this.

    ``confirmed``: a second fact was given with it.

    Raises:
        NotSignedIn: the request was spent already.
    """
    secret = secrets.token_urlsafe(32)
    credential = _credential_of(secret)
    department, _ = Department.objects.get_or_create(slug=CUSTOMER)
    with connection.cursor() as cursor:
        if code is not None:
            cursor.execute(
                "update guest_code set used_at = clock_timestamp(), credential = %s where id = %s and used_at is null",
                [credential, code],
            )
            if not cursor.rowcount:
                raise NotSignedIn("code")
        # the human behind it is the credential itself: a leaf of the ledger names no customer
        cursor.execute(
            "insert into actor_state (actor, staff, human, role, department, purpose, expires_at, subject,"
            " second_factor_at) values (%s, %s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s,"
            " case when %s then clock_timestamp() end)",
            [
                credential, credential, credential, CUSTOMER, department.id, PURPOSES[PURPOSE], SIGNED_IN_SECONDS, subject,
                confirmed,
            ],
        )  # fmt: skip
        cursor.execute(
            "delete from actor_state where actor in (select actor from actor_state where subject is not null"
            f" and expires_at < clock_timestamp() - interval '1 day' limit {_SWEPT})"
        )
    actor = _actor(credential, department.id)
    record_act("portal", subject, actor=actor, purpose=PURPOSES[PURPOSE])
    return SignIn(secret, Guest(actor, subject, SIGNED_IN_SECONDS, confirmed))


def guest_actor(subject: UUID) -> Actor:
    """A credential of this customer's own."""
    return sign_in(subject).guest.actor


def guest_of(secret: str) -> Guest:
    """Who is signed in with this secret.

    Raises:
        NotSignedIn: unknown, ended or signed out; or the customer is not here any more.
    """
    credential = _credential_of(secret)
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.department, a.subject, extract(epoch from a.expires_at - clock_timestamp())::int,"
            f" {SHOWN_LATELY_SQL} from actor_state a"
            " join subject_state s on s.subject = a.subject and not s.hidden where a.actor = %s and a.active"
            " and a.revoked_at is null and a.expires_at > clock_timestamp()",
            [credential],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotSignedIn("credential")
    department, subject, seconds, confirmed = row
    return Guest(_actor(credential, department), subject, seconds, confirmed)


def sign_out(actor: Actor) -> None:
    """End a credential; the next read with it is denied."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set revoked_at = clock_timestamp() where actor = %s and revoked_at is null",
            [actor.credential],
        )


def _credential_of(secret: str) -> UUID:
    return UUID(bytes=hashlib.sha256(b"guest\x1f" + secret.encode()).digest()[:16])


def _actor(credential: UUID, department: int) -> Actor:
    return Actor(credential, credential, credential, CUSTOMER, department, PURPOSE)
