"""How the sender of a generic webhook signs and what its message holds: said once in a file, checked when it is said."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from kehu.collect.channels import kinds
from kehu.collect.imports.recipe import KINDS, LINKS, fields_of
from kehu.collect.models import SignedChannel
from kehu.govern.models import Channel
from kehu.guard.installation import installation

ENCODINGS: Final = ("base64", "hex")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,60}")
PATH: Final = re.compile(r"[^.\s]{1,60}(\.[^.\s]{1,60}){0,7}")
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    "signature": _HEADER, "timestamp": _HEADER, "topic": re.compile(rf"(header:)?({PATH.pattern})"), "id": PATH,
    "at": PATH, "prefix": re.compile(r"[\x21-\x7e]{0,30}"),
    "signed": re.compile(r"[\x21-\x7e]{0,20}\{timestamp\}[\x21-\x7e]{0,20}\{body\}"),
}  # fmt: skip
_ROW: Final = frozenset({"kind", "topics", "fields"})
MOST: Final = 60  # rows, topics, fields


class SettingsRefused(ValueError):
    """Something in the settings is unknown or missing; the message names it."""


def keep_settings(channel: Channel, content: bytes) -> dict[str, Any]:
    """Have a channel's messages read by these settings, a TOML file; returns them as kept. They count for the next message.

    Raises:
        SettingsRefused: no TOML, or something in it is unknown or missing.
    """
    settings = (kinds()[channel.kind].check or checked)(content)
    with transaction.atomic():
        SignedChannel.objects.update_or_create(channel=channel.id, defaults={"settings": settings})
    return settings


def settings_of(channel: Channel) -> dict[str, Any]:
    """A channel's settings as kept; empty until somebody says some."""
    held = SignedChannel.objects.filter(channel=channel.id).first()
    return dict(held.settings) if held is not None else {}


def as_text(settings: Mapping[str, Any]) -> str:
    """Settings as the TOML file they can be given as again."""
    lines = [f"{name} = {_quoted(held)}" for name, held in settings.items() if name != "row"]
    for row in settings.get("row", ()):
        lines += ["", "[[row]]", f"kind = {_quoted(row['kind'])}"]
        if row["topics"]:
            lines.append(f"topics = [{', '.join(_quoted(one) for one in row['topics'])}]")
        lines += ["[row.fields]", *(f"{_quoted(path)} = {_quoted(field)}" for path, field in row["fields"].items())]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # a string of JSON is a basic string of TOML, but for the one control character that only TOML has escaped
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def checked(content: bytes) -> dict[str, Any]:
    """Settings from a TOML file.

    Raises:
        SettingsRefused: no TOML, or something in it is unknown or missing.
    """
    try:
        told = tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise SettingsRefused("the file is no TOML") from None
    unknown = sorted(set(told) - set(_TEXTS) - {"encoding", "row"})
    if unknown:
        raise SettingsRefused(f"{unknown[0]}: known are {', '.join([*_TEXTS, 'encoding', 'row'])}")
    for name, form in _TEXTS.items():
        if name in told and not (isinstance(told[name], str) and form.fullmatch(told[name])):
            raise SettingsRefused(f"{name}: not as it is written (see the how-to on shops)")
    if "signature" not in told:
        raise SettingsRefused("signature: the name of the header that carries it is needed")
    if told.get("encoding", "base64") not in ENCODINGS:
        raise SettingsRefused(f"encoding: one of {', '.join(ENCODINGS)}")
    if ("signed" in told) and "timestamp" not in told:
        raise SettingsRefused("timestamp: the header is needed where its value is signed")
    rows = told.get("row")
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST:
        raise SettingsRefused("row: at least one [[row]] says what a message becomes")
    return {**{k: v for k, v in told.items() if k != "row"}, "row": [_row(one) for one in rows]}


def _row(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict) or set(told) - _ROW:
        raise SettingsRefused(f"row: known are {', '.join(sorted(_ROW))}")
    kind, topics, fields = told.get("kind"), told.get("topics", []), told.get("fields")
    if kind not in KINDS:
        raise SettingsRefused(f"row.kind: one of {', '.join(KINDS)}")
    if not isinstance(topics, list) or len(topics) > MOST or not all(isinstance(one, str) for one in topics):
        raise SettingsRefused("row.topics: a list of topics")
    if not isinstance(fields, dict) or not 0 < len(fields) <= MOST:
        raise SettingsRefused("row.fields: the sender's place = our field")
    known = fields_of(kind, installation().rules.dictionary)
    for path, field in fields.items():
        if not PATH.fullmatch(path):
            raise SettingsRefused("row.fields: a place is written as customer.email")
        if field not in known:
            raise SettingsRefused(f"row.fields: {field} is no field of {kind}")
    if not set(LINKS) & set(fields.values()):
        raise SettingsRefused(f"row.fields: one of {', '.join(sorted(LINKS))} says whose it is")
    return {"kind": kind, "topics": topics, "fields": dict(fields)}
