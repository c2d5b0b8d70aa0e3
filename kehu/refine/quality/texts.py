"""What a rule says, checked: its condition reads, and its examples turn out as they should."""

from __future__ import annotations

import datetime as dt
import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kehu.govern.dictionary import Dictionary
from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.state import PACKS
from kehu.guard.installation import installation
from kehu.refine.clean import clean_value
from kehu.refine.clean.status import ABSENT
from kehu.refine.quality.evaluate import Check, compiled
from kehu.refine.quality.language import BadRule, read
from kehu.refine.quality.models import DIMENSIONS, SEGMENT, SEVERITIES

PURPOSE: Final = "accuracy"
_FILE: Final = Path(__file__).with_name("shipped.toml")
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{1,59}")
_MOST_EXAMPLES: Final = 20
_LONGEST: Final = 100  # of a name


class ExampleFails(ValueError):
    """An example does not turn out as it should; ``wanted`` what it should, ``number`` counts from 1 among those."""

    def __init__(self, wanted: str, number: int) -> None:
        super().__init__(f"{wanted} {number}")
        self.wanted = wanted
        self.number = number


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as somebody writes it; ``passes`` and ``fails``: made-up customers that meet it, and that do not.

    ``segment``: of whom it asks something, such as ``kind:2`` or ``law:CN``; empty: of everybody.
    """

    slug: str
    labels: Mapping[str, str]
    condition: str
    dimension: str
    severity: str
    passes: Sequence[Mapping[str, str]]
    fails: Sequence[Mapping[str, str]]
    segment: str = ""

    def checked(self, today: dt.date | None = None) -> Checked:
        """The same, read and tested on its examples.

        Raises:
            BadRule: its condition cannot be read.
            ExampleFails: an example turns out otherwise.
            ValueError: a word is not of the known ones, a name or the examples are missing.
        """
        if not _SLUG.fullmatch(self.slug):
            raise ValueError("slug: small letters, digits and -, a letter first")
        if self.dimension not in DIMENSIONS or self.severity not in SEVERITIES:
            raise ValueError(f"dimension: {', '.join(DIMENSIONS)}; severity: {', '.join(SEVERITIES)}")
        if not re.fullmatch(SEGMENT, self.segment) or (self.segment[:4] == "law:" and self.segment[4:] not in PACKS):
            raise ValueError(f"segment: empty, kind:1, kind:2, controller: and a number, law: and {', '.join(PACKS)}")
        if any(not 0 < len(self.labels.get(one, "").strip()) <= _LONGEST for one in LANGUAGES):
            raise ValueError(f"labels: in each of {', '.join(LANGUAGES)}")
        if not 0 < len(self.passes) <= _MOST_EXAMPLES or not 0 < len(self.fails) <= _MOST_EXAMPLES:
            raise ValueError("examples: at least one that passes and one that fails")
        made, types = self.compiled(), field_types()
        day = today or dt.datetime.now(dt.UTC).date()
        for wanted, examples in ((True, self.passes), (False, self.fails)):
            for number, example in enumerate(examples, 1):
                if made.check(_cleaned(example, types), day) is not wanted:
                    raise ExampleFails("passes" if wanted else "fails", number)
        return made

    def compiled(self) -> Checked:
        """The same, read alone: its examples turned out as they should on the day it was kept, and ``today`` goes on.

        Raises:
            BadRule: its condition cannot be read, or not any more: a field is gone, or of another type.
        """
        types = field_types()
        condition = read(self.condition, types)
        return Checked(self, condition.fields, compiled(condition, types))


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule that may be tried: what it says, the fields it looks at, and its check."""

    text: RuleText
    fields: tuple[str, ...]
    check: Check


def field_types() -> dict[str, str]:
    """The fields that a rule may name, with their dictionary types: those that purpose accuracy needs."""
    dictionary = Dictionary.load()
    least = installation().rules.purposes[PURPOSE].least
    return {name: field.type for name, field in dictionary.fields.items() if name in least and not field.event}


@functools.cache
def shipped_texts() -> dict[str, RuleText]:
    """The rules that come with Kehu, by name."""
    held: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {slug: RuleText(slug=slug, **row) for slug, row in held.items()}


def _cleaned(example: Mapping[str, str], types: Mapping[str, str]) -> dict[str, str]:
    """An example as a record would hold it: normalised where it can be, else as given; a blank is no value."""
    unknown = set(example) - set(types)
    if unknown or not example:
        raise ValueError("examples: fields that a rule may name, one at least")
    cleaned = {name: clean_value(name, text, types[name]) for name, text in example.items()}
    return {name: normal or example[name] for name, (normal, status) in cleaned.items() if status != ABSENT}


__all__ = ["PURPOSE", "BadRule", "Checked", "ExampleFails", "RuleText", "field_types", "shipped_texts"]
