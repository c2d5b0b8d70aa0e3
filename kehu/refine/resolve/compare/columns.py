"""Conditions over the columns that a table has; what it lacks is unknown and decides nothing."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final

from kehu.refine.resolve.compare.comparing import Equal, differs, same
from kehu.refine.resolve.compare.conditions import Condition, Fixed, Known, KnownOfOne, Surely, left, right

NO: Final = Fixed(False)


def either(conditions: Iterable[Condition]) -> Condition:
    """One of these, at least."""
    return functools.reduce(lambda found, other: found | other, conditions)


class Columns:
    """What is asked of a column, and of one that is not there.

    Args:
        columns: the columns of :mod:`.features` that the table has.
        wide: names are written in other letters than ASCII, so how they sound is there, too.
    """

    def __init__(self, columns: frozenset[str], *, wide: bool) -> None:
        self.columns = columns
        self.wide = wide

    def known(self, column: str) -> Condition:
        """Both have it."""
        return Known(column) if column in self.columns else NO

    def when(self, column: str, condition: Condition) -> Condition:
        """The condition where both have the column, else false."""
        return Surely(condition) if column in self.columns else NO

    def same(self, column: str) -> Condition:
        """Both have it, and it is the same."""
        return self.when(column, same(column))

    def differs(self, column: str) -> Condition:
        """Both have it, and it is not the same."""
        return self.when(column, differs(column))

    def one_has(self, column: str) -> Condition:
        """One has it, the other has not."""
        return KnownOfOne(column) if column in self.columns else NO

    def one_known(self, column: str) -> Condition:
        """One has it, or both."""
        if column not in self.columns:
            return NO
        return either(Surely(Equal(side(column), side(column))) for side in (left, right))
