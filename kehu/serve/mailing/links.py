"""Links that stand in letters: signed, for one customer, one medium and one topic. They hold ids and words of ours alone.

They have no end: a letter of years ago must still be able to stop the next one. Whoever has the letter has the link, so
it shows nothing of anybody, and sets nothing but letters by that medium.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kehu.govern.slugs import MEDIA
from kehu.govern.topics import load_topics
from kehu.guard.installation import installation

_ID, _MAC = 16, 16
ONE_CLICK: Final = "List-Unsubscribe=One-Click"


class LinkRefused(LookupError):
    """No link of ours."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Whose letters, by which medium, on which topic."""

    subject: UUID
    medium: str
    topic: str


def make(letter: Letter) -> str:
    """The secret part of a link."""
    held = letter.subject.bytes + f"{letter.medium}:{letter.topic}".encode()
    return base64.urlsafe_b64encode(held + _mac(held)).rstrip(b"=").decode()


def read(link: str) -> Letter:
    """What a link is for.

    Raises:
        LinkRefused: it was not made here, or its topic is no more.
    """
    try:
        found = base64.b64decode(link.encode("ascii") + b"=" * (-len(link) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise LinkRefused from None
    held, mac = found[:-_MAC], found[-_MAC:]
    if len(held) <= _ID or not hmac.compare_digest(mac, _mac(held)):
        raise LinkRefused
    medium, _, topic = held[_ID:].decode().partition(":")
    if medium not in MEDIA or topic not in load_topics():
        raise LinkRefused
    return Letter(UUID(bytes=held[:_ID]), medium, topic)


def headers(letter: Letter, *, site: str) -> dict[str, str]:
    """Headers of a letter by which its reader's program offers to stop it (RFC 2369, RFC 8058). ``site``: ``https://host``."""
    return {
        "List-Unsubscribe": f"<{site.rstrip('/')}/letters/{make(letter)}/stop>",
        "List-Unsubscribe-Post": ONE_CLICK,
    }


def _mac(content: bytes) -> bytes:
    return hmac.digest(_key(), b"letters" + content, "sha256")[:_MAC]


@functools.lru_cache(maxsize=1)
def _key() -> bytes:
    return installation().keyring.secret("letters", create=True)
