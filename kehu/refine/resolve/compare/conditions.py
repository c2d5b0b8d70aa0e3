"""Conditions over a pair of records: one tree, said in SQL for many pairs and answered in Python for one.

Both follow SQL's logic of three values: what a missing value decides is unknown (None), neither true nor false.
DuckDB counts characters here, as rapidfuzz does over text.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Row = Mapping[str, str | None]
Side = Literal["l", "r"]
Truth = bool | None
# How the columns of both records are written: `name_l` as Splink wants them, `l.name` in a join.
SUFFIXED: Final = ("{}_l", "{}_r")
ALIASED: Final = ("l.{}", "r.{}")


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

    def possible_sql(self, left: str, right: str) -> str:
        """As SQL that holds wherever this holds, and costs less; as :meth:`sql` where there is no such thing."""
        return self.sql(left, right)

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


def left(column: str, first: int | None = None, last: int | None = None) -> Value:
    """A column of the first record, or part of it."""
    return Value(column, "l", first, last)


def right(column: str, first: int | None = None, last: int | None = None) -> Value:
    """A column of the second record, or part of it."""
    return Value(column, "r", first, last)
