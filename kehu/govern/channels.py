"""Channels: the ways records come in, and the keys of those that programs write to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from kehu.govern.models import Channel
from kehu.govern.slugs import CHANNELS

KINDS: Final = (*CHANNELS, "tracking", "shopify", "woocommerce", "webhook", "wechat", "profile", "counter", "mailbox")
PAGED: Final = "tracking"
"""The kind that web pages write to, as well."""
_PAGE: Final = "page_"
_PAGE_DIGITS: Final = 32
_LAST: Final = 32_767  # of channels
KEYED: Final = frozenset({"tracking", "shop", "form"})


class ChannelTaken(ValueError):
    """There is a channel of that name."""


def add_channel(name: str, kind: str, *, owner: UUID, country: str = "") -> tuple[Channel, str | None]:
    """Make a channel; returns it with its key where the kind has one. The key is shown once, its digest is kept.

    ``country``: where it collects, two capital letters; empty: nowhere in particular.

    Raises:
        ValueError: no such kind, or no country.
        ChannelTaken: the name is in use.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    if country and not (len(country) == 2 and country.isascii() and country.isupper()):
        raise ValueError("country: two capital letters")
    key = _new_key() if kind in KEYED else None
    try:
        with transaction.atomic():
            made = Channel.objects.create(
                name=name, kind=kind, owner=owner, country=country, key_digest=digest_of(key) if key else None
            )
    except IntegrityError:
        raise ChannelTaken(name) from None
    return made, key


def renew_key(channel: Channel) -> str | None:
    """Give a channel another key, returned this once; None: its kind has none. The one before opens nothing any more."""
    if channel.kind not in KEYED:
        return None
    key = _new_key()
    Channel.objects.filter(id=channel.id).update(key_digest=digest_of(key))
    return key


def channel_of_key(key: str) -> Channel | None:
    """The channel that a key belongs to."""
    return Channel.objects.filter(key_digest=digest_of(key)).first()


def digest_of(key: str) -> bytes:
    """What is kept of a key: a key of 256 random bits needs no slow hash."""
    return hashlib.sha256(key.encode()).digest()


def page_key_of(channel: Channel) -> str | None:
    """The key with which web pages send: made of the secret one's digest, so it goes with it. Anybody may read it.

    None: the channel has no key that could have one.
    """
    if channel.kind != PAGED or channel.key_digest is None:
        return None
    return f"{_PAGE}{channel.id}_{_told(bytes(channel.key_digest), 'page key')[:_PAGE_DIGITS]}"


def is_page_key(key: str) -> bool:
    """Whether this has the form of a page key."""
    return key.startswith(_PAGE)


def channel_of_page_key(key: str) -> Channel | None:
    """The channel that a page key belongs to."""
    id = key.removeprefix(_PAGE).partition("_")[0]
    if not (id.isascii() and id.isdigit() and len(id) < 6 and int(id) <= _LAST):
        return None
    found = Channel.objects.filter(id=int(id), kind=PAGED).first()
    expected = page_key_of(found) if found is not None else None
    return found if expected is not None and hmac.compare_digest(expected.encode(), key.encode()) else None


def proof_of(digest: bytes, user: str) -> str:
    """What a shop's server proves a user's id to a page with: HMAC-SHA256 of it under the SHA-256 of its secret key, in hex."""
    return _told(digest, user)


def _told(digest: bytes, what: str) -> str:
    return hmac.digest(digest, what.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _new_key() -> str:
    return "kehu_" + secrets.token_urlsafe(32)
