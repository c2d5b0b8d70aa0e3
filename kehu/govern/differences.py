"""How two texts differ, as a reader sees it: word by word, and character by character where a script has no spaces."""

from __future__ import annotations

import difflib
import itertools
import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\s+|\w+|[^\w\s]", re.UNICODE)
_MOST: Final = 8_000_000
"""Steps of comparing two texts at most, some seconds; what is not compared by then is shown as replaced."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is ``same`` in both, ``added`` or ``removed``."""

    kind: str
    text: str


class _Budget:
    """Steps that are left for a comparison, all its parts together."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int) -> bool:
        """Whether as many are left; if so, they are spent."""
        if steps > self._left:
            return False
        self._left -= steps
        return True


class _Matcher(difflib.SequenceMatcher[str]):
    """Finds what is equal while steps are left: each pair of equal words is one, and again in each part between two matches."""

    b2j: dict[str, list[int]]  # where each word stands in the new text

    def __init__(self, before: Sequence[str], after: Sequence[str], budget: _Budget) -> None:
        super().__init__(None, before, after, autojunk=False)
        self._before, self._budget = before, budget

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """As of any matcher; nothing where no steps are left."""
        upto = sys.maxsize if bhi is None else bhi
        steps = sum(1 + bisect_left(self.b2j.get(one, ()), upto) for one in self._before[alo:ahi])
        if not self._budget.spend(steps):
            return difflib.Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """The new text with what went and what came in it: joined without what was removed it is ``new``, without what was
    added ``old``."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    # most of a text stays: what is equal at its begin and end costs no steps
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    middle = before[start : len(before) - end], after[start : len(after) - end]
    found, budget = [Piece("same", "".join(before[:start]))], _Budget(_MOST)
    for same, went, came in _compared(*middle, budget):
        found += [Piece("same", same)] if same else _within(went, came, budget)
    found.append(Piece("same", "".join(before[len(before) - end :])))
    return _joined(found)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many are equal from the begin on."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _compared(before: Sequence[str], after: Sequence[str], budget: _Budget) -> Iterator[tuple[str, str, str]]:
    """What is the same in both, or else what went and what came, one after the other."""
    for tag, i, j, k, m in _Matcher(before, after, budget).get_opcodes():
        went, came = "".join(before[i:j]), "".join(after[k:m])
        yield (went, "", "") if tag == "equal" else ("", went, came)


def _within(old: str, new: str, budget: _Budget) -> list[Piece]:
    found: list[Piece] = []
    for same, went, came in _compared(_WORD.findall(old), _WORD.findall(new), budget):
        found += [Piece("same", same)] if same else [Piece("removed", went), Piece("added", came)]
    return found


def _joined(found: list[Piece]) -> tuple[Piece, ...]:
    """What went and what came at one place as one piece each; a space alone between two changes belongs to them."""
    runs: list[Piece] = []
    held = [one for one in found if one.text]
    number = 0
    while number < len(held):
        end = number
        while end < len(held) and (held[end].kind != "same" or _between(held, end, number)):
            end += 1
        if end == number:
            runs.append(held[number])
            number += 1
            continue
        inside = held[number:end]
        if {one.kind for one in inside} == {"same", "removed", "added"}:
            inside = [
                Piece(kind, "".join(one.text for one in inside if one.kind in ("same", kind)))
                for kind in ("removed", "added")
            ]
        runs += inside
        number = end
    return tuple(runs)


def _between(held: list[Piece], number: int, begun: int) -> bool:
    """Whether a piece that stayed is a mere space between two replacements, within a change that has begun."""
    inside = begun < number < len(held) - 1
    blank = not held[number].text.strip() and "\n" not in held[number].text
    return inside and blank and held[number - 1].kind != "same" and held[number + 1].kind != "same"
