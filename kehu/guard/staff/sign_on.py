"""Single sign-on: who may come in by it, being sent to the provider, and what the way back is worth.

No account comes into being by it. The office allows it for an account that is here; on the first way back the account is
found by its verified address and linked, and from then on by the provider's name for the person alone.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.guard.staff.notices import tell_later
from kehu.guard.staff.provider import provider
from kehu.guard.staff.sign_ins import SignInRefused, Visit, Vouched, count_of, may_come_in, open_sign_in
from kehu.guard.staff.step_up import Waiting, confirm_by_provider, require_step_up
from kehu.guard.staff.tries import digest_of, look_at_tries, note_failure
from kehu.host.asking import NotBelieved, ProviderFailed
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.openid import LEEWAY, Provider, Told

KEY: Final = "sign-on"
_WAY_LASTS: Final = 10  # minutes
_TRIES: Final = 20  # ways back from one place that led nowhere, in a quarter of an hour


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands with single sign-on: allowed or not, and linked since when."""

    allowed_at: datetime | None
    linked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Back:
    """Somebody came back: who is signed in now, the token of their browser, and where they wanted to go.

    ``confirmed``: they were in already and confirmed that it is them.
    """

    credential: UUID
    browser: str
    next: str
    confirmed: bool


def offered() -> Provider | None:
    """The provider that is set up here; None without one, or where its secret cannot be read."""
    try:
        return provider()
    except ProviderFailed:
        return None


def standing_of(staff: UUID) -> Standing:
    """How an account stands with it."""
    with connection.cursor() as cursor:
        cursor.execute("select allowed_at, linked_at from staff_sign_on where staff = %s", [staff])
        row = cursor.fetchone()
    return Standing(*row) if row else Standing(None, None)


@transaction.atomic
def allow_sign_on(staff: UUID, *, actor: Actor, allowed: bool) -> None:
    """Let an account come in by single sign-on, or no more: its link goes, and whoever came in by it is out. In the ledger.

    Raises:
        ActRefused: not the privacy office or the owner.
        Refused: one's own account, or the second factor was not shown lately.
        LookupError: no account of that id that has a sign-in.
    """
    require_act("sign-on", actor)
    require_step_up(actor)
    if staff == actor.human:
        raise Refused("house.second-person")
    person = Staff.objects.filter(id=staff).first()
    if person is None or not may_come_in(person):
        raise LookupError("staff")
    with connection.cursor() as cursor:
        if allowed:
            cursor.execute(
                "insert into staff_sign_on (staff, allowed_by) values (%s, %s) on conflict (staff) do nothing",
                [staff, actor.human],
            )
        else:
            cursor.execute("delete from staff_sign_on where staff = %s", [staff])
            _end_sessions("staff = %s and provider_session is not null", [staff])
    record_act("sign-on", None, actor=actor, detail=staff)
    tell_later(staff, "sign-on-allowed" if allowed else "sign-on-ended")


def begin(*, returns_to: str, onwards: str, confirms: Waiting | None = None) -> tuple[UUID, str]:
    """The id of a way to the provider, for the browser's session alone, and the address to send the browser to.

    Raises:
        ProviderFailed: none is set up, or it cannot be reached.
    """
    held = _provider()
    way = uuid.uuid4()
    address = held.address(
        state=_secret_of(way, "state"), nonce=_secret_of(way, "nonce"), verifier=_secret_of(way, "verifier"),
        returns_to=returns_to, again=confirms is not None,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from staff_sign_on_way where started_at < clock_timestamp() - make_interval(mins => %s)",
            [_WAY_LASTS],
        )
        cursor.execute(
            "insert into staff_sign_on_way (id, issuer, credential, next) values (%s, %s, %s, %s)",
            [way, held.issuer, confirms.credential if confirms else None, onwards],
        )
    return way, address


def come_back(way: UUID | None, answer: dict[str, str], *, returns_to: str, visit: Visit, here: Waiting | None) -> Back:
    """What a way back is worth: a sign-in, or for whoever is in already (``here``) a second factor shown now.

    ``answer``: the parameters of the response. A way is walked once, by the browser that began it, within ten minutes.

    Raises:
        SignInRefused: the provider knows them, and no account here is open to that; which of the reasons is not said.
        NotBelieved: the answer is not good, or the provider let nobody in.
        ProviderFailed: it does not answer.
        TooManyTries: from this place too often in vain.
    """
    counted = digest_of(f"sign-on:{visit.place}")
    look_at_tries(counted, _TRIES)
    try:
        held = _provider()
        credential, onwards, started = _take(way, held)
        told = _told(held, way, answer, returns_to)
        if credential is not None:
            if here is None or here.credential != credential:
                raise NotBelieved("another sign-in")
            _confirm(held, told, here, started)
            return Back(credential, "", onwards, confirmed=True)
        opened, browser = _sign_in(held, told, visit)
    except (ProviderFailed, SignInRefused):
        note_failure(counted)
        raise
    return Back(opened, browser, onwards, confirmed=False)


def end_by_provider(token: str) -> int:
    """Sign out whom the provider signed out (Back-Channel Logout 1.0); returns how many sign-ins ended.

    Raises:
        ProviderFailed: none is set up, it cannot be asked, or the token is not good.
    """
    held = _provider()
    gone = held.logged_out(token)
    if gone.session:
        return _end_sessions("provider_session = %s", [_session_of(held, gone.session)])
    return _end_sessions(
        "provider_session is not null and staff = (select o.staff from staff_sign_on o where o.identity = %s)",
        [_identity_of(held, gone.subject)],
    )


def provider_name() -> str:
    """What the button calls the provider."""
    return settings.OIDC_NAME or settings.OIDC_ISSUER.partition("://")[2].partition("/")[0]


def _take(way: UUID | None, held: Provider) -> tuple[UUID | None, str, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from staff_sign_on_way where id = %s returning credential, next, started_at, issuer,"
            " started_at > clock_timestamp() - make_interval(mins => %s)",
            [way, _WAY_LASTS],
        )
        row = cursor.fetchone()
    if row is None or row[3] != held.issuer or not row[4]:
        raise NotBelieved("no such way")
    return row[0], row[1], row[2]


def _told(held: Provider, way: UUID | None, answer: dict[str, str], returns_to: str) -> Told:
    assert way is not None  # it was taken
    if not hmac.compare_digest(answer.get("state", "").encode(), _secret_of(way, "state").encode()):
        raise NotBelieved("state")
    held.check_origin(answer.get("iss"))
    if "error" in answer or not answer.get("code"):
        raise NotBelieved("refused by the provider")
    return held.exchange(
        answer["code"], nonce=_secret_of(way, "nonce"), verifier=_secret_of(way, "verifier"), returns_to=returns_to
    )


def _confirm(held: Provider, told: Told, here: Waiting, started: datetime) -> None:
    """The person who is in showed the provider's second factor after being sent there, not some time before."""
    with connection.cursor() as cursor:
        cursor.execute("select identity from staff_sign_on where staff = %s", [here.staff])
        row = cursor.fetchone()
    if row is None or row[0] is None or bytes(row[0]) != _identity_of(held, told.subject):
        raise NotBelieved("another person")
    if not told.second_factor or told.at is None or told.at < started - timedelta(seconds=LEEWAY):
        raise NotBelieved("no second factor now")
    confirm_by_provider(here)


def _sign_in(held: Provider, told: Told, visit: Visit) -> tuple[UUID, str]:
    identity = _identity_of(held, told.subject)
    # asked for before the transaction, which waits for nobody outside
    email = "" if _linked(identity) else held.verified_email(told)
    with transaction.atomic():
        staff, linked = _account(identity, email)
        known, counted, _ = count_of(staff.email, visit)
        vouched = Vouched(told.second_factor, told.at, _session_of(held, told.session))
        credential, browser = open_sign_in(staff, visit, known=known, counted=counted, vouched=vouched)
        if linked:
            actor = Actor(credential, staff.id, staff.id, staff.role, staff.department_id)
            record_act("sign-on", None, actor=actor, detail=staff.id)
            tell_later(staff.id, "sign-on-linked")
    return credential, browser


def _account(identity: bytes, email: str) -> tuple[Staff, bool]:
    """Whose identity it is, or whose address, and whether it was linked just now."""
    owner = _linked(identity)
    found = Staff.objects.filter(id=owner) if owner else Staff.objects.filter(email=email)
    staff: Staff | None = found.first()
    if staff is None or not may_come_in(staff):
        raise SignInRefused
    if owner:
        return staff, False
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "update staff_sign_on set identity = %s, linked_at = clock_timestamp() where staff = %s and identity is null",
                [identity, staff.id],
            )
            if not cursor.rowcount:  # not allowed, or linked to somebody else there
                raise SignInRefused
    except IntegrityError:
        raise SignInRefused from None
    return staff, True


def _linked(identity: bytes) -> UUID | None:
    with connection.cursor() as cursor:
        cursor.execute("select staff from staff_sign_on where identity = %s", [identity])
        row = cursor.fetchone()
    return row[0] if row else None


def _provider() -> Provider:
    held = provider()
    if held is None:
        raise ProviderFailed("none is set up")
    return held


def _end_sessions(which: str, values: list[UUID] | list[bytes]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from staff_session where {which}", values)
        [count] = cursor.fetchone()
        cursor.execute(
            "update actor_state set revoked_at = clock_timestamp() where revoked_at is null and actor in"
            f" (select credential from staff_session where {which} union select claim from staff_session where {which})",
            [*values, *values],
        )
    return int(count)


def _secret_of(way: UUID, what: str) -> str:
    """State, nonce and verifier of a way: known to nobody who has not our key, and nowhere kept."""
    return _keyed(f"{what}:{way}").hex()


def _identity_of(held: Provider, subject: str) -> bytes:
    return _keyed(f"subject:{held.issuer}\0{subject}")


def _session_of(held: Provider, session: str) -> bytes:
    """What a session of the provider is known by; one without a name still says that it came by the provider."""
    return _keyed(f"session:{held.issuer}\0{session}")


def _keyed(text: str) -> bytes:
    return hmac.digest(Keyring(Home.current()).secret(KEY, create=True), text.encode(), hashlib.sha256)
