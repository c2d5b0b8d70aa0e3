"""At which provider somebody signs in, and which of the claims they may release there are ours: said once, in a file."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final
from urllib.parse import urlsplit

from kehu.collect.imports.recipe import fields_of
from kehu.collect.signed.settings import MOST, PATH, SettingsRefused
from kehu.guard.installation import installation

_NETWORK: Final = ("authorize", "token", "profile", "subject")  # of a network without OpenID Connect
_NAMES: Final = ("issuer", *_NETWORK, "client", "label", "scope", "verified", "secret_in")
CONTACTS: Final = frozenset({"email", "phone"})
"""Fields of ours that are somebody's only where the other side has verified it."""
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,60}( [\x21\x23-\x5b\x5d-\x7e]{1,60}){0,9}")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# OpenID Connect Core 1.0, section 5.4: which scope brings a claim, where a provider lets nobody ask by name
_SCOPES: Final = {"email": "email", "phone_number": "phone", "address": "address"}


def checked(content: bytes) -> dict[str, Any]:
    """Settings from a TOML file.

    Raises:
        SettingsRefused: no TOML, or something in it is unknown or missing.
    """
    try:
        told = tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise SettingsRefused("the file is no TOML") from None
    if unknown := sorted(set(told) - {*_NAMES, "row"}):
        raise SettingsRefused(f"{unknown[0]}: known are {', '.join([*_NAMES, 'row'])}")
    where = _NETWORK if "authorize" in told else ("issuer",)
    for name in (*where, "client", "label"):
        if not (isinstance(told.get(name), str) and _TEXT.fullmatch(told[name])):
            raise SettingsRefused(f"{name}: a text is needed")
    if extra := sorted({"issuer", *_NETWORK, "secret_in"} & set(told) - {*where, *(("secret_in",) * is_network(told))}):
        raise SettingsRefused(f"{extra[0]}: either issuer, or authorize, token, profile and subject")
    for name in where:
        if name != "subject" and not _is_address(told[name]):
            raise SettingsRefused(f"{name}: an https address, as the provider's own documentation says it")
    if is_network(told) and not PATH.fullmatch(told["subject"]):
        raise SettingsRefused("subject: where the profile says who it is, as id or user.id")
    if told.get("secret_in", "body") != "body":
        raise SettingsRefused('secret_in: "body", or left out')
    if "scope" in told and not (isinstance(told["scope"], str) and _SCOPE.fullmatch(told["scope"])):
        raise SettingsRefused("scope: words with spaces between")
    _require_paths(told.get("verified", []))
    rows = told.get("row")
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise SettingsRefused("row: one [[row]] says which claims are taken")
    return {**{k: v for k, v in told.items() if k != "row"}, "row": [_row(rows[0])]}


def is_network(settings: Any) -> bool:
    """Whether it is a network without OpenID Connect."""
    return "authorize" in settings


def _require_paths(told: Any) -> None:
    if not isinstance(told, list) or not all(isinstance(one, str) and PATH.fullmatch(one) for one in told):
        raise SettingsRefused("verified: claims whose value the other side's documentation says it has verified")


def scope_of(settings: Any) -> str:
    """The scopes that bring the claims that are taken; of a network those that the settings name."""
    if is_network(settings):
        return str(settings.get("scope", ""))
    claims = {path.partition(".")[0] for path in settings["row"][0]["fields"]}
    wanted = {"openid", *(_SCOPES.get(claim, "profile") for claim in claims), *settings.get("scope", "").split()}
    return " ".join(sorted(wanted, key=lambda one: (one != "openid", one)))


def _row(told: dict[str, Any]) -> dict[str, Any]:
    if set(told) - {"kind", "fields", "topics"} or told.get("kind", "customers") != "customers" or told.get("topics"):
        raise SettingsRefused("row: known are kind = customers, fields")
    fields = told.get("fields")
    if not isinstance(fields, dict) or not 0 < len(fields) <= MOST:
        raise SettingsRefused("row.fields: the provider's claim = our field")
    known = set(fields_of("customers", installation().rules.dictionary))
    known.discard("external_id")  # who it is, the provider says itself
    for path, field in fields.items():
        if not PATH.fullmatch(path):
            raise SettingsRefused("row.fields: a claim is written as email or address.locality")
        if field not in known:
            raise SettingsRefused(f"row.fields: {field} is no field of customers")
    return {"kind": "customers", "topics": [], "fields": dict(fields)}


def _is_address(issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE))
