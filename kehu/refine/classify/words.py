"""Words of sensitive data in Chinese and English: ``words.toml``, made into one pattern for each kind."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("words.toml")
_TWO: Final = frozenset({
    "sexual orientation", "han chinese", "african american*", "face id", "facial recognition", "iris scan", "palm print*",
    "dna test*", "location history", "gps track*", "live location", "credit score",
})  # fmt: skip
"""English terms of two words; the list is divided by spaces."""
_NOT: Final = re.compile(r"(?i)no (?:known )?allerg\w*|pollen|without surgery|防过敏|抗过敏|无过敏")
"""What only sounds like it."""


@functools.cache
def patterns() -> Mapping[str, re.Pattern[str]]:
    """A pattern for each kind; texts are folded to simplified script first."""
    rows: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    found = {}
    for kind, words in rows.items():
        english = " ".join(words["en"].split())
        two = [term for term in sorted(_TWO) if term in english]
        for term in two:
            english = english.replace(term, "")
        ends = [re.escape(term).replace(r"\*", r"\w*") for term in [*two, *english.split()]]
        han = [re.escape(word) for word in words["zh"].split()]
        found[kind] = re.compile(rf"{'|'.join(han)}|(?<![\w-])(?:{'|'.join(ends)})(?![\w-])", re.IGNORECASE)
    return found


def sensitive_words(text: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of each word of sensitive data in a text of simplified script."""
    spared = bytearray(len(text))
    for match in _NOT.finditer(text):
        spared[match.start() : match.end()] = b"\1" * len(match[0])
    for kind, pattern in patterns().items():
        for match in pattern.finditer(text):
            if not spared[match.start()]:
                yield kind, match.start(), match.end()
