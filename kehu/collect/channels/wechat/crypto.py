"""The signatures and the encryption of WeChat's message push, "safe mode" (developers.weixin.qq.com, Message encryption).

AES-256-CBC has no tag of its own, so the signature over the ciphertext is checked first, and whatever is wrong after it is told
no differently: padding, length and appid are one failure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_AES_KEY: Final = re.compile(r"[A-Za-z0-9+/]{43}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{16,32}")  # WeChat would take three
_APPID: Final = re.compile(r"[A-Za-z0-9_-]{6,64}")
_BLOCK: Final = 32  # what WeChat pads to, not the cipher's own 16
_AHEAD: Final = 16  # random bytes before the length
_LENGTH: Final = 4


class NotOurs(ValueError):
    """Not encrypted by whoever holds this key for this account; it is not said what exactly is wrong."""


@dataclass(frozen=True, slots=True)
class Account:
    """What an account and this channel share: the token, the appid, and in safe mode the key."""

    token: str = field(repr=False)
    appid: str
    key: bytes | None = field(repr=False)


def account_of(secret: str) -> Account:
    """An account from a channel's secret: ``TOKEN APPID`` and in safe mode ``ENCODINGAESKEY``, with spaces between.

    Raises:
        ValueError: it is not written so; the message says what is.
    """
    words = secret.split()
    if len(words) not in (2, 3) or not _TOKEN.fullmatch(words[0]) or not _APPID.fullmatch(words[1]):
        raise ValueError(
            "the token (16 to 32 letters and digits), the appid and the EncodingAESKey, with spaces between"
        )
    if len(words) == 2:
        return Account(words[0], words[1], None)
    if not _AES_KEY.fullmatch(words[2]):
        raise ValueError("an EncodingAESKey has 43 letters and digits")
    return Account(words[0], words[1], base64.b64decode(words[2] + "="))


def signature(*parts: str) -> str:
    """SHA-1 of the sorted parts, joined: what WeChat signs with."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def is_signed(given: str, *parts: str) -> bool:
    """Whether a signature is that of the parts; compared in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), signature(*parts).encode())


def decrypted(encrypted: str, account: Account) -> bytes:
    """The message that stands encrypted; its signature was checked before.

    Raises:
        NotOurs: it was not encrypted for this account.
    """
    if account.key is None:
        raise NotOurs
    try:
        content = base64.b64decode(encrypted, validate=True)
        reader = Cipher(algorithms.AES(account.key), modes.CBC(account.key[:16])).decryptor()
        plain = reader.update(content) + reader.finalize()
    except (ValueError, binascii.Error):
        raise NotOurs from None
    padding = plain[-1] if plain else 0
    padded = 1 <= padding <= _BLOCK and plain.endswith(bytes([padding]) * padding)
    plain = plain[:-padding] if padded else b""
    length = int.from_bytes(plain[_AHEAD : _AHEAD + _LENGTH], "big")
    start = _AHEAD + _LENGTH
    message, appid = plain[start : start + length], plain[start + length :]
    right = hmac.compare_digest(appid, account.appid.encode())
    if not (padded and right and len(message) == length and length):
        raise NotOurs
    return message
