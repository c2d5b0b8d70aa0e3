"""Conditions over a pair of records: one tree, said in SQL for many pairs and answered in Python for one.

Both follow SQL's logic of three values: what a missing value decides is unknown (None), neither true nor false.
DuckDB counts characters here, as rapidfuzz does over text.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from rapidfuzz.distance import DamerauLevenshtein, Hamming, JaroWinkler

Row = Mapping[str, str | None]
Side = Literal["l", "r"]
Truth = bool | None
# How the columns of both records are written: `name_l` as Splink wants them, `l.name` in a join.
SUFFIXED: Final = ("{}_l", "{}_r")
ALIASED: Final = ("l.{}", "r.{}")
_CN_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_CHECKS: Final = "10X98765432"


@dataclass(frozen=True, slots=True)
class Value:
    """A column of one record, or part of it.

    Attributes:
        first: number of its first character, from 1; below 0 so many before the end.
        last: number of its last character; None: to the end.
    """

    column: str
    side: Side
    first: int | None = None
    last: int | None = None

    def sql(self, left: str, right: str) -> str:
        """As SQL, the columns of both records written as these say."""
        name = (left if self.side == "l" else right).format(self.column)
        return name if self.first is None else f"{name}[{self.first}:{self.last or ''}]"

    def of(self, left: Row, right: Row) -> str | None:
        """Its text; None where the record has none."""
        text = (left if self.side == "l" else right).get(self.column)
        if text is None or self.first is None:
            return text
        return text[self.first - 1 if self.first > 0 else self.first : self.last]


class Condition(abc.ABC):
    """Something that holds of two records, does not, or is unknown."""

    __slots__ = ()

    @abc.abstractmethod
    def sql(self, left: str, right: str) -> str:
        """As SQL that may stand beside AND and OR; ``left``, ``right``: how a column of each record is written."""

    @abc.abstractmethod
    def holds(self, left: Row, right: Row) -> Truth:
        """Whether it holds; None: a value it needs is missing."""

    def __and__(self, other: Condition) -> Condition:
        return And((*_parts(self, And), *_parts(other, And)))

    def __or__(self, other: Condition) -> Condition:
        return Or((*_parts(self, Or), *_parts(other, Or)))

    def __invert__(self) -> Condition:
        return Not(self)


def _parts(condition: Condition, kind: type[And | Or]) -> tuple[Condition, ...]:
    return condition.all if isinstance(condition, And | Or) and type(condition) is kind else (condition,)


@dataclass(frozen=True, slots=True)
class Fixed(Condition):
    """True or false of every pair."""

    value: bool

    def sql(self, left: str, right: str) -> str:
        return "true" if self.value else "false"

    def holds(self, left: Row, right: Row) -> Truth:
        return self.value


@dataclass(frozen=True, slots=True)
class And(Condition):
    """All of these."""

    all: tuple[Condition, ...]

    def sql(self, left: str, right: str) -> str:
        return "(" + " AND ".join(one.sql(left, right) for one in self.all) + ")"

    def holds(self, left: Row, right: Row) -> Truth:
        truth: Truth = True
        for one in self.all:
            if (found := one.holds(left, right)) is False:
                return False
            if found is None:
                truth = None
        return truth


@dataclass(frozen=True, slots=True)
class Or(Condition):
    """Any of these."""

    all: tuple[Condition, ...]

    def sql(self, left: str, right: str) -> str:
        return "(" + " OR ".join(one.sql(left, right) for one in self.all) + ")"

    def holds(self, left: Row, right: Row) -> Truth:
        truth: Truth = False
        for one in self.all:
            if found := one.holds(left, right):
                return True
            if found is None:
                truth = None
        return truth


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """Not this."""

    one: Condition

    def sql(self, left: str, right: str) -> str:
        return f"(NOT {self.one.sql(left, right)})"

    def holds(self, left: Row, right: Row) -> Truth:
        found = self.one.holds(left, right)
        return None if found is None else not found


@dataclass(frozen=True, slots=True)
class Surely(Condition):
    """This, and where it is unknown, no."""

    one: Condition

    def sql(self, left: str, right: str) -> str:
        return f"coalesce({self.one.sql(left, right)}, false)"

    def holds(self, left: Row, right: Row) -> Truth:
        return self.one.holds(left, right) is True


@dataclass(frozen=True, slots=True)
class Case(Condition):
    """The answer to the first question that is true; else ``otherwise``. Cheap questions spare dear answers."""

    cases: tuple[tuple[Condition, Condition], ...]
    otherwise: Condition

    def sql(self, left: str, right: str) -> str:
        cases = " ".join(f"WHEN {q.sql(left, right)} THEN {a.sql(left, right)}" for q, a in self.cases)
        return f"(CASE {cases} ELSE {self.otherwise.sql(left, right)} END)"

    def holds(self, left: Row, right: Row) -> Truth:
        for question, answer in self.cases:
            if question.holds(left, right):
                return answer.holds(left, right)
        return self.otherwise.holds(left, right)


@dataclass(frozen=True, slots=True)
class Known(Condition):
    """Both records have the column. Never unknown."""

    column: str

    def sql(self, left: str, right: str) -> str:
        return f"({left.format(self.column)} IS NOT NULL AND {right.format(self.column)} IS NOT NULL)"

    def holds(self, left: Row, right: Row) -> Truth:
        return left.get(self.column) is not None and right.get(self.column) is not None


@dataclass(frozen=True, slots=True)
class KnownOfOne(Condition):
    """One record has the column, the other does not. Never unknown."""

    column: str

    def sql(self, left: str, right: str) -> str:
        return f"(({left.format(self.column)} IS NULL) <> ({right.format(self.column)} IS NULL))"

    def holds(self, left: Row, right: Row) -> Truth:
        return (left.get(self.column) is None) != (right.get(self.column) is None)


@dataclass(frozen=True, slots=True)
class Equal(Condition):
    """Two values are the same text."""

    one: Value
    other: Value

    def sql(self, left: str, right: str) -> str:
        return f"{self.one.sql(left, right)} = {self.other.sql(left, right)}"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = self.one.of(left, right), self.other.of(left, right)
        return None if one is None or other is None else one == other


@dataclass(frozen=True, slots=True)
class Is(Condition):
    """A value is this text."""

    value: Value
    text: str

    def sql(self, left: str, right: str) -> str:
        return f"{self.value.sql(left, right)} = '{self.text.replace(chr(39), chr(39) * 2)}'"

    def holds(self, left: Row, right: Row) -> Truth:
        text = self.value.of(left, right)
        return None if text is None else text == self.text


@dataclass(frozen=True, slots=True)
class UpTo(Condition):
    """A value does not come after this text."""

    value: Value
    text: str

    def sql(self, left: str, right: str) -> str:
        return f"{self.value.sql(left, right)} <= '{self.text.replace(chr(39), chr(39) * 2)}'"

    def holds(self, left: Row, right: Row) -> Truth:
        text = self.value.of(left, right)
        return None if text is None else text <= self.text


@dataclass(frozen=True, slots=True)
class Near(Condition):
    """Jaro-Winkler similarity of at least this."""

    one: Value
    other: Value
    similarity: float

    def sql(self, left: str, right: str) -> str:
        return f"jaro_winkler_similarity({self.one.sql(left, right)}, {self.other.sql(left, right)}) >= {self.similarity:g}"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = self.one.of(left, right), self.other.of(left, right)
        return None if one is None or other is None else JaroWinkler.similarity(one, other) >= self.similarity


@dataclass(frozen=True, slots=True)
class Within(Condition):
    """At most so many letters of a column wrong, lost, added or swapped."""

    column: str
    errors: int

    def sql(self, left: str, right: str) -> str:
        return f"damerau_levenshtein({left.format(self.column)}, {right.format(self.column)}) <= {self.errors}"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = left.get(self.column), right.get(self.column)
        if one is None or other is None:
            return None
        return one == other or DamerauLevenshtein.distance(one, other, score_cutoff=self.errors) <= self.errors


@dataclass(frozen=True, slots=True)
class Mistyped(Condition):
    """As :class:`Within`, save what shifts most of a text; counting differing letters first spares most pairs."""

    column: str
    errors: int

    def sql(self, left: str, right: str) -> str:
        one, other = left.format(self.column), right.format(self.column)
        return (
            f"CASE WHEN abs(length({one}) - length({other})) > {self.errors} THEN false "
            f"WHEN length({one}) <> length({other}) THEN damerau_levenshtein({one}, {other}) <= {self.errors} "
            f"WHEN hamming({one}, {other}) > {2 * self.errors} THEN false "
            f"ELSE damerau_levenshtein({one}, {other}) <= {self.errors} END"
        )

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = left.get(self.column), right.get(self.column)
        if one is None or other is None:
            return None
        if abs(len(one) - len(other)) > self.errors:
            return False
        if len(one) == len(other) and Hamming.distance(one, other) > 2 * self.errors:
            return False
        return DamerauLevenshtein.distance(one, other, score_cutoff=self.errors) <= self.errors


@dataclass(frozen=True, slots=True)
class Long(Condition):
    """A value of so many characters at least; ``most``: and so many at most."""

    value: Value
    least: int
    most: int | None = None

    def sql(self, left: str, right: str) -> str:
        length = f"length({self.value.sql(left, right)})"
        return f"{length} >= {self.least}" if self.most is None else f"{length} BETWEEN {self.least} AND {self.most}"

    def holds(self, left: Row, right: Row) -> Truth:
        text = self.value.of(left, right)
        return None if text is None else self.least <= len(text) <= (self.most or len(text))


@dataclass(frozen=True, slots=True)
class Begins(Condition):
    """A value begins with the words of another."""

    value: Value
    words: Value

    def sql(self, left: str, right: str) -> str:
        return f"starts_with({self.value.sql(left, right)} || ' ', {self.words.sql(left, right)} || ' ')"

    def holds(self, left: Row, right: Row) -> Truth:
        text, words = self.value.of(left, right), self.words.of(left, right)
        return None if text is None or words is None else f"{text} ".startswith(f"{words} ")


@dataclass(frozen=True, slots=True)
class Contains(Condition):
    """A value holds the words of another, one after the other."""

    value: Value
    words: Value

    def sql(self, left: str, right: str) -> str:
        return f"contains(' ' || {self.value.sql(left, right)} || ' ', ' ' || {self.words.sql(left, right)} || ' ')"

    def holds(self, left: Row, right: Row) -> Truth:
        text, words = self.value.of(left, right), self.words.of(left, right)
        return None if text is None or words is None else f" {words} " in f" {text} "


@dataclass(frozen=True, slots=True)
class CommonWords(Condition):
    """So many different words stand in both; false where neither has more words than that, or one is missing."""

    column: str
    least: int = 2

    def sql(self, left: str, right: str) -> str:
        names = (left.format(self.column), right.format(self.column))
        several = " OR ".join(f"length({n}) - length(replace({n}, ' ', '')) >= {self.least}" for n in names)
        words = f"len(list_intersect(string_split({names[0]}, ' '), string_split({names[1]}, ' '))) >= {self.least}"
        return f"CASE WHEN {several} THEN coalesce({words}, false) ELSE false END"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = left.get(self.column), right.get(self.column)
        if one is None or other is None or max(one.count(" "), other.count(" ")) < self.least:
            return False
        return len(set(one.split(" ")) & set(other.split(" "))) >= self.least


@dataclass(frozen=True, slots=True)
class OneCharacterApart(Condition):
    """Two to four characters on both sides, one of which differs."""

    column: str

    def sql(self, left: str, right: str) -> str:
        one, other = left.format(self.column), right.format(self.column)
        differing = " + ".join(f"({one}[{i}] <> {other}[{i}])::int" for i in range(1, 5))
        return f"(length({one}) = length({other}) AND length({one}) BETWEEN 2 AND 4 AND {differing} = 1)"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = left.get(self.column), right.get(self.column)
        if one is None or other is None:
            return None if one is None or 2 <= len(one) <= 4 else False
        return len(one) == len(other) and 2 <= len(one) <= 4 and Hamming.distance(one, other) == 1


@dataclass(frozen=True, slots=True)
class Turned(Condition):
    """Of two to five characters each, one begins with the characters that the other ends with: 张秀萍 and 秀萍张."""

    column: str

    def sql(self, left: str, right: str) -> str:
        one, other = left.format(self.column), right.format(self.column)
        turns = " OR ".join(f"{one}[{by + 1}:] || {one}[:{by}] = {other}" for by in range(1, 5))
        return f"(length({one}) = length({other}) AND length({one}) BETWEEN 2 AND 5 AND {one} <> {other} AND ({turns}))"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = left.get(self.column), right.get(self.column)
        if one is None or other is None:
            return None if one is None or 2 <= len(one) <= 5 else False
        return 2 <= len(one) == len(other) <= 5 and one != other and other in one + one


@dataclass(frozen=True, slots=True)
class YearsApart(Condition):
    """The years that two dates begin with are at most so many apart; unknown where one is no number."""

    column: str
    most: int

    def sql(self, left: str, right: str) -> str:
        one, other = (f"try_cast({side.format(self.column)}[1:4] AS INT)" for side in (left, right))
        return f"abs({one} - {other}) <= {self.most}"

    def holds(self, left: Row, right: Row) -> Truth:
        years = [text[:4] for row in (left, right) if (text := row.get(self.column)) and text[:4].isdecimal()]
        return abs(int(years[0]) - int(years[1])) <= self.most if len(years) == 2 else None


@dataclass(frozen=True, slots=True)
class Checked(Condition):
    """An 18-digit resident identity number whose check digit is right (GB 11643)."""

    value: Value

    def sql(self, left: str, right: str) -> str:
        text = self.value.sql(left, right)
        total = " + ".join(
            f"{weight} * coalesce(try_cast({text}[{i}] AS INT), 0)" for i, weight in enumerate(_CN_WEIGHTS, 1)
        )
        return f"(length({text}) = 18 AND upper({text}[18]) = '{_CN_CHECKS}'[({total}) % 11 + 1])"

    def holds(self, left: Row, right: Row) -> Truth:
        text = self.value.of(left, right)
        if text is None or len(text) != 18:
            return None if text is None else False
        digits = (int(letter) if letter in "0123456789" else 0 for letter in text)
        return text[17].upper() == _CN_CHECKS[sum(w * d for w, d in zip(_CN_WEIGHTS, digits, strict=False)) % 11]


def left(column: str, first: int | None = None, last: int | None = None) -> Value:
    """A column of the first record, or part of it."""
    return Value(column, "l", first, last)


def right(column: str, first: int | None = None, last: int | None = None) -> Value:
    """A column of the second record, or part of it."""
    return Value(column, "r", first, last)


def same(column: str, first: int | None = None, last: int | None = None) -> Condition:
    """Both have the same text there."""
    return Equal(left(column, first, last), right(column, first, last))


def differs(column: str) -> Condition:
    """Both have it, and not the same."""
    return ~same(column)


def near(column: str, similarity: float) -> Condition:
    """Jaro-Winkler similarity of at least this."""
    return Near(left(column), right(column), similarity)


def crossed(one: str, other: str) -> Condition:
    """Each record's one is the other's other."""
    return Equal(left(one), right(other)) & Equal(left(other), right(one))
