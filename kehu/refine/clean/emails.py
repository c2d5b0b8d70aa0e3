"""E-mail addresses: lower case, internationalised domains in their ASCII form (RFC 5321, RFC 5891)."""

from __future__ import annotations

import re
from typing import Final

import idna
import polars as pl

from kehu.refine.clean.status import Cleaned, Context, fill_rest, settle

_PLAIN: Final = r"^[a-z0-9][a-z0-9._%+'-]*@[a-z0-9][a-z0-9.-]*\.[a-z]{2,}$"
_TWISTED: Final = r"\.\.|\.@|[.-]-?\.|-\.|@.*--"
_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_OF_AN_ADDRESS: Final = re.compile(r"[a-z0-9@]")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normal_email(value: str) -> str | None:
    """The address in lower case with an ASCII domain, or None. Takes it out of `mailto:` and `Name <address>`.

    A word beside it is left out where it cannot be part of one, as a name in Han; else the value is none, for what stands
    together without the blank is another person's.
    """
    text = value.strip().removeprefix("mailto:").strip()
    if match := re.fullmatch(r"[^<>]*<([^<>]+)>", text):
        text = match[1]
    local, at, domain = text.lower().replace("。", ".").rpartition("@")
    *before, local = local.split() or [""]
    domain, *after = ".".join(map(str.strip, domain.split("."))).split() or [""]
    domain = domain.rstrip(".")
    if any(_OF_AN_ADDRESS.search(word) for word in (*before, *after)):
        return None
    if not at or not _LOCAL.fullmatch(local) or len(local.encode()) > 64:
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return None if labels[-1].isdigit() else f"{local}@{domain}"


def emails(values: pl.Series, context: Context) -> Cleaned:
    """E-mail addresses; reserved domains (RFC 2606) are as good as others, delivery is not tried."""
    low = values.str.to_lowercase()
    plain = low.str.contains(_PLAIN) & ~low.str.contains(_TWISTED) & (low.str.len_bytes() <= 64)
    normal = low.set(~plain.fill_null(True), None)
    return settle(values, fill_rest(low, normal, normal_email))
