"""How two texts differ, as a reader sees it: word by word, and character by character where a script has no spaces."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\s+|\w+|[^\w\s]", re.UNICODE)
_MOST: Final = 4_000_000
"""Pairs of words compared within a paragraph at most; beyond, the whole paragraph is shown as replaced."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is ``same`` in both, ``added`` or ``removed``."""

    kind: str
    text: str


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """The new text with what went and what came in it: joined without what was removed it is ``new``, without what was
    added ``old``."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found: list[Piece] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(before[i:j])))
        else:
            found += _within("".join(before[i:j]), "".join(after[k:m]))
    return _joined(found)


def _within(old: str, new: str) -> list[Piece]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) * len(after) > _MOST:
        return [Piece("removed", old), Piece("added", new)]
    found: list[Piece] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(before[i:j])))
            continue
        found.append(Piece("removed", "".join(before[i:j])))
        found.append(Piece("added", "".join(after[k:m])))
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
