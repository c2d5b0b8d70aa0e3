"""Answers to a survey's questions, and what in free text nobody asked for: addresses, numbers of people and cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kehu.collect.forms.questions import LONGEST_ANSWER, Question
from kehu.refine.classify.scan import Scanner

_SCANNER: Final = Scanner(models=False)  # an answer waits for no model
_DIGITS: Final = 4  # of thousands of digits Python makes no number


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
        elif (
            text.isascii() and text.isdigit() and len(text) <= _DIGITS and 1 <= int(text) <= len(one.option_texts("en"))
        ):
            found[one.id] = text
        else:
            faults[f"q_{one.id}"] = "invalid"
    return found


def unasked(text: str) -> list[str]:
    """Kinds of personal data that stand in a free text: ``email``, ``phone``, ``national_id``, ``card``; in this order."""
    found = _SCANNER.kinds(text)
    return [one for one in ("email", "phone", "national_id", "card") if one in found]
