"""Passkeys (WebAuthn, level 3): added and shown in the browser, checked here. They are a second factor, not a password.

A challenge belongs to one sign-in, is used once and lasts five minutes.
"""

from __future__ import annotations

import json
import logging
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

from kehu.guard.staff.models import Staff
from kehu.guard.staff.notices import tell_later
from kehu.guard.staff.second_factor import CodeRefused

_CHALLENGE: Final = 32  # bytes
_MOST: Final = 12  # passkeys of one account
_MISSHAPEN: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error)  # JSON and CBOR
_VERIFICATION: Final = UserVerificationRequirement.PREFERRED  # what it is added to is a password
logging.getLogger("fido2").setLevel(logging.WARNING)  # its notes of each use would tie browsers to people


@dataclass(frozen=True, slots=True)
class Passkey:
    """One of an account's; ``id`` as the browser writes it."""

    id: str
    name: str
    made_at: datetime
    used_at: datetime | None


def passkeys_of(staff: UUID) -> list[Passkey]:
    """An account's passkeys, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select id, name, made_at, used_at from staff_passkey where staff = %s order by made_at, id", [staff]
        )
        return [Passkey(websafe_encode(bytes(id)), name, made, used) for id, name, made, used in cursor.fetchall()]


def ask_for_new(credential: UUID, staff: UUID, *, host: str) -> dict[str, Any]:
    """What the browser needs to make a passkey for ``host``, a name without its port."""
    person = Staff.objects.get(id=staff)
    options, _ = _server(host).register_begin(
        PublicKeyCredentialUserEntity(id=staff.bytes, name=person.email, display_name=person.name or person.email),
        _keys(staff),
        user_verification=_VERIFICATION,
        challenge=_challenge(credential, adds=True),
    )
    return _plain(options)


def add_passkey(credential: UUID, staff: UUID, answer: str, *, name: str, host: str) -> None:
    """Take up the passkey that the browser made.

    Raises:
        CodeRefused: it does not answer what was asked, or the account holds as many as it may.
    """
    challenge = _taken(credential, adds=True)
    try:
        given = RegistrationResponse.from_dict(json.loads(answer))
        made = _server(host).register_complete(_state(challenge), given)
    except _MISSHAPEN:
        raise CodeRefused("passkey") from None
    held = made.credential_data
    if held is None or len(passkeys_of(staff)) >= _MOST:
        raise CodeRefused("passkey")
    label = " ".join(name.split())[:60] or "—"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "insert into staff_passkey (id, staff, public_key, sign_count, name) values (%s, %s, %s, %s, %s)",
                [held.credential_id, staff, cbor.encode(held.public_key), made.counter, label],
            )
            tell_later(staff, "passkey-added")
    except IntegrityError:
        raise CodeRefused("passkey") from None


def ask_to_show(credential: UUID, staff: UUID, *, host: str) -> dict[str, Any]:
    """What the browser needs to show a passkey of the account."""
    options, _ = _server(host).authenticate_begin(
        _keys(staff), user_verification=_VERIFICATION, challenge=_challenge(credential, adds=False)
    )
    return _plain(options)


def check_passkey(credential: UUID, staff: UUID, answer: str, *, host: str) -> None:
    """Accept the signature of one of the account's passkeys over this sign-in's challenge.

    Raises:
        CodeRefused: of another account, host or challenge, or of a copy (its counter went back).
    """
    challenge = _taken(credential, adds=False)
    keys = _keys(staff)
    try:
        given = AuthenticationResponse.from_dict(json.loads(answer))
        if not keys:
            raise CodeRefused("passkey")
        shown = _server(host).authenticate_complete(_state(challenge), keys, given)
    except _MISSHAPEN:
        raise CodeRefused("passkey") from None
    counter = given.response.authenticator_data.counter
    with connection.cursor() as cursor:
        cursor.execute(
            "update staff_passkey set sign_count = %s, used_at = clock_timestamp() where id = %s and staff = %s"
            " and (sign_count < %s or (sign_count = 0 and %s = 0))",  # many authenticators do not count
            [counter, shown.credential_id, staff, counter, counter],
        )
        if not cursor.rowcount:
            raise CodeRefused("passkey")


def remove_passkey(staff: UUID, id: str) -> bool:
    """Forget one; False where the account holds none of that id."""
    try:
        raw = websafe_decode(id)
    except ValueError:
        return False
    with connection.cursor() as cursor:
        cursor.execute("delete from staff_passkey where id = %s and staff = %s", [raw, staff])
        return bool(cursor.rowcount)


def _server(host: str) -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(id=host, name="Kehu"))


def _keys(staff: UUID) -> list[AttestedCredentialData]:
    with connection.cursor() as cursor:
        cursor.execute("select id, public_key from staff_passkey where staff = %s", [staff])
        rows = cursor.fetchall()
    return [AttestedCredentialData.create(Aaguid.NONE, bytes(id), CoseKey.parse(_map(bytes(key)))) for id, key in rows]


def _map(key: bytes) -> Mapping[int, Any]:
    found = cbor.decode(key)
    if not isinstance(found, Mapping):
        raise TypeError("passkey")
    return found


def _challenge(credential: UUID, *, adds: bool) -> bytes:
    made = os.urandom(_CHALLENGE)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into staff_challenge (credential, challenge, adds) values (%s, %s, %s) on conflict (credential)"
            " do update set challenge = excluded.challenge, adds = excluded.adds, at = clock_timestamp()",
            [credential, made, adds],
        )
    return made


def _taken(credential: UUID, *, adds: bool) -> bytes:
    """The challenge of this sign-in, which is thereby used up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from staff_challenge where credential = %s returning challenge, adds,"
            " at > clock_timestamp() - interval '5 minutes'",
            [credential],
        )
        row = cursor.fetchone()
    if row is None or row[1] != adds or not row[2]:
        raise CodeRefused("passkey")
    return bytes(row[0])


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": _VERIFICATION}


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON knows it."""
    found: dict[str, Any] = json.loads(json.dumps(dict(options)))
    return found
