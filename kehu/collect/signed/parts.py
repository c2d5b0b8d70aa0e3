"""Reading what shops send: places in it, texts, moments, ids; and what is counted because no field takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kehu.guard.installation import installation

LONGEST: Final = 2_000
"""Characters of one value."""
DEEPEST: Final = 8
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_. -]{0,59}")


class Refused(ValueError):
    """A message that says nothing we can take; its text is the reason's name."""


def thing(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def things(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A value as text; numbers become strings, and what is empty, an object, a list or a truth value is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return str(value)
    return value.strip()[:LONGEST] or None if isinstance(value, str) else None


def first(*values: Any) -> str | None:
    """The first that is a text."""
    return next((found for one in values if (found := text(one)) is not None), None)


def id_of(value: Any) -> str | None:
    """An id as text; 0 is nobody's."""
    found = text(value)
    return found[:200] if found is not None and found != "0" else None


def at_path(content: Any, path: str) -> Any:
    """What stands at a place like ``customer.email`` or ``items.0.name``; None: nothing."""
    for name in path.split(".")[:DEEPEST]:
        if isinstance(content, dict):
            content = content.get(name)
        elif isinstance(content, list) and name.isdigit() and len(name) < 5 and int(name) < len(content):
            content = content[int(name)]
        else:
            return None
    return content


def moment(value: Any) -> datetime | None:
    """A moment as ISO 8601 writes it, or seconds (or milliseconds) since 1970; without an offset it is UTC."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int) or (isinstance(value, str) and value.isascii() and value.isdigit()):
            seconds = int(value)
            return datetime.fromtimestamp(seconds / 1_000 if seconds > 10**11 else seconds, UTC)
        if not isinstance(value, str):
            return None
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def earliest(now: datetime, *told: datetime | None, slack: timedelta = timedelta(0)) -> datetime:
    """The earliest of some times, the later ones with some slack: nothing was said tomorrow."""
    known = [one + slack for one in told if one is not None]
    return min([now, *known])


def guest(email: str | None, phone: str | None) -> str | None:
    """The name of a buyer without an account: the same for the same address, and it tells nobody which."""
    said = (email or phone or "").casefold()
    return f"guest:{installation().tokens.content(f'guest{chr(31)}{said}'.encode()).hex()}" if said else None


def values_of(content: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """Our fields by the sender's places: the first place that holds something counts."""
    found: dict[str, str] = {}
    for path, field in known.items():
        if field not in found and (held := text(at_path(content, path))) is not None:
            found[field] = held
    return found


def count_unread(content: Mapping[str, Any], known: Iterable[str], unread: dict[str, int]) -> None:
    """Count names of what holds something and nobody takes; never a value, nor names within, which may be somebody's."""
    taken = frozenset(known)
    for name, value in content.items():
        if value not in (None, "", [], {}) and name not in taken and _NAME.fullmatch(name):
            unread[name] = unread.get(name, 0) + 1
