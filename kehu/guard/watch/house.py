"""What an installation says of its watch: the house's time zone, and where alerts are posted."""

from __future__ import annotations

import ipaddress
import os
import zoneinfo
from typing import Final
from urllib.parse import urlsplit

ZONE_SETTING: Final = "KEHU_WATCH_ZONE"
WEBHOOK_SETTING: Final = "KEHU_WATCH_WEBHOOK"
_ZONE: Final = "Asia/Shanghai"  # the shipped controller's


def zone() -> str:
    """The zone by which days and hours of people without hours of duty are told.

    Raises:
        ValueError: no zone is called so.
    """
    said = os.environ.get(ZONE_SETTING) or _ZONE
    if said not in zoneinfo.available_timezones():
        raise ValueError(f"{ZONE_SETTING}: as Asia/Shanghai")
    return said


def webhook() -> str | None:
    """The address that alerts are posted to, None where there is none.

    Raises:
        ValueError: it is neither https nor on this machine, or carries a user or password.
    """
    said = os.environ.get(WEBHOOK_SETTING, "").strip()
    if not said:
        return None
    parts = urlsplit(said)
    if parts.username is not None or parts.password is not None or not parts.hostname:
        raise ValueError(f"{WEBHOOK_SETTING}: an address with a host, without user and password")
    if parts.scheme == "https" or (parts.scheme == "http" and _here(parts.hostname)):
        return said
    raise ValueError(f"{WEBHOOK_SETTING}: an https address, or an http one on this machine")


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
