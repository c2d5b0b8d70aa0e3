"""The rule language: one condition over the fields of a customer, read into a tree and checked before it is kept.

Nothing of it is ever run as a program. What a condition says of a customer whose fields are not known is nothing: its answer
has three values (:mod:`kehu.refine.quality.evaluate`).

    birth_date <= today and birth_date >= today - 120 years
    not (country = 'CN') or postal_code matches '[0-9]{6}'
    length(full_name) between 2 and 100
    gender in ('female', 'male', 'other')
    email is not null or phone is not null
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kehu.refine.quality.patterns import BadPattern, Pattern

LONGEST: Final = 1_000
"""Characters of a condition."""
_DEEPEST: Final = 30
_MOST_LISTED: Final = 200
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d{1,15}(?:\.\d{1,9})?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<text>'(?:[^'\x00-\x1f]|'')*')"
    r"|(?P<sign><=|>=|!=|<>|[=<>()+,-]))"
)
_WORDS: Final = frozenset(
    ["and", "or", "not", "in", "matches", "between", "is", "null", "today", "true", "false", "day", "days", "month",
     "months", "year", "years", "length", "lower", "left"]
)  # fmt: skip
_UNITS: Final = {"day": "days", "month": "months", "year": "years"}
_COMPARES: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
TEXT, NUMBER, DATE, SPAN, TRUTH = "text", "number", "date", "span", "truth"
_OF_TYPE: Final = {"date": DATE, "datetime": DATE, "decimal": NUMBER, "integer": NUMBER}
"""Kinds of values by the dictionary's types; every other type is text."""


class BadRule(ValueError):
    """A condition that cannot be read: why, as a word, and where (a character counted from 0). Carries no value."""

    def __init__(self, why: str, at: int, found: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.at = at
        self.found = found


@dataclass(frozen=True, slots=True)
class Named:
    """A field."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number, or a date written out."""

    value: str | float | dt.date


@dataclass(frozen=True, slots=True)
class Today:
    """The day of the check."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: so many ``days``, ``months`` or ``years``."""

    count: int
    unit: str


@dataclass(frozen=True, slots=True)
class Call:
    """``length``, ``lower`` or ``left`` of something; ``count`` is left's."""

    name: str
    of: Node
    count: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """A date and a span, or two numbers, added or taken away (``sign`` 1 or -1)."""

    left: Node
    right: Node
    sign: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Two values compared."""

    left: Node
    sign: str
    right: Node


@dataclass(frozen=True, slots=True)
class Listed:
    """Whether a value is one of a list."""

    left: Node
    values: tuple[str | float | dt.date, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """Whether a text is of a pattern."""

    left: Node
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a field is not there."""

    left: Node


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Node


@dataclass(frozen=True, slots=True)
class Joined:
    """All of several (``and``), or one of them (``or``)."""

    word: str
    parts: tuple[Node, ...]


Node = Named | Constant | Today | Span | Call | Moved | Compared | Listed | Matched | Missing | Not | Joined


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read: its tree, and the fields it looks at, in order."""

    tree: Node
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def read(text: str, types: Mapping[str, str]) -> Condition:
    """Read a condition over fields of these names and dictionary types.

    Raises:
        BadRule: it is too long, names an unknown field, compares what cannot be compared, or is not of the language.
    """
    if len(text) > LONGEST:
        raise BadRule("too-long", LONGEST)
    return _Reader(_tokens(text), types, len(text)).whole()


def kind_of(type_: str) -> str:
    """The kind of value of a dictionary type: text, number or date."""
    return _OF_TYPE.get(type_, TEXT)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        held = _TOKEN.match(text, at)
        if held is None or held.end() == at or held.lastgroup is None:
            raise BadRule("unreadable", at, text[at : at + 1])
        kind, said = held.lastgroup, held[held.lastgroup]
        begins = held.start(held.lastgroup)
        if kind == "text":
            said = said[1:-1].replace("''", "'")
        elif kind == "word" and said.lower() in _WORDS:
            kind, said = "key", said.lower()
        found.append(_Token(kind, said, begins))
        at = held.end()
    return found


class _Reader:
    """Recursive descent: or, and, not, a comparison, a sum, a single value; kinds are checked on the way."""

    def __init__(self, tokens: list[_Token], types: Mapping[str, str], end: int) -> None:
        self._tokens = tokens
        self._types = types
        self._place = 0
        self._end = end
        self._deep = 0
        self._fields: dict[str, None] = {}

    def whole(self) -> Condition:
        tree = self._either()
        if self._place < len(self._tokens):
            raise self._bad("unexpected")
        if not self._fields:
            raise BadRule("no-field", 0)
        return Condition(tree, tuple(self._fields))

    # -- tokens

    def _at(self) -> int:
        return self._tokens[self._place].at if self._place < len(self._tokens) else self._end

    def _is(self, text: str) -> bool:
        held = self._tokens[self._place] if self._place < len(self._tokens) else None
        return held is not None and held.kind in ("key", "sign") and held.text == text

    def _accept(self, text: str) -> bool:
        if self._is(text):
            self._place += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._accept(text):
            raise self._bad("expected", text)

    def _bad(self, why: str, found: str = "") -> BadRule:
        held = self._tokens[self._place].text[:40] if self._place < len(self._tokens) else ""
        return BadRule(why, self._at(), found or held)

    # -- conditions

    def _deeper(self) -> None:
        self._deep += 1
        if self._deep > _DEEPEST:
            raise self._bad("too-deep")

    def _either(self) -> Node:
        self._deeper()
        parts = [self._all()]
        while self._accept("or"):
            parts.append(self._all())
        self._deep -= 1
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def _all(self) -> Node:
        parts = [self._not()]
        while self._accept("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def _not(self) -> Node:
        times = 0
        while self._accept("not"):
            times += 1
        held = self._single()
        return Not(held) if times % 2 else held

    def _single(self) -> Node:
        if self._is("("):
            place, deep = self._place, self._deep
            try:
                return self._bracketed()
            except BadRule as why:
                if why.why == "too-deep":
                    raise
                self._place, self._deep = place, deep  # brackets around a value, not around a condition
                return self._around_a_value(why)
        return self._comparison()

    def _around_a_value(self, before: BadRule) -> Node:
        """A comparison that begins with a bracket; where it is none either, the reading that came further says why."""
        try:
            return self._comparison()
        except BadRule as why:
            raise (before if before.at > why.at else why) from None

    def _bracketed(self) -> Node:
        self._need("(")
        held = self._either()
        self._need(")")
        if self._place < len(self._tokens) and not any(self._is(one) for one in ("and", "or", ")")):
            raise self._bad("unexpected")
        return held

    def _comparison(self) -> Node:
        at = self._at()
        left, kind = self._sum()
        if self._accept("is"):
            turned = self._accept("not")
            self._need("null")
            return Not(Missing(left)) if turned else Missing(left)
        turned = self._accept("not")
        if self._accept("in"):
            held: Node = Listed(left, self._list(kind))
        elif self._accept("matches"):
            held = self._matches(left, kind, at)
        elif self._accept("between"):
            low = self._same(kind)
            self._need("and")
            high = self._same(kind)
            held = Joined("and", (Compared(left, ">=", low), Compared(left, "<=", high)))
        elif turned:
            raise self._bad("expected", "in")
        else:
            sign = self._tokens[self._place].text if self._place < len(self._tokens) else ""
            if sign not in _COMPARES or not self._accept(sign):
                raise self._bad("comparison")
            return Compared(left, "!=" if sign == "<>" else sign, self._same(kind))
        return Not(held) if turned else held

    def _same(self, kind: str) -> Node:
        """The other side of a comparison: of the same kind; a date may be written as a text."""
        at = self._at()
        node, other = self._sum()
        if kind == DATE and isinstance(node, Constant) and isinstance(node.value, str):
            return Constant(_date(node.value, at))
        if other != kind:
            raise BadRule("kind", at, f"{other}/{kind}")
        return node

    def _list(self, kind: str) -> tuple[str | float | dt.date, ...]:
        self._need("(")
        found: list[str | float | dt.date] = []
        while True:
            held = self._same(kind)
            if not isinstance(held, Constant) or len(found) >= _MOST_LISTED:
                raise self._bad("list")
            found.append(held.value)
            if not self._accept(","):
                break
        self._need(")")
        return tuple(found)

    def _matches(self, left: Node, kind: str, at: int) -> Node:
        if kind != TEXT:
            raise BadRule("kind", at, f"{kind}/{TEXT}")
        held = self._tokens[self._place] if self._place < len(self._tokens) else None
        if held is None or held.kind != "text":
            raise self._bad("expected", "'…'")
        self._place += 1
        try:
            return Matched(left, Pattern(held.text))
        except BadPattern as why:
            raise BadRule("pattern", held.at + 1 + why.at, why.why) from None

    # -- values

    def _sum(self) -> tuple[Node, str]:
        left, kind = self._value()
        terms = 1
        while self._is("+") or self._is("-"):
            terms += 1
            if terms > _DEEPEST:  # each holds the one before it
                raise self._bad("too-deep")
            sign = 1 if self._accept("+") else -1
            if sign < 0:
                self._accept("-")
            at = self._at()
            right, other = self._value()
            if (kind, other) not in ((DATE, SPAN), (NUMBER, NUMBER)):
                raise BadRule("kind", at, f"{kind}/{other}")
            left = Moved(left, right, sign)
        return left, kind

    def _inner(self) -> tuple[Node, str]:
        self._deeper()
        held = self._sum()
        self._deep -= 1
        return held

    def _value(self) -> tuple[Node, str]:
        at = self._at()
        held = self._tokens[self._place] if self._place < len(self._tokens) else None
        if held is None:
            raise self._bad("ends")
        self._place += 1
        if held.kind == "text":
            return Constant(held.text), TEXT
        if held.kind == "number":
            return self._number(held)
        if held.kind == "word":
            if held.text not in self._types:
                raise BadRule("unknown-field", at, held.text[:40])
            self._fields[held.text] = None
            return Named(held.text), kind_of(self._types[held.text])
        if held.text == "today":
            return Today(), DATE
        if held.text in ("length", "lower", "left"):
            return self._call(held.text)
        if held.text == "(":
            inside = self._inner()
            self._need(")")
            return inside
        self._place -= 1
        raise self._bad("unexpected")

    def _number(self, held: _Token) -> tuple[Node, str]:
        for word, unit in (*_UNITS.items(), *((unit, unit) for unit in _UNITS.values())):
            if self._accept(word):
                if "." in held.text or int(held.text) > 100_000:
                    raise BadRule("number", held.at, held.text)
                return Span(int(held.text), unit), SPAN
        return Constant(float(held.text)), NUMBER

    def _call(self, name: str) -> tuple[Node, str]:
        self._need("(")
        at = self._at()
        of, kind = self._inner()
        if kind != TEXT:
            raise BadRule("kind", at, f"{kind}/{TEXT}")
        count = 0
        if name == "left":
            self._need(",")
            held = self._tokens[self._place] if self._place < len(self._tokens) else None
            if held is None or held.kind != "number" or "." in held.text:
                raise self._bad("number")
            self._place, count = self._place + 1, int(held.text)
        self._need(")")
        return Call(name, of, count), NUMBER if name == "length" else TEXT


def _date(text: str, at: int) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadRule("date", at, text[:40]) from None
