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
# Bits. More than a pair needs to merge, for of many records one agrees by chance; not where the whole name is the same and
# so is what nobody shares by chance.
_POOLED_FROM: Final = 4.0
_NAMESAKES_FROM: Final = 2.0
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
        """Whether they are one customer; where one is :attr:`nameless`, if nobody else may be meant."""
        least = _NAMESAKES_FROM if self._namesake and self._any("fact") else _POOLED_FROM
        if self.weight < least or self._contradicted:
            return False
        if not self._any("two words"):
            return self._given_only or self._without_given
        married = self._any("given") and self._any("birth") and self._shared
        if _NAMESAKES * self.pairs["families"] < self.pairs["two words"]:
            return married and self.weight >= _MARRIED_FROM
        short = self._any("short") and (self._any("birth") or (self._told and self._any("fact")))
        return self._namesake or married or short

    @property
    def _contradicted(self) -> bool:
        """Two numbers, two genders, characters that no slip explains, or two birth dates: most differ by more than one."""
        genders = self._any("genders differ") and not self._any("one gender") and not self._any("same first")
        return self._any("firm") or self._other_characters or genders or 2 * self.pairs["birth"] < self.pairs["births"]

    @property
    def _other_characters(self) -> bool:
        """Their given names are written in other characters, neither has both, and no slip explains all of them.

        What explains one (a telephone, that somebody is grown up) one record knows for its group.
        """
        slips = self._any("misheard") and self.pairs["slips"] == self.pairs["other characters"]
        return self._any("other characters") and not self._any("same first") and not slips

    @property
    def nameless(self) -> int | None:
        """Of which of the two, 0 or 1, no given name is known, so that it may be the other's twin; None: of neither, or both."""
        if self._any("two words") or self._given_only:
            return None
        known = self._any("one's given"), self._any("other's given")
        return known.index(False) if sum(known) == 1 else None

    @property
    def _given_only(self) -> bool:
        """One is known by one word only, which is the other's given name."""
        known = self._any("birth") or (self._told and self._any("fact"))
        return self._shared and self._any("lone given") and known

    @property
    def _without_given(self) -> bool:
        """Of one no given name is known: a family name, which is the whole household's, or nothing; and born the same day."""
        family = self._any("lone family") and self._shared
        return self._any("birth") and (family or (not self._any("names") and self._any("fact") and self._any("home")))

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
