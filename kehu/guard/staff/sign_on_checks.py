"""What may be wrong with single sign-on as it is set up: the settings, the secret's file, and whether the provider answers."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from kehu.guard.staff.provider import provider
from kehu.host.asking import ProviderFailed
from kehu.host.checks import Finding, Said
from kehu.host.openid import Provider

_NO_FACTOR: Final = frozenset({"pwd", "rmr", "user", "rba", "geo", "wia"})
"""Methods (RFC 8176, and what providers say beside it) that are a password, a remembered browser, a place or a guess."""


def check_sign_on() -> Iterator[Finding]:
    """Nothing where it is not set up."""
    issuer, client, file = settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET_FILE
    if not issuer and not client:
        return
    if not issuer or not client:
        yield Finding(
            "sign-on.half", "error", "Single sign-on is set up by half: nobody comes in by it.",
            "Set both KEHU_OIDC_ISSUER and KEHU_OIDC_CLIENT_ID, or neither.",
        )  # fmt: skip
        return
    if file and _readable_by_others(Path(file)):
        yield Finding(
            "sign-on.secret-mode", "error", "Other accounts may read the secret of single sign-on.",
            "chmod go= the file of KEHU_OIDC_CLIENT_SECRET_FILE",
        )  # fmt: skip
    counted = {one.strip() for one in settings.OIDC_SECOND_FACTOR.split(",")}
    if weak := sorted(counted & _NO_FACTOR):
        yield Finding(
            "sign-on.factor", "error", Said("What is no second factor counts as one: {named}.", named=", ".join(weak)),
            "Take it out of KEHU_OIDC_SECOND_FACTOR.",
        )  # fmt: skip
    try:
        held = provider()
        assert isinstance(held, Provider)
        held.look()
    except ProviderFailed as failed:
        yield Finding(
            "sign-on.away", "warning",
            Said("The provider of single sign-on is not to be relied on now: {why}.", why=failed.reason),
            "Look at KEHU_OIDC_ISSUER (over https, exactly as its metadata says), at the secret's file and at the provider.",
        )  # fmt: skip


def _readable_by_others(file: Path) -> bool:
    try:
        return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    except OSError:
        return False  # told as what cannot be read
