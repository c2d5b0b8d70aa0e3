"""Masked forms: what a colleague needs to recognise a value and nobody can use.

Each rule takes a value that is not empty, as given or normalised, and never shows a short one. The number of dots
says nothing of the length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

DOTS: Final = "••••"
_HAN: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_YEAR: Final = re.compile(r"(\d{4})(?:\D|\d{4}$)")
# of a country, without the rest of its number: ITU-T E.164, which has no code that begins another
_CALLING: Final = re.compile(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")
_RUNS: Final = re.compile(
    r"(?P<digits>\d+)|(?P<han>[\u3400-\u9fff\U00020000-\U0003ffff]+)"
    r"|(?P<letters>(?:(?![\u3400-\u9fff\U00020000-\U0003ffff])[^\W\d_])+)|(?P<blank>\s+)|(?P<sign>.)",
    re.DOTALL,
)
_MOST_RUNS: Final = 12
_SHORTEST_TAIL: Final = 10  # four of ten: less than half is shown


def _name(value: str) -> str:
    value = value.strip()
    return f"{value[:1]}**" if len(value) > 1 else "**"


def _email(value: str) -> str:
    local, at, domain = value.strip().rpartition("@")
    if not at or not domain:
        return DOTS
    return f"{local[:1] if len(local) > 2 else ''}•••••@{domain}"


def _phone(value: str) -> str:
    digits = re.sub(r"\D", "", value)
    if digits.startswith("861") and len(digits) == 13:
        digits = digits[2:]  # a Chinese mobile is known by its first three digits, not by +86
    elif value.lstrip().startswith("+") and len(digits) >= 11 and (code := _CALLING.match(digits)):
        return f"+{code[0]} {DOTS} {digits[-4:]}"
    if len(digits) >= 11:
        return f"{digits[:3]} {DOTS} {digits[-4:]}"
    return f"{DOTS} {digits[-2:]}" if len(digits) >= 7 else DOTS


def _tail(value: str) -> str:
    value = value.strip()
    return f"{DOTS}{value[-4:]}" if len(value) >= _SHORTEST_TAIL else DOTS


def _date(value: str) -> str:
    year = _YEAR.match(value.strip())
    return f"{year[1]}-**-**" if year else DOTS


def _address(value: str) -> str:
    value = value.strip()
    # a Chinese address begins with the province; a Western one with the house
    return f"{value[:2]}{DOTS}" if len(value) > 6 and _HAN.match(value) and _HAN.match(value, 1) else DOTS


def _all(value: str) -> str:
    return DOTS


def _none(value: str) -> str:
    return value


def shape(value: str) -> str:
    """How a value is made of which nobody has said what it is: digits, letters and Han in their order, no character of it."""
    runs = [_run(found) for found in _RUNS.finditer(value.strip())]
    return "".join([*runs[:_MOST_RUNS], *([DOTS] if len(runs) > _MOST_RUNS else [])])


def _run(found: re.Match[str]) -> str:
    kind, text = found.lastgroup or "", found[0]
    return {"digits": "9••", "han": "字••", "letters": "a••", "blank": " "}.get(kind, text if text.isascii() else "•")


RULES: Final[Mapping[str, Callable[[str], str]]] = {
    "name": _name,
    "email": _email,
    "phone": _phone,
    "tail": _tail,
    "date": _date,
    "address": _address,
    "all": _all,
    "none": _none,
}
