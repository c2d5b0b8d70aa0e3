"""Patterns of the rule language: a small part of regular expressions, matched in time linear in the text.

The office writes them, so nothing may run away: no back references, no look-around, repeats bounded, and the match walks a
set of states (Thompson 1968) whose steps are remembered, never a stack of choices to be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 200
"""Characters of a pattern."""
MOST_TEXT: Final = 1_000
"""Characters of a text that are looked at; a longer one never matches."""
_MOST_REPEATS: Final = 64
_MOST_STATES: Final = 2_000
_KEPT: Final = 4_000  # steps remembered
_DIGITS: Final = ((0x30, 0x39),)
_WORD: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0xC0, 0x24F), (0x3400, 0x9FFF))
_SPACE: Final = ((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x3000, 0x3000))
_ANY: Final = ((0, 0x10FFFF),)
_NAMED: Final = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_SPECIAL: Final = frozenset(".[]()|?*+{}\\")

Ranges = tuple[tuple[int, int], ...]


class BadPattern(ValueError):
    """A pattern that is not of the known part; ``at`` counts its characters from 0."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.why = why
        self.at = at


@dataclass(slots=True)
class _State:
    """A place of the machine: on a character of ``ranges`` it goes to ``to``, without one to each of ``free``."""

    ranges: Ranges = ()
    outside: bool = False  # any character that is in none of the ranges
    to: int = -1
    free: list[int] = field(default_factory=list)


class Pattern:
    """A compiled pattern; it has to fit the whole text."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise BadPattern("too long", LONGEST)
        self.text = text
        built = _Builder(text)
        self._states = built.states
        self._end = built.end
        self._sets: list[frozenset[int]] = [self._closed([built.start])]
        self._number: dict[frozenset[int], int] = {self._sets[0]: 0}
        self._steps: dict[tuple[int, str], int] = {}

    def fits(self, text: str) -> bool:
        """Whether the whole text is of this pattern."""
        if len(text) > MOST_TEXT:
            return False
        at = 0
        for letter in text:
            step = self._steps.get((at, letter))
            at = self._step(at, letter) if step is None else step
            if at < 0:
                return False
        return self._end in self._sets[at]

    def _step(self, at: int, letter: str) -> int:
        code = ord(letter)
        reached = self._closed(
            one.to
            for one in (self._states[number] for number in self._sets[at])
            if one.to >= 0 and any(low <= code <= high for low, high in one.ranges) is not one.outside
        )
        if len(self._steps) >= _KEPT:  # a text of ever new letters: begin anew with what is needed now
            begin = self._sets[0]
            self._sets, self._number, self._steps = [begin], {begin: 0}, {}
            return self._of(reached)
        found = self._of(reached)
        self._steps[at, letter] = found
        return found

    def _of(self, reached: frozenset[int]) -> int:
        if not reached:
            return -1
        number = self._number.get(reached)
        if number is None:
            number = self._number[reached] = len(self._sets)
            self._sets.append(reached)
        return number

    def _closed(self, start: Iterable[int]) -> frozenset[int]:
        found: set[int] = set()
        waiting = list(start)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self._states[one].free
        return frozenset(found)


class _Builder:
    """Reads a pattern into states: alternatives of runs of repeated parts."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.states: list[_State] = []
        self.start, self.end = self._alternatives()
        if self._at < len(text):
            raise BadPattern("unexpected", self._at)

    def _new(self, *free: int) -> int:
        if len(self.states) >= _MOST_STATES:
            raise BadPattern("too many repeats", self._at)
        self.states.append(_State(free=list(free)))
        return len(self.states) - 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        letter = self._peek()
        if not letter:
            raise BadPattern("ends too early", self._at)
        self._at += 1
        return letter

    def _alternatives(self) -> tuple[int, int]:
        start, end = self._new(), self._new()
        while True:
            first, last = self._run()
            self.states[start].free.append(first)
            self.states[last].free.append(end)
            if self._peek() != "|":
                return start, end
            self._at += 1

    def _run(self) -> tuple[int, int]:
        start = end = self._new()
        while self._peek() not in ("", "|", ")"):
            first, last = self._repeated()
            self.states[end].free.append(first)
            end = last
        return start, end

    def _repeated(self) -> tuple[int, int]:
        begins = self._at
        part = self._part()
        least, most = self._times()
        ends = self._at
        if (least, most) == (1, 1):
            return part
        start = end = self._new()
        for number in range(most if most is not None else max(least, 1)):
            if number:
                self._at = begins
                part = self._part()
            first, last = part
            self.states[end].free.append(first)
            joint = self._new()
            self.states[last].free.append(joint)
            if number >= least:
                self.states[end].free.append(joint)
            if most is None and number == max(least, 1) - 1:
                self.states[joint].free.append(first)
            end = joint
        self._at = ends
        return start, end

    def _times(self) -> tuple[int, int | None]:
        sign = self._peek()
        if sign in ("?", "*", "+") and sign:
            self._at += 1
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
        if sign != "{":
            return 1, 1
        at = self._at
        self._at += 1
        inside = ""
        while (letter := self._take()) != "}":
            inside += letter
        low, comma, high = inside.partition(",")
        if not low.isdecimal() or (comma and high and not high.isdecimal()):
            raise BadPattern("a number of times", at)
        least = int(low)
        most = least if not comma else int(high) if high else None
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and not 0 < most >= least):
            raise BadPattern(f"at most {_MOST_REPEATS} times", at)
        return least, most

    def _part(self) -> tuple[int, int]:
        letter, at = self._take(), self._at - 1
        if letter == "(":
            self._depth += 1
            if self._depth > 10 or self._peek() == "?":
                raise BadPattern("groups say nothing else here", at)
            found = self._alternatives()
            if self._take() != ")":
                raise BadPattern("a bracket stays open", at)
            self._depth -= 1
            return found
        if letter == "[":
            return self._class(at)
        if letter == ".":
            return self._letter(_ANY)
        if letter == "\\":
            return self._letter(*self._escaped(at))
        if letter in _SPECIAL or letter in "^$":
            raise BadPattern("stands for itself only behind a \\", at)
        return self._letter(((ord(letter), ord(letter)),))

    def _letter(self, ranges: Ranges, outside: bool = False) -> tuple[int, int]:
        start, end = self._new(), self._new()
        held = self.states[start]
        held.ranges, held.outside, held.to = ranges, outside, end
        return start, end

    def _escaped(self, at: int) -> tuple[Ranges, bool]:
        letter = self._take()
        if letter.lower() in _NAMED:
            return _NAMED[letter.lower()], letter.isupper()
        if letter.isalnum():
            raise BadPattern("no such letter behind a \\", at)
        return ((ord(letter), ord(letter)),), False

    def _class(self, at: int) -> tuple[int, int]:
        outside = self._peek() == "^"
        self._at += outside
        ranges: list[tuple[int, int]] = []
        while (letter := self._take()) != "]":
            if letter == "\\":
                named, turned = self._escaped(at)
                if turned:
                    raise BadPattern("no such letter within [ ]", at)
                ranges += named
                continue
            low = high = ord(letter)
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = ord(self._take())
            if high < low:
                raise BadPattern("a range runs upwards", at)
            ranges.append((low, high))
        if not ranges:
            raise BadPattern("nothing within [ ]", at)
        return self._letter(tuple(ranges), outside)
