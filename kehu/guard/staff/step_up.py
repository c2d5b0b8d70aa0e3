"""The second factor of a session: who must have one, whether it was shown lately, and showing it.

A sign-in whose password was right waits here until the factor is shown or, the first time, made. Later the same page
confirms it again: it counts for ten minutes, for the sign-in and for the purpose claimed under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.gate.actor import SHOWN_LATELY_SQL, Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.installation import claims_of, installation
from kehu.guard.staff import passkeys, recovery
from kehu.guard.staff.grace import grace_ends
from kehu.guard.staff.models import Staff
from kehu.guard.staff.notices import tell_later
from kehu.guard.staff.second_factor import CodeRefused, NotEnrolled, check_code, take_up
from kehu.guard.staff.sessions import end_all, end_unproven
from kehu.guard.staff.tries import digest_of, one_try

STEP_UP: Final = "house.step-up"
COMPULSORY_FROM_LEVEL: Final = 3
_TRIES: Final = 5
_TRIES_OF_STRANGERS: Final = 50  # for one account, from all browsers together that it never used


class LastFactor(PermissionError):
    """The last second factor of an account whose role may not be without one."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whose password was right, and whose second factor is asked for; or who confirms it again.

    ``made``: they have a factor to show; else they make their first one now. ``whole``: they are in already.
    ``provider``: the provider's second factor let them in, and can confirm it again.
    """

    credential: UUID
    staff: UUID
    email: str
    role: str
    made: bool
    whole: bool
    provider: bool = False


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account can show; codes alone are no factor, they stand in for a lost one."""

    totp: bool
    passkeys: int
    codes: int

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.totp or self.passkeys > 0


def factors_of(staff: UUID) -> Factors:
    """An account's second factors."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select f.totp is not null, (select count(*) from staff_passkey p where p.staff = f.id),"
            " (select count(*) from staff_recovery_code r where r.staff = f.id and r.used_at is null)"
            " from guard_staff f where f.id = %s",
            [staff],
        )
        row = cursor.fetchone()
    return Factors(*row) if row else Factors(False, 0, 0)


def compulsory(role: str) -> bool:
    """Whether a purpose the role may claim shows a field of level 3 or above."""
    rules = installation().rules
    return any(
        rules.dictionary.field(name).level >= COMPULSORY_FROM_LEVEL
        for slug in claims_of(role)
        for name in rules.purposes[slug].least
    )


def second_factor_wanted(staff: Staff) -> bool:
    """Whether a sign-in of this account waits for a second factor: it has one, or its role may not be without.

    Until the day that :mod:`kehu.guard.staff.grace` knows nobody who has none yet is made to get one.
    """
    if factors_of(staff.id).any:
        return True
    until = grace_ends()
    return (until is None or timezone.now() >= until) and compulsory(staff.role)


def waiting(credential: UUID) -> Waiting | None:
    """Who a sign-in belongs to, waiting or whole; None where it has ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.actor, f.id, f.email, f.role, f.totp is not null or exists"
            " (select 1 from staff_passkey p where p.staff = f.id), t.whole_at is not null,"
            " t.whole_at is not null and t.provider_factor from actor_state s join staff_session t on t.credential = s.actor"
            " join guard_staff f on f.id = s.staff and f.is_active where s.actor = %s and s.revoked_at is null"
            " and s.expires_at > clock_timestamp()",
            [credential],
        )
        row = cursor.fetchone()
    return Waiting(*row) if row else None


def confirm_code(who: Waiting, code: str) -> None:
    """Show a code of the authenticator or, in its stead, a recovery code.

    Raises:
        CodeRefused: wrong, or used before.
        NotEnrolled: the account has no authenticator.
        TooManyTries: too many wrong ones from this browser or place, or from all browsers unknown to the account.
    """
    with one_try(_counted(who), wrong=(CodeRefused, NotEnrolled)):
        if recovery.is_recovery_code(code):
            with transaction.atomic():
                recovery.use_code(who.staff, code)
                tell_later(who.staff, "recovery-used")
        else:
            check_code(who.staff, code)
    _confirmed(who.credential)


def confirm_passkey(who: Waiting, answer: str, *, host: str) -> None:
    """Show a passkey.

    Raises:
        CodeRefused: it is not one of the account's, or answers another challenge.
    """
    passkeys.check_passkey(who.credential, who.staff, answer, host=host)
    _confirmed(who.credential)


def confirm_by_provider(who: Waiting) -> None:
    """The provider showed a second factor of theirs just now: :mod:`kehu.guard.staff.sign_on` has checked that.

    Raises:
        Refused: the sign-in did not come by the provider's second factor.
    """
    if not who.provider:
        raise Refused(STEP_UP)
    _confirmed(who.credential)


@transaction.atomic
def add_totp(who: Waiting, code: str) -> None:
    """Take up the authenticator whose secret was offered.

    The first factor ends every other window that a password alone had opened.

    Raises:
        Refused: there is a factor already, and it was not shown lately.
        CodeRefused: the code is not of that secret.
    """
    _may_change(who)
    first = not factors_of(who.staff).any
    take_up(who.staff, who.credential, code)
    if first:
        _first_made(who)
    tell_later(who.staff, "authenticator-added")
    _confirmed(who.credential)


def add_passkey(who: Waiting, answer: str, *, name: str, host: str) -> None:
    """Take up a passkey made now.

    The first factor ends every other window that a password alone had opened.

    Raises:
        Refused: there is a factor already, and it was not shown lately.
        CodeRefused: it does not answer what was asked.
    """
    _may_change(who)
    first = not factors_of(who.staff).any
    passkeys.add_passkey(who.credential, who.staff, answer, name=name, host=host)
    if first:
        _first_made(who)
    _confirmed(who.credential)


@transaction.atomic
def new_recovery_codes(who: Waiting) -> list[str]:
    """Ten new codes.

    Raises:
        Refused: the factor was not shown lately, or there is none yet that they could stand in for.
    """
    Staff.objects.select_for_update().get(id=who.staff)  # a factor that is being made at this moment counts
    first = not who.provider and not factors_of(who.staff).any
    if first or not shown_lately(who.credential):
        raise Refused(STEP_UP)
    tell_later(who.staff, "recovery-made")
    return recovery.new_codes(who.staff)


@transaction.atomic
def remove_factor(who: Waiting, *, passkey: str | None) -> None:
    """Forget a passkey or, with None, the authenticator.

    Raises:
        Refused: not shown lately.
        LastFactor: the role may not be without one.
    """
    _may_change(who)
    held = Staff.objects.select_for_update().get(id=who.staff)
    if passkey is not None:
        if passkeys.remove_passkey(who.staff, passkey):
            tell_later(who.staff, "passkey-removed")
    elif held.totp is not None:
        held.totp = held.totp_step = held.totp_pending = None
        held.save(update_fields=["totp", "totp_step", "totp_pending"])
        tell_later(who.staff, "authenticator-removed")
    if not factors_of(who.staff).any:
        if compulsory(held.role):
            raise LastFactor("second factor")
        recovery_gone(who.staff)


@transaction.atomic
def void_factors(staff: UUID) -> None:
    """Void every second factor of an account that lost them: the next sign-in makes a new one, all sessions end."""
    Staff.objects.filter(id=staff).update(totp=None, totp_step=None, totp_pending=None)
    recovery_gone(staff)
    with connection.cursor() as cursor:
        cursor.execute("delete from staff_passkey where staff = %s", [staff])
    end_all(staff)
    tell_later(staff, "factors-void")


def recovery_gone(staff: UUID) -> None:
    """Void all recovery codes."""
    with connection.cursor() as cursor:
        cursor.execute("delete from staff_recovery_code where staff = %s", [staff])


def shown_lately(credential: UUID) -> bool:
    """Whether this credential's second factor was shown within ten minutes."""
    with connection.cursor() as cursor:
        cursor.execute(f"select {SHOWN_LATELY_SQL} from actor_state where actor = %s", [credential])
        row = cursor.fetchone()
    return bool(row and row[0])


def needs_step_up(actor: Actor) -> bool:
    """Whether somebody who has a second factor, here or at the provider they came in by, has to show it again first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select (exists (select 1 from guard_staff f where f.id = %s and (f.totp is not null or exists"
            " (select 1 from staff_passkey p where p.staff = f.id))) or exists (select 1 from staff_session t"
            " where t.staff = %s and t.provider_factor and %s in (t.credential, t.claim))) and not exists"
            f" (select 1 from actor_state where actor = %s and {SHOWN_LATELY_SQL})",
            [actor.human, actor.human, actor.credential, actor.credential],
        )
        [needs] = cursor.fetchone()
    return bool(needs)


def require_step_up(actor: Actor) -> None:
    """Go on only where the second factor was shown within ten minutes, or there is none.

    Raises:
        Refused: ``house.step-up``.
    """
    if needs_step_up(actor):
        raise Refused(STEP_UP)


def _may_change(who: Waiting) -> None:
    """Factors are changed by whoever shows one; the first is made by whoever knows the password."""
    if (who.made or who.provider) and not shown_lately(who.credential):
        raise Refused(STEP_UP)


@transaction.atomic
def _first_made(who: Waiting) -> None:
    """What was opened or given out on the strength of a password alone counts no more."""
    # whoever comes in by a password at this moment holds it, and is a window by then; or finds the factor
    Staff.objects.select_for_update().get(id=who.staff)
    if not who.provider:
        recovery_gone(who.staff)
    end_unproven(who.staff, but=who.credential)


def _counted(who: Waiting) -> dict[bytes, int]:
    """What wrong codes count under: those of whoever is in already never touch those of who is not."""
    if who.whole:
        return {digest_of(f"whole:{who.credential}"): _TRIES}
    with connection.cursor() as cursor:
        cursor.execute("select known, counted from staff_session where credential = %s", [who.credential])
        known, counted = cursor.fetchone()
    own = {digest_of(f"code:{who.staff}:{bytes(counted).hex()}"): _TRIES}
    return own if known else own | {digest_of(f"strangers:{who.staff}"): _TRIES_OF_STRANGERS}


@transaction.atomic
def _confirmed(credential: UUID) -> None:
    """It counts from now on; a sign-in that waited for it is whole, for twelve hours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state s set second_factor_at = clock_timestamp() from staff_session t"
            " where t.credential = %s and s.actor in (t.credential, t.claim) and s.revoked_at is null",
            [credential],
        )
        cursor.execute(
            "update staff_session set whole_at = clock_timestamp(), seen_at = clock_timestamp()"
            " where credential = %s and whole_at is null",
            [credential],
        )
        if cursor.rowcount:
            cursor.execute(
                "update actor_state set active = true, expires_at = clock_timestamp() + interval '12 hours'"
                " where actor = %s and revoked_at is null",
                [credential],
            )
