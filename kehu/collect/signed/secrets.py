"""What a channel and its sender share: sealed under a key of the keyring, which is never in the database.

The channel's ``key_digest`` is the digest of the ciphertext, not of the secret: nothing can be guessed from it, it is another
one with each change, and the statement that accepts compares it. So a secret that was changed or taken away ends with the very
next request, whatever a process remembers.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from kehu.collect.channels import kinds
from kehu.collect.models import SignedChannel
from kehu.govern.models import Channel
from kehu.host.home import Home
from kehu.host.keyring import Keyring

KEY: Final = "channel-secrets"
SHORTEST, LONGEST = 16, 512
_NONCE: Final = 12
_FIND: Final = """
select c.id, s.sealed, s.settings from govern_channel c join collect_signedchannel s on s.channel = c.id
where c.kind = %s and (c.name = %s or c.id::text = %s) and s.sealed is not null order by c.name = %s desc limit 1
"""


class NotSigned(ValueError):
    """Senders of this kind of channel sign nothing."""


class SecretRefused(ValueError):
    """Too short to keep anybody out, or too long."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A channel that takes signed messages: its secret, what the accepting statement compares, and its settings."""

    channel: int
    secret: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    settings: Mapping[str, Any]


def keep_secret(channel: Channel, secret: str) -> None:
    """Give a channel the secret that its sender signs with; the one before opens nothing any more.

    Raises:
        NotSigned: senders of this kind sign nothing.
        SecretRefused: not 16 to 512 characters, or not written as secrets of this kind are.
    """
    require_signed(channel)
    if not SHORTEST <= len(secret) <= LONGEST:
        raise SecretRefused(f"a secret has {SHORTEST} to {LONGEST} characters")
    if (checked := kinds()[channel.kind].form_of_secret) is not None:
        try:
            checked(secret)
        except ValueError as wrong:
            raise SecretRefused(str(wrong)) from None
    sealed = seal_for(channel.id, secret)
    with transaction.atomic():
        SignedChannel.objects.update_or_create(channel=channel.id, defaults={"sealed": sealed})
        Channel.objects.filter(id=channel.id).update(key_digest=_digest(sealed))


def require_signed(channel: Channel) -> None:
    """Let on channels whose senders sign.

    Raises:
        NotSigned: this one's do not.
    """
    kind = kinds().get(channel.kind)
    if kind is None or not kind.signed:
        raise NotSigned(channel.kind)


def signer_of(kind: str, name: str) -> Signer | None:
    """The channel of a kind by its name or id, with its secret opened; None: there is none, or it has no secret yet."""
    if not name or "\0" in name:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [kind, name, name, name])
        row = cursor.fetchone()
    if row is None:
        return None
    sealed = bytes(row[1])
    secret = open_for(row[0], sealed)
    settings = orjson.loads(row[2]) if isinstance(row[2], str) else row[2]  # Django hands jsonb out as text
    return Signer(row[0], secret, _digest(sealed), settings)


def seal_for(channel: int, secret: str) -> bytes:
    """A secret of a channel as it lies in the database: under a key of the keyring, bound to the channel."""
    nonce = os.urandom(_NONCE)
    return nonce + _cipher().encrypt(nonce, secret.encode(), _place(channel))


def open_for(channel: int, sealed: bytes) -> bytes:
    """What :func:`seal_for` sealed.

    Raises:
        InvalidTag: it is another channel's, or was changed.
    """
    return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], _place(channel))


def _place(channel: int) -> bytes:
    return f"channel {channel}".encode()


def _digest(sealed: bytes) -> bytes:
    return hashlib.sha256(sealed).digest()


def _cipher() -> AESGCM:
    return AESGCM(_key(str(Home.current())))


@functools.lru_cache(maxsize=4)
def _key(home: str) -> bytes:
    """Opened once a process and home: it costs a derivation."""
    del home
    return Keyring(Home.current()).secret(KEY, create=True)
