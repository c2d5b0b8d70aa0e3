"""Stamps and links: what a form's page gives to a visitor, signed, so that it can be known again without being kept.

A stamp says when a form was handed out and in which version, and names the submission: sent twice it is one. A link leads
from a mailbox back to what waits for it. Neither holds anything of a person.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import time
from datetime import datetime
from typing import Final
from uuid import UUID

from kehu.guard.installation import installation
from kehu.vault.ids import new_id

LEAST_SECONDS: Final = 2
"""Nobody reads and fills a form faster."""
MOST_SECONDS: Final = 24 * 3600
_MAC: Final = 16
_TIME: Final = 4
_VERSION: Final = 2


class StampRefused(ValueError):
    """None, forged, of another form, too fresh or too old."""


class OtherVersion(StampRefused):
    """Handed out with another version of the form than visitors see by now."""


def make_stamp(form: UUID, version: int, *, at: float | None = None) -> str:
    """A stamp for one submission of a form, as it is shown in this version."""
    held = new_id().bytes + int(time.time() if at is None else at).to_bytes(_TIME, "big")
    held += version.to_bytes(_VERSION, "big")
    return _text(held + _mac(b"stamp" + form.bytes + held))


def read_stamp(form: UUID, version: int, stamp: str) -> UUID:
    """The submission that a stamp names.

    Raises:
        StampRefused: it does not count.
        OtherVersion: it would, had the form not been changed since.
    """
    held, mac = _parts(stamp)
    if len(held) != 16 + _TIME + _VERSION or not hmac.compare_digest(mac, _mac(b"stamp" + form.bytes + held)):
        raise StampRefused
    age = time.time() - int.from_bytes(held[16 : 16 + _TIME], "big")
    if not LEAST_SECONDS <= age <= MOST_SECONDS:
        raise StampRefused
    if int.from_bytes(held[16 + _TIME :], "big") != version:
        raise OtherVersion
    return UUID(bytes=held[:16])


def make_link(waiting: UUID, expires: datetime) -> str:
    """The secret part of a link that confirms what waits."""
    held = waiting.bytes + int(expires.timestamp()).to_bytes(_TIME, "big")
    return _text(held + _mac(b"confirm" + held))


def read_link(link: str) -> UUID:
    """What a link confirms.

    Raises:
        StampRefused: forged, or its time is over.
    """
    held, mac = _parts(link)
    if len(held) != 16 + _TIME or not hmac.compare_digest(mac, _mac(b"confirm" + held)):
        raise StampRefused
    if time.time() > int.from_bytes(held[16:], "big"):
        raise StampRefused
    return UUID(bytes=held[:16])


def make_invitation(form: UUID, subject: UUID) -> str:
    """What a link to a survey carries for one customer, so that the answers are known to be theirs."""
    return _text(subject.bytes + _mac(b"invite" + form.bytes + subject.bytes))


def read_invitation(form: UUID, invitation: str) -> UUID | None:
    """Whom a link invited to a form; None: nobody, or it was not made here."""
    try:
        held, mac = _parts(invitation)
    except StampRefused:
        return None
    same = len(held) == 16 and hmac.compare_digest(mac, _mac(b"invite" + form.bytes + held))
    return UUID(bytes=held) if same else None


def _parts(text: str) -> tuple[bytes, bytes]:
    try:
        held = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise StampRefused from None
    return held[:-_MAC], held[-_MAC:]


def _text(held: bytes) -> str:
    return base64.urlsafe_b64encode(held).rstrip(b"=").decode()


def _mac(content: bytes) -> bytes:
    return hmac.digest(_key(), content, "sha256")[:_MAC]


@functools.lru_cache(maxsize=1)
def _key() -> bytes:
    return installation().keyring.secret("forms", create=True)
