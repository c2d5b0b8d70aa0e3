"""What is wrong with a declaration: a code, the place, and a word; the texts with their remedies stand in ``faults.toml``."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("faults.toml")


class Fault(ValueError):
    """A declaration that cannot come into force. ``place``: where, in its own words; ``word``: what it is about."""

    def __init__(self, code: str, place: str, word: str) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.word = word

    def __str__(self) -> str:
        return f"{self.message('en')} {self.remedy('en')}"

    def message(self, language: str) -> str:
        """What is wrong, in ``zh-hans``, ``zh-hant`` or ``en``."""
        text = _texts()[self.code][language][0].format(word=self.word)
        return f"{text} [{self.place}]" if self.place else text

    def remedy(self, language: str) -> str:
        """What to do about it."""
        return _texts()[self.code][language][1].format(word=self.word)


class UnknownTrait(LookupError):
    """There is no trait of that name in force, or it has no such band; or the traits serve different purposes."""


class NobodyMay(RuntimeError):
    """Neither owner nor deputy of a trait may ask for its purpose now; what is due waits.

    ``policy``: what stands against it. ``asked``: the gate was asked, and refused them; else that was clear before.
    """

    def __init__(self, purpose: str, policy: str, *, asked: bool = False) -> None:
        super().__init__(purpose)
        self.purpose = purpose
        self.policy = policy
        self.asked = asked


@functools.cache
def _texts() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
