"""The second factor: a time-based code (RFC 6238, SHA-1, six digits, 30 seconds), each good for one use.

The secret lies in the account's row, sealed under a key that never enters the database and bound to the account.
"""

from __future__ import annotations

import base64
import hmac
import os
import time
import unicodedata
from contextlib import suppress
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
    staff.totp, text = _new_secret(staff)
    staff.totp_step = staff.totp_pending = None
    staff.save(update_fields=["totp", "totp_step", "totp_pending"])
    return text


def offer(staff: UUID, credential: UUID) -> str:
    """A secret that becomes the account's only with its first code; the one this sign-in was offered before, if it waits still.

    Another sign-in is never shown it, and voids it: whoever had the password before learns nothing of what is taken up later.
    """
    held = Staff.objects.get(id=staff)
    if held.totp_pending is not None:
        with suppress(CodeRefused):
            return base64.b32encode(_open(held, held.totp_pending, credential)).decode()
    held.totp_pending, text = _new_secret(held, credential)
    held.save(update_fields=["totp_pending"])
    return text


@transaction.atomic
def take_up(staff: UUID, credential: UUID, code: str) -> None:
    """Make the secret that this sign-in was offered the account's own: the first code shows that it arrived.

    Raises:
        NotEnrolled: none was offered.
        CodeRefused: the code is not of that secret, or another sign-in was offered one since.
    """
    held = Staff.objects.select_for_update().get(id=staff)
    if held.totp_pending is None:
        raise NotEnrolled("second factor")
    secret = _open(held, held.totp_pending, credential)
    held.totp_step = _step_of(secret, code, after=None, at=None)
    held.totp, held.totp_pending = _sealed(held, secret), None
    held.save(update_fields=["totp", "totp_step", "totp_pending"])


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
    held.totp_step = _step_of(_open(held, held.totp), code, after=held.totp_step, at=at)
    held.save(update_fields=["totp_step"])


def code_now(secret: str, *, at: float | None = None) -> str:
    """The code that an authenticator program shows for a secret in base32."""
    step = int(time.time() if at is None else at) // STEP
    return _program(base64.b32decode(secret)).generate(step * STEP).decode()


def demonstrated_code(staff: UUID) -> tuple[str, int]:
    """The code an account's authenticator shows now, and for how many seconds: where made-up people sign in.

    Raises:
        NotEnrolled: the account has no authenticator.
    """
    held = Staff.objects.get(id=staff)
    if held.totp is None:
        raise NotEnrolled("second factor")
    now = time.time()
    secret = base64.b32encode(_open(held, held.totp)).decode()
    return code_now(secret, at=now), STEP - int(now) % STEP


def _step_of(secret: bytes, code: str, *, after: int | None, at: float | None) -> int:
    """The step a code belongs to, later than ``after``."""
    program = _program(secret)
    now = int(time.time() if at is None else at) // STEP
    given = "".join(unicodedata.normalize("NFKC", code).split()).encode()  # an input method may write digits wide
    taken = None
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        # every step is compared, so that the time taken tells nothing
        if hmac.compare_digest(program.generate(step * STEP), given) and (after is None or step > after):
            taken = step
    if taken is None:
        raise CodeRefused("second factor")
    return taken


def _program(secret: bytes) -> TOTP:
    # SHA-1 is what authenticator programs know (RFC 6238, 1.2); as an HMAC it is sound
    return TOTP(secret, _DIGITS, SHA1(), STEP, enforce_key_length=True)  # noqa: S303  (what authenticator programs know, RFC 6238)


def _new_secret(staff: Staff, credential: UUID | None = None) -> tuple[bytes, str]:
    """Sealed, and in base32."""
    secret = os.urandom(_SECRET)
    return _sealed(staff, secret, credential), base64.b32encode(secret).decode()


def _sealed(staff: Staff, secret: bytes, credential: UUID | None = None) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + _cipher().encrypt(nonce, secret, _whose(staff, credential))


def _open(staff: Staff, held: bytes, credential: UUID | None = None) -> bytes:
    sealed = bytes(held)
    try:
        return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], _whose(staff, credential))
    except InvalidTag:
        raise CodeRefused("second factor") from None


def _whose(staff: Staff, credential: UUID | None) -> bytes:
    """Of an account; of one sign-in as long as it is only offered."""
    return staff.id.bytes + (credential.bytes if credential else b"")


def _cipher() -> AESGCM:
    return AESGCM(Keyring(Home.current()).secret(KEY, create=True))
