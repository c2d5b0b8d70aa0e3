"""Two groups of records compared as wholes: what the records of each know together.

A customer is known by several records, and no one of them knows all: the new one may have the name of the first, the
birth date of the second and the postcode of the third. Pair by pair it joins nobody; all together it is plainly the same
person. So groups are compared once more, each question asked of every two of their records. What holds is counted: what
speaks for one customer needs one pair, for a group holds nothing that is not its customer's; what speaks against two
that are known well is how most of their pairs differ.

The guards of one pair (:mod:`.guards`) hold for groups, too: a household shares what it shares, twins differ in the given
name, and two numbers are two people.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kehu.refine.resolve.compare.conditions import Row
from kehu.refine.resolve.compare.guards import Guards
from kehu.refine.resolve.compare.model import Model
from kehu.refine.resolve.compare.scoring import Frequencies, weigh_pooled

LEAST_RECORDS: Final = 3
"""Records of two groups: of one record each the pair has said all there is."""
# Bits. More than a pair needs to merge, for of many records one agrees by chance.
_POOLED_FROM: Final = 4.0
# Where no family name agrees: it changes by marriage, and is written in several languages.
_MARRIED_FROM: Final = 15.0
_NAMESAKES: Final = 20  # one pair in so many has one family name, where each has both parts of a name


@dataclass(frozen=True, slots=True)
class Together:
    """What two groups say together.

    Attributes:
        weight: match weight in bits, of each comparison the most that two of their records say.
        pairs: by question of :attr:`Guards.pooled`, of how many of their pairs of records it holds.
    """

    weight: float
    pairs: Mapping[str, int]

    @property
    def one(self) -> bool:
        """Whether they are one customer."""
        if self.weight < _POOLED_FROM or self._contradicted:
            return False
        if not self._any("two words"):
            return self._lone
        married = self._any("given") and self._any("birth") and self._shared
        if _NAMESAKES * self.pairs["families"] < self.pairs["two words"]:
            return married and self.weight >= _MARRIED_FROM
        short = self._any("short") and (self._any("birth") or (self._told and self._any("fact")))
        return self._namesake or married or short

    @property
    def _contradicted(self) -> bool:
        """Two numbers, two genders, or two birth dates: most of them differ by more than a slip."""
        genders = self._any("genders differ") and not self._any("one gender") and not self._any("same first")
        return self._any("firm") or genders or 2 * self.pairs["birth"] < self.pairs["births"]

    @property
    def _lone(self) -> bool:
        """One is known by one word only, which is the other's given name, or the family name of the whole household."""
        known = self._any("birth") or (self._told and self._any("fact"))
        given = self._any("lone given") and known
        return self._shared and (given or (self._any("lone family") and self._any("birth")))

    @property
    def _namesake(self) -> bool:
        """The name is the same, and so is the birth date, or what two of one household would not both have."""
        home = (self._any("home") or self._any("slip")) and not self._any("facts")
        return self._any("named") and (self._any("birth") or (self._told and (self._any("fact") or home)))

    @property
    def _told(self) -> bool:
        """Nothing tells them from namesakes of one household: no two birth dates, no suffix, no other gender."""
        gender = self._any("one gender") or not self._any("genders differ")
        return gender and not self._any("births") and not self._any("suffix")

    @property
    def _shared(self) -> bool:
        return self._any("fact") or self._any("home")

    def _any(self, question: str) -> bool:
        return self.pairs[question] > 0


def together(
    left: Sequence[Row], right: Sequence[Row], model: Model, held: Guards, *, frequencies: Frequencies | None = None
) -> Together:
    """What two groups of folded records say together."""
    pairs = list(itertools.product(left, right))
    counts = {name: sum(asked.holds(*pair) is True for pair in pairs) for name, asked in held.pooled.items()}
    return Together(weigh_pooled(pairs, model, frequencies=frequencies), counts)
