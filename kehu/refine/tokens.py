"""What finds a value in the blind index, one value at a time; an import makes the same of many (:mod:`kehu.collect.imports`)."""

from __future__ import annotations

from typing import NamedTuple

from kehu.guard.installation import installation
from kehu.refine.clean.keys import search_keys


class Tokens(NamedTuple):
    """Tokens of one value: ``exact`` of the whole of it, None where its field is not searched so; ``parts`` of a name."""

    exact: int | None
    parts: tuple[int, ...]

    @property
    def every(self) -> list[int]:
        """All of them, as a record carries them."""
        return [*(() if self.exact is None else (self.exact,)), *self.parts]


def tokens_of(name: str, value: str) -> Tokens:
    """The tokens of a normalised value of a field.

    Raises:
        KeyError: no such field.
    """
    held = installation()
    field = held.rules.dictionary.field(name)
    keys = search_keys(name, value, field.type)
    ways = (("prefix", keys.prefixes), ("bigram", keys.bigrams), ("pinyin", keys.pinyin))
    exact = held.tokens.search(name, "exact", keys.exact) if "exact" in field.search and keys.exact else None
    return Tokens(
        exact, tuple(held.tokens.search(name, way, key) for way, found in ways if way in field.search for key in found)
    )
