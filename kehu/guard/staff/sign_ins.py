"""Signing in, and claiming a purpose for a while: the credentials of a person at a screen.

A sign-in is a row of ``actor_state`` without purpose; a claim is another, bound to one purpose and ending by itself.
The session of the browser holds only their ids. Failures are counted per account *and* place, or per known browser, so
that somebody who tries another person's account locks out nobody but themselves.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor, Narrowing
from kehu.guard.gate.acts import ACTS, EVERYBODYS, Refused
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.installation import claims_of
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.freezing import is_frozen
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sessions import IDLE_MINUTES, end_session, note_session
from kehu.guard.staff.step_up import second_factor_wanted
from kehu.guard.staff.tries import digest_of, forget_tries, one_try

SIGNED_IN_FOR: Final = timedelta(hours=12)
CLAIMED_FOR: Final = timedelta(minutes=30)
WAITS_FOR: Final = timedelta(minutes=15)  # a sign-in whose second factor is still asked for
_TRIES: Final = 5
_TRIES_OF_KNOWN_BROWSER: Final = 10
_SALT: Final = "kehu.sign-in"


class SignInRefused(PermissionError):
    """Email or password wrong, or nobody may sign in so: which of them is not said."""


class ClaimRefused(Refused):
    """The role may not claim this purpose; ``policy`` says so."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A purpose claimed for a while."""

    credential: UUID
    purpose: str
    until: datetime
    grant: UUID | None = None
    """The grant that it uses, where it does."""

    @property
    def seconds_left(self) -> int:
        """Whole seconds until it ends."""
        return max(0, int((self.until - timezone.now()).total_seconds()))

    @property
    def clock(self) -> str:
        """Minutes and seconds left."""
        return f"{self.seconds_left // 60:02}:{self.seconds_left % 60:02}"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who sits at the screen, and for which purpose if they claimed one."""

    credential: UUID
    staff: UUID
    email: str
    name: str
    role: str
    department_id: int
    department: str
    agreement_until: datetime | None
    training_until: datetime | None
    claim: Claim | None
    narrowing: Narrowing | None = None
    """What a role of the house leaves of theirs; None: they hold none."""

    @property
    def claims(self) -> frozenset[str]:
        """Purposes they may claim."""
        whole = claims_of(self.role)
        return whole if self.narrowing is None else whole & frozenset(self.narrowing.purposes)

    def may(self, act: str) -> bool:
        """Whether their role does an act at all; what it does is decided where it is done."""
        left = self.narrowing is None or act in EVERYBODYS or act in self.narrowing.acts
        return left and self.role in ACTS[act]

    @property
    def shown_name(self) -> str:
        """What the shell calls them."""
        return self.name or self.email.partition("@")[0]

    @property
    def without_purpose(self) -> Actor:
        """The sign-in itself: what acts are done as that no purpose carries (the office's own)."""
        return Actor(self.credential, self.staff, self.staff, self.role, self.department_id)

    @property
    def actor(self) -> Actor:
        """Whom the gate and the ledger see: the claim's credential, else the sign-in's."""
        if self.claim is None:
            return self.without_purpose
        held = self.claim
        return Actor(
            held.credential, self.staff, self.staff, self.role, self.department_id, held.purpose, grant=held.grant
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a sign-in comes from: the address of the request, the token of the browser, what it calls itself.

    ``language``: the one that its reader chose, empty where they did not say.
    """

    place: str
    browser: str = ""
    agent: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider vouches for of somebody who comes in by single sign-on.

    ``at``: when a second factor that counts here was shown there; None: none was. ``session``: what ends it.
    """

    factor: bool
    at: datetime | None
    session: bytes


def sign_in(email: str, password: str, visit: Visit) -> tuple[UUID, str]:
    """Check a password; returns the new sign-in's credential and the token that lets this browser be known again.

    The token is empty where the second factor is asked for first: see :func:`remember_browser`.

    Where a second factor is asked for, the credential is worth nothing until :mod:`kehu.guard.staff.step_up` has seen it.
    Of the place a keyed digest is kept for a quarter of an hour, and its network as long as the session.

    Raises:
        SignInRefused: email or password wrong, account closed, or one without sign-in.
        TooManyTries: this browser or place tried this account too often.
    """
    account = email.strip().lower()
    known, counted, most = count_of(account, visit)
    with one_try({counted: most}, wrong=(SignInRefused,)):
        staff: Staff | None = Staff.objects.select_related("department").filter(email=account).first()
        if staff is None:
            make_password(password)  # as slow as a wrong password, so that time does not tell accounts apart
        if staff is None or not staff.check_password(password) or not may_come_in(staff):
            raise SignInRefused
    forget_tries(counted)
    return open_sign_in(staff, visit, known=known, counted=counted)


def may_come_in(staff: Staff) -> bool:
    """Whether an account has a sign-in at all, by whatever way."""
    return staff.is_active and staff.role != "owner" and not is_frozen(staff.id)


def count_of(account: str, visit: Visit) -> tuple[str | None, bytes, int]:
    """The browser's own id where it is known, what wrong tries count under, and how many there may be."""
    known = _known_browser(visit.browser, account)
    counted = digest_of(f"browser:{known}" if known else f"place:{account}:{visit.place}")
    return known, counted, _TRIES_OF_KNOWN_BROWSER if known else _TRIES


def open_sign_in(
    staff: Staff, visit: Visit, *, known: str | None, counted: bytes, vouched: Vouched | None = None
) -> tuple[UUID, str]:
    """The credential of somebody who is who they say, and the token of their browser; see :func:`sign_in`."""
    by_provider = vouched is not None and vouched.factor
    credential = uuid.uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select password from guard_staff where id = %s for no key update", [staff.id])
        if vouched is None and cursor.fetchone() != (
            staff.password,
        ):  # changed since it was checked, which ended all others
            raise SignInRefused
        whole = by_provider or not second_factor_wanted(staff)  # one that is being made at this moment counts
        _write(credential, staff.id, purpose=None, until=timezone.now() + (SIGNED_IN_FOR if whole else WAITS_FOR))
        note_session(
            credential, staff.id, place=visit.place, agent=visit.agent, known=known is not None, counted=counted,
            whole=whole,
        )  # fmt: skip
        if not whole:
            cursor.execute("update actor_state set active = false where actor = %s", [credential])
        if vouched is not None:
            cursor.execute(
                "update staff_session set provider_factor = %s, provider_session = %s where credential = %s",
                [by_provider, vouched.session, credential],
            )
        if vouched is not None and vouched.factor and vouched.at is not None:
            cursor.execute(
                "update actor_state set second_factor_at = least(%s, clock_timestamp()) where actor = %s",
                [vouched.at, credential],
            )
        if visit.language and visit.language != staff.language:
            Staff.objects.filter(id=staff.id).update(language=visit.language)
    return credential, remember_browser(staff.email, known) if whole or known else ""


def renew_sign_in(credential: UUID) -> UUID:
    """Another credential in the stead of one that ends, in the caller's transaction: what was confirmed stays so."""
    fresh = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute("select staff, expires_at, second_factor_at from actor_state where actor = %s", [credential])
        staff, until, shown = cursor.fetchone()
        _write(fresh, staff, purpose=None, until=until)
        cursor.execute("update actor_state set second_factor_at = %s where actor = %s", [shown, fresh])
        cursor.execute(
            "insert into staff_session (credential, staff, place, browser, started_at, known, counted, whole_at,"
            " provider_factor, provider_session) select %s, staff, place, browser, started_at, known, counted, whole_at,"
            " provider_factor, provider_session from staff_session where credential = %s",
            [fresh, credential],
        )
    end_session(staff, credential)
    return fresh


def remember_browser(email: str, known: str | None = None) -> str:
    """The token by which a browser is known again for this account: for one that came in whole, not by a password alone."""
    return signing.dumps([known or os.urandom(12).hex(), digest_of(email.lower()).hex()], salt=_SALT)


def signed_in(sign_in_credential: UUID, claim_credential: UUID | None, *, seen: bool = True) -> SignedIn | None:
    """Who a session's credentials stand for as of now; None where the sign-in has ended.

    ``seen``: whoever sits there did something; else the window ends as if nothing had been asked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.actor, f.id, f.email, f.name, f.role, f.department_id, d.slug, f.agreement_until,"
            " f.training_until, c.actor, c.purpose, c.expires_at, c.grant_id,"
            " s.narrowing, t.seen_at < clock_timestamp() - interval '1 minute'"
            " from actor_state s join staff_session t on t.credential = s.actor and t.whole_at is not null"
            " and t.seen_at > clock_timestamp() - make_interval(mins => %s)"
            " join guard_staff f on f.id = s.staff join guard_department d on d.id = f.department_id"
            " left join actor_state c on c.actor = %s and c.staff = s.staff and c.purpose is not null"
            " and c.revoked_at is null and c.expires_at > clock_timestamp()"
            " where s.actor = %s and s.purpose is null and s.active and f.is_active and s.revoked_at is null"
            " and s.expires_at > clock_timestamp()",
            [IDLE_MINUTES, claim_credential, sign_in_credential],
        )
        row = cursor.fetchone()
        if row is None:
            return None
        *told, stale = row
        if stale and seen:
            # once a minute at most: a page that is looked at writes nothing else
            cursor.execute(
                "update staff_session set seen_at = clock_timestamp() where credential = %s", [sign_in_credential]
            )
    credential, staff, email, name, role, unit, department, agreement, training = told[:9]
    claimed, purpose, until, grant, left = told[9:]
    claim = Claim(claimed, name_of(PURPOSES, purpose), until, grant) if claimed else None
    narrowing = Narrowing.parse(left) if left is not None else None
    return SignedIn(credential, staff, email, name, role, unit, department, agreement, training, claim, narrowing)


def claim_purpose(who: SignedIn, purpose: str) -> Claim:
    """Bind the sign-in to one purpose for half an hour; what it was bound to before ends. In the ledger.

    Raises:
        ClaimRefused: the role may not claim it.
    """
    if purpose not in claims_of(who.role):
        raise ClaimRefused(DEFAULT_DENY)
    if purpose not in who.claims:
        raise ClaimRefused("house.custom-role")
    credential, until = uuid.uuid4(), timezone.now() + CLAIMED_FOR
    with transaction.atomic():
        if who.claim:
            _revoke(who.claim.credential)
        _write(credential, who.staff, purpose=PURPOSES[purpose], until=until)
        bind_claim(credential, who.credential)
        actor = Actor(credential, who.staff, who.staff, who.role, who.department_id, purpose)
        record_act("claim", None, actor=actor, purpose=PURPOSES[purpose])
    return Claim(credential, purpose, until)


def leave_purpose(who: SignedIn) -> None:
    """End the claim in force, if there is one."""
    if who.claim:
        _revoke(who.claim.credential)


def sign_out(who: SignedIn) -> None:
    """End the sign-in and what it claimed: from the next statement on, neither opens anything."""
    with transaction.atomic():
        leave_purpose(who)
        end_session(who.staff, who.credential)


def _write(credential: UUID, staff: UUID, *, purpose: int | None, until: datetime) -> None:
    """A credential with the facts of the person as they stand now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into actor_state (actor, staff, human, role, department, active, agreement_until, training_until,"
            " purpose, expires_at) select %s, f.id, f.id, f.role, f.department_id, f.is_active, f.agreement_until,"
            " f.training_until, %s, %s from guard_staff f where f.id = %s",
            [credential, purpose, until, staff],
        )


def bind_claim(claim: UUID, sign_in: UUID) -> None:
    """Tie a claim to its sign-in: it ends with it, and what was confirmed there counts here as long."""
    with connection.cursor() as cursor:
        cursor.execute("update staff_session set claim = %s where credential = %s", [claim, sign_in])
        cursor.execute(
            "update actor_state c set second_factor_at = s.second_factor_at, expires_at = least(c.expires_at, s.expires_at)"
            " from actor_state s where c.actor = %s and s.actor = %s",
            [claim, sign_in],
        )


def _revoke(credential: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set revoked_at = clock_timestamp() where actor = %s and revoked_at is null",
            [credential],
        )


def _known_browser(token: str, account: str) -> str | None:
    """The browser's own id, where it carries a token of ours for this account."""
    try:
        browser, owner = signing.loads(token, salt=_SALT, max_age=365 * 86400)
    except (signing.BadSignature, ValueError):
        return None
    return str(browser) if constant_time_compare(str(owner), digest_of(account).hex()) else None
