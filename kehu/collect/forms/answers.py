"""Answers to a survey's questions, and what in free text nobody asked for: addresses, numbers of people and cards."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from kehu.collect.forms.questions import LONGEST_ANSWER, Question
from kehu.refine.clean import VALID
from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.identifiers import cn_resident
from kehu.refine.clean.phones import normal_phone

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[^\s@<>()（），。；、,;:]{3,200}")
_DIGITS: Final = re.compile(r"(?<![A-Za-z0-9_.])\+?[0-9](?:[ -]?[0-9]){6,20}[Xx]?(?![A-Za-z0-9_])")
_CARD: Final = range(13, 20)
_RESIDENT: Final = 18
_COUNTRIES: Final = ("CN", "US", "DE", "JP", "AU", "HK", "TW")


def answers_of(questions: Sequence[Question], said: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    """Answers by question, those left out left out; what cannot be an answer is put among the faults as ``q_…``."""
    found: dict[str, str] = {}
    for one in questions:
        text = said.get(one.id, "").replace("\0", "").strip()
        if not text:
            continue
        if one.kind == "text":
            if len(text) > LONGEST_ANSWER:
                faults[f"q_{one.id}"] = "too-long"
            found[one.id] = text
        elif text.isascii() and text.isdigit() and 1 <= int(text) <= len(one.option_texts("en")):
            found[one.id] = text
        else:
            faults[f"q_{one.id}"] = "invalid"
    return found


def unasked(text: str) -> list[str]:
    """Kinds of personal data that stand in a free text: ``email``, ``phone``, ``national_id``, ``card``; in this order."""
    found = set()
    today = datetime.now(UTC).date()
    if any(normal_email(one.rstrip(".!?")) for one in _EMAIL.findall(text)):
        found.add("email")
    for match in _DIGITS.finditer(text):
        held = match.group(0)
        digits = re.sub(r"[ -]", "", held)
        if len(digits) == _RESIDENT and cn_resident(digits, today) is not None:
            found.add("national_id")
        elif digits.isdigit() and len(digits) in _CARD and _luhn(digits):
            found.add("card")
        elif any(normal_phone(held, country)[1] == VALID for country in _COUNTRIES):
            found.add("phone")
    return [one for one in ("email", "phone", "national_id", "card") if one in found]


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0 and len(set(digits)) > 1
