"""The second factor: a time-based code (RFC 6238, SHA-1, six digits, 30 seconds), each good for one use.

The secret lies in the account's row, sealed under a key that never enters the database and bound to the account.
"""

from __future__ import annotations

import base64
import hmac
import os
import time
from typing import Final
from urllib.parse import quote
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction

from kehu.guard.staff.models import Staff
from kehu.host.home import Home
from kehu.host.keyring import Keyring

KEY: Final = "second-factor"
STEP: Final = 30  # seconds
_DIGITS: Final = 6
_SECRET: Final = 20  # bytes: as long as SHA-1's digest (RFC 4226, 4)
_DRIFT: Final = 1  # steps a clock may be off, to either side (RFC 6238, 5.2)
_NONCE: Final = 12


class NotEnrolled(LookupError):
    """This account has no second factor."""


class CodeRefused(PermissionError):
    """The code is wrong, too old, or was used before."""


def enrol(staff: Staff) -> str:
    """Give an account a new secret (the old one is void); returns it in base32, to be shown once."""
    secret = os.urandom(_SECRET)
    nonce = os.urandom(_NONCE)
    staff.totp = nonce + _cipher().encrypt(nonce, secret, staff.id.bytes)
    staff.totp_step = None
    staff.save(update_fields=["totp", "totp_step"])
    return base64.b32encode(secret).decode()


def address_for(secret: str, email: str) -> str:
    """The ``otpauth`` address of a secret, as authenticator programs read it from a QR code."""
    return f"otpauth://totp/Kehu:{quote(email)}?secret={secret}&issuer=Kehu&digits={_DIGITS}&period={STEP}"


@transaction.atomic
def check_code(staff: UUID, code: str, *, at: float | None = None) -> None:
    """Accept a code once; ``at`` is seconds since 1970, without it now.

    Raises:
        NotEnrolled: the account has no second factor.
        CodeRefused: wrong, older or newer than one step, or this code or a later one was taken already.
    """
    held = Staff.objects.select_for_update().get(id=staff)
    if held.totp is None:
        raise NotEnrolled("second factor")
    # SHA-1 is what authenticator programs know (RFC 6238, 1.2); as an HMAC it is sound
    program = TOTP(_open(held), _DIGITS, SHA1(), STEP, enforce_key_length=True)  # noqa: S303
    now = int(time.time() if at is None else at) // STEP
    given = "".join(code.split()).encode()
    taken = None
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        # every step is compared, so that the time taken tells nothing
        if hmac.compare_digest(program.generate(step * STEP), given) and (
            held.totp_step is None or step > held.totp_step
        ):
            taken = step
    if taken is None:
        raise CodeRefused("second factor")
    held.totp_step = taken
    held.save(update_fields=["totp_step"])


def _open(staff: Staff) -> bytes:
    sealed = bytes(staff.totp or b"")
    try:
        return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], staff.id.bytes)
    except InvalidTag:
        raise CodeRefused("second factor") from None


def _cipher() -> AESGCM:
    return AESGCM(Keyring(Home.current()).secret(KEY, create=True))
