"""Asking a provider of identities over HTTP: one JSON object from an address that may be asked, of sensible size and in time."""

from __future__ import annotations

import json
import logging
from typing import Any, Final
from urllib.parse import urlsplit

import requests

TIMEOUT: Final = 8
"""Seconds, for each answer."""
_LARGEST: Final = 512 * 1024  # bytes of an answer
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_log = logging.getLogger("kehu.sign-on")


class ProviderFailed(RuntimeError):
    """The provider cannot be reached, or does not answer as the standard has it; ``reason`` is a word of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        _log.warning(f"single sign-on: {reason}")  # words of ours; the log writes no argument


class NotBelieved(ProviderFailed):
    """An answer that is not what we asked for: forged, replayed, over, or meant for somebody else."""


def ask_json(address: str, *, near: str, bearer: str = "") -> dict[str, Any]:
    """The JSON object at an address; no redirect is followed.

    Args:
        near: the provider's own address: in clear is asked only where both are on this machine.
        bearer: a token to show (RFC 6750).
    Raises:
        ProviderFailed: it may not be asked, or does not answer with an object.
    """
    if not may_ask(address, near=near):
        raise ProviderFailed("address in clear")
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    try:
        with requests.Session() as session:
            by_itself(session, near=near)
            # an auth of our own, so that none of a netrc file goes along
            with session.get(
                address, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True, auth=lambda one: one
            ) as answer:
                if answer.status_code != requests.codes.ok:
                    raise ProviderFailed("answer")
                found = json.loads(_read(answer))
    except (requests.RequestException, OSError, ValueError, RecursionError):
        raise ProviderFailed("unreachable") from None
    if not isinstance(found, dict):
        raise ProviderFailed("form of the answer")
    return found


def may_ask(address: object, *, near: str) -> bool:
    """Over TLS; in clear only where the provider and the address are on this machine."""
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_here(near) and is_here(address))
    )


def by_itself(session: requests.Session, *, near: str) -> None:
    """A session with the machine's proxies and authorities; with none of them to this machine."""
    session.trust_env = not is_here(near)


def is_here(address: str) -> bool:
    """Whether an address is on this machine."""
    return urlsplit(address).hostname in _HERE


def _read(answer: requests.Response) -> bytes:
    """The body, up to what is sensible."""
    body = b""
    for piece in answer.iter_content(64 * 1024):
        body += piece
        if len(body) > _LARGEST:
            raise ProviderFailed("size of the answer")
    return body
