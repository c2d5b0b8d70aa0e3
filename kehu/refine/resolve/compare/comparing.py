"""What may be asked of two values: alike, near, a slip apart, one within the other. Each as :mod:`.conditions` says.

DuckDB counts characters here, as rapidfuzz does over text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import DamerauLevenshtein, Hamming, JaroWinkler

from kehu.refine.resolve.compare.conditions import Condition, Row, Truth, Value, left, right


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a number's last letter follows from those before: their places in ``letters``, weighted and added, name its place
    in ``checks``."""

    weights: tuple[int, ...]
    letters: str
    checks: str


RESIDENT: Final = Scheme((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "0123456789", "10X98765432")
"""Resident identity numbers of China, 18 digits (GB 11643)."""
CREDIT_CODE: Final = Scheme(
    (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28),
    "0123456789ABCDEFGHJKLMNPQRTUWXY",
    "0YXWUTRQPNMLKJHGFEDCBA987654321",
)
"""Unified social credit codes of organisations in China, 18 letters (GB 32100)."""


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
    """As :class:`Within`, save what shifts most of a text; counting differing letters first decides of most pairs."""

    column: str
    errors: int

    def sql(self, left: str, right: str) -> str:
        one, other = left.format(self.column), right.format(self.column)
        return (
            f"CASE WHEN abs(length({one}) - length({other})) > {self.errors} THEN false "
            f"WHEN length({one}) <> length({other}) THEN damerau_levenshtein({one}, {other}) <= {self.errors} "
            f"WHEN hamming({one}, {other}) > {2 * self.errors} THEN false "
            f"WHEN hamming({one}, {other}) <= {self.errors} THEN true "
            f"ELSE damerau_levenshtein({one}, {other}) <= {self.errors} END"
        )

    def possible_sql(self, left: str, right: str) -> str:
        one, other = left.format(self.column), right.format(self.column)
        return (
            f"CASE WHEN length({one}) <> length({other}) THEN abs(length({one}) - length({other})) <= {self.errors} "
            f"ELSE hamming({one}, {other}) <= {2 * self.errors} END"
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
class Starts(Condition):
    """A value begins with the letters of another."""

    value: Value
    letters: Value

    def sql(self, left: str, right: str) -> str:
        return f"starts_with({self.value.sql(left, right)}, {self.letters.sql(left, right)})"

    def holds(self, left: Row, right: Row) -> Truth:
        text, letters = self.value.of(left, right), self.letters.of(left, right)
        return None if text is None or letters is None else text.startswith(letters)


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
        several = " OR ".join(f"{n} LIKE '%{' %' * self.least}'" for n in names)
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
class DaysApart(Condition):
    """Two dates of eight digits are about so many days apart at most, months taken as 31 days; unknown where one is none."""

    column: str
    most: int

    def sql(self, left: str, right: str) -> str:
        one, other = (
            " + ".join(
                f"try_cast({side.format(self.column)}[{first}:{last}] AS INT) * {days}" for first, last, days in _DAYS
            )
            for side in (left, right)
        )
        return f"abs({one} - ({other})) <= {self.most}"

    def holds(self, left: Row, right: Row) -> Truth:
        one, other = (_days(row.get(self.column) or "") for row in (left, right))
        return None if one is None or other is None else abs(one - other) <= self.most


_DAYS: Final = ((1, 4, 372), (5, 6, 31), (7, 8, 1))


def _days(date: str) -> int | None:
    parts = [(date[first - 1 : last], days) for first, last, days in _DAYS]
    return sum(int(part) * days for part, days in parts) if all(part.isdecimal() for part, _ in parts) else None


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
    """A number whose check digit is right."""

    value: Value
    scheme: Scheme

    def sql(self, left: str, right: str) -> str:
        text, scheme, length = self.value.sql(left, right), self.scheme, len(self.scheme.weights) + 1
        total = " + ".join(
            f"{weight} * greatest(instr('{scheme.letters}', upper({text}[{place}])) - 1, 0)"
            for place, weight in enumerate(scheme.weights, 1)
        )
        check = f"'{scheme.checks}'[({total}) % {len(scheme.checks)} + 1]"
        return f"(length({text}) = {length} AND upper({text}[{length}]) = {check})"

    def holds(self, left: Row, right: Row) -> Truth:
        text, scheme = self.value.of(left, right), self.scheme
        if text is None or len(text) != len(scheme.weights) + 1:
            return None if text is None else False
        places = (max(scheme.letters.find(letter.upper()), 0) for letter in text)
        total = sum(weight * place for weight, place in zip(scheme.weights, places, strict=False))
        return text[-1].upper() == scheme.checks[total % len(scheme.checks)]


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
