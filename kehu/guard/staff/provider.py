"""The company's OpenID provider for single sign-on, as the settings name it."""

from __future__ import annotations

import threading
from pathlib import Path

from django.conf import settings

from kehu.host.asking import ProviderFailed
from kehu.host.openid import Provider

_held: dict[tuple[str, str, str, str], Provider] = {}
_holding = threading.Lock()


def provider() -> Provider | None:
    """The provider that the settings name, or None.

    Raises:
        ProviderFailed: its secret's file cannot be read.
    """
    issuer, client = settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID
    if not issuer or not client:
        return None
    named = (issuer, client, settings.OIDC_CLIENT_SECRET_FILE, settings.OIDC_SECOND_FACTOR)
    with _holding:
        if named not in _held:
            factors = frozenset(one.strip() for one in named[3].split(",") if one.strip())
            _held[named] = Provider(issuer, client, _secret(named[2]), factors)
        return _held[named]


def _secret(file: str) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise ProviderFailed("secret") from None
