"""The letter that tells a person where their data came from; its words stand in ``letters.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kehu.govern.slugs import CATEGORIES, LANGUAGES
from kehu.govern.sources import Mark
from kehu.guard.installation import installation

_FILE: Final = Path(__file__).with_name("letters.toml")
_RULE: Final = "\n\n" + "—" * 20 + "\n\n"
_UNNAMED: Final = ("", "main")  # the name every installation begins with says nothing to anybody outside
_TRADITIONAL: Final = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")


@dataclass(frozen=True, slots=True)
class Came:
    """From whom something came, which categories of data, and what it may be used for."""

    mark: Mark
    categories: tuple[str, ...]
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent; ``language`` is empty where it is written in all."""

    subject: str
    text: str
    language: str


def letter_of(came: Sequence[Came], *, house: str, language: str) -> Letter:
    """The letter for one person, in their language or, where it is not known, in all."""
    said = spoken(language)
    held, languages = _words(), [said] if said else list(LANGUAGES)
    return Letter(
        subject=" · ".join(held["subject"][one] for one in languages),
        text=_RULE.join(_body(came, house=house, language=one) for one in languages) + "\n",
        language=said,
    )


def spoken(language: str) -> str:
    """Ours for a language tag; empty: none of ours."""
    tag = language.strip().casefold().replace("_", "-")
    if tag.startswith(_TRADITIONAL):
        return "zh-hant"
    return "zh-hans" if tag.startswith("zh") else "en" if tag.startswith("en") else ""


def _body(came: Iterable[Came], *, house: str, language: str) -> str:
    held = _words()
    lines = [_line(one, language) for one in came]
    named = held["house"][language] if house in _UNNAMED else house
    return "\n\n".join([held["greeting"][language].format(house=named), *lines, held["rights"][language]])


def _line(one: Came, language: str) -> str:
    held, rules = _words(), installation().rules
    apart = ", " if language == "en" else "、"
    return str(held["bought" if one.mark.kind == "third-party" else "public"][language]).format(
        party=one.mark.party or held["nobody"][language],
        data=apart.join(held["categories"][name][language] for name in one.categories),
        purposes=apart.join(rules.purposes[slug].label(language) for slug in one.purposes) or held["nothing"][language],
    )


@functools.cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    texts = [text for name, text in found.items() if name != "categories"] + list(found["categories"].values())
    if set(found["categories"]) != set(CATEGORIES) or any(set(LANGUAGES) - set(one) for one in texts):
        raise ValueError("letters of sources: a language or a category is missing")
    return found
