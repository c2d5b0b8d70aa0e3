"""The scanner: one text in, the kinds of personal data in it out, each with its place. It keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from kehu.refine.classify import names, patterns, words
from kehu.refine.classify.kinds import KINDS, Kind
from kehu.refine.clean.keys import fold
from kehu.refine.clean.text import normal_string

LONGEST: Final = 200_000
"""Characters of one text that are looked at."""


class Hit(NamedTuple):
    """A find: what kind, from which character to which of the text as it was looked at. ``repr`` holds no value."""

    kind: str
    start: int
    end: int

    @property
    def of(self) -> Kind:
        """What the kind means in the dictionary."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Scanner:
    """Finds personal data. ``models``: names also by the models, where they are installed."""

    models: bool = True

    def find(self, text: str) -> list[Hit]:
        """What stands in a text, in its order; of two finds in one place the more certain one.

        Places are those of :func:`seen`, the text as it is looked at.
        """
        looked_at = seen(text)
        found: list[Hit] = []
        taken = bytearray(len(looked_at))
        for kind, start, end in self._all(looked_at):
            if not any(taken[start:end]):
                found.append(Hit(kind, start, end))
                taken[start:end] = b"\1" * (end - start)
        return sorted(found, key=lambda one: (one.start, one.end))

    def kinds(self, text: str) -> dict[str, int]:
        """How often each kind stands in a text."""
        counted: dict[str, int] = {}
        for hit in self.find(text):
            counted[hit.kind] = counted.get(hit.kind, 0) + 1
        return counted

    def _all(self, text: str) -> Iterator[patterns.Found]:
        # What has a check digit first: a later find that overlaps an earlier one is not taken.
        yield from patterns.emails(text)
        yield from patterns.identifiers(text)
        yield from patterns.numbers(text)
        yield from words.sensitive_words(_simplified(text))
        if self.models:
            yield from names.model_names(text)
        yield from patterns.named(text)


def seen(text: str) -> str:
    """A text as the scanner looks at it: half-width, its spaces plain, cut at :data:`LONGEST`."""
    return normal_string(text[:LONGEST])


def _simplified(text: str) -> str:
    """In simplified script, character for character, so that places stay the same."""
    folded = fold(text)
    return folded if len(folded) == len(text) else "".join(fold(one)[:1] or one for one in text)
