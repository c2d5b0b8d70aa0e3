"""Channels: the ways records come in, and the keys of those that programs write to."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from kehu.govern.models import Channel
from kehu.govern.slugs import CHANNELS

KINDS: Final = (*CHANNELS, "tracking", "shopify", "woocommerce", "webhook")
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


def _new_key() -> str:
    return "kehu_" + secrets.token_urlsafe(32)
