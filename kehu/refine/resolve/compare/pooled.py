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
        """Whether they are one customer; where one is :attr:`nameless`, if nobody else may be meant, and where it rests on
        their :attr:`own_line`, if nobody else is seen there."""
        return self._joined or self.own_line

    @property
    def meant(self) -> bool:
        """Whether one is :attr:`nameless` and may be the other, of however few records each is known."""
        return self.nameless is not None and self._known_as_one

    @property
    def _joined(self) -> bool:
        return self._known_as_one and not self._said

    @property
    def _said(self) -> bool:
        """Of one record each the pair has said all but what is written in other letters, and a second name."""
        return self.pairs["pairs"] == 1 and not self._spelt and not self._any("second and birthday")

    @property
    def own_line(self) -> bool:
        """Whether only a telephone or mailbox says that they are one, which two of a household would not have to themselves.

        As children twins have a parent's: that somebody is no child their birth date says, or that they have a mailbox.
        """
        no_child = self._any("grown") or (self._any("mailbox") and not self._any("children"))
        slip = self._any("one sound") or (self._any("turned") and self._any("grown"))
        told = self._any("own phone") or (slip and no_child)
        return told and self.weight >= _POOLED_FROM and not self._contradicted and not self._joined

    @property
    def _known_as_one(self) -> bool:
        own = self._any("fact") or self._any("contact")
        least = _NAMESAKES_FROM if self._namesake and own else _POOLED_FROM
        if self.weight < least or self._contradicted or self._other_characters:
            return False
        if self._spelt or self._any("second and birthday"):
            return True
        if not self._any("two words"):
            return self._given_only or self._without_given
        married = self._any("given") and self._any("birth") and self._shared
        if _NAMESAKES * self.pairs["families"] < self.pairs["two words"]:
            return self._given_twice or (married and self.weight >= _MARRIED_FROM)
        short = self._any("short") and (self._any("birth") or (self._told and self._any("fact")))
        return self._namesake or married or short or self._given_twice

    @property
    def _contradicted(self) -> bool:
        """Two numbers, two genders, two birth dates (most differ by more than one), or two names as twins have."""
        return self._any("firm") or self._other_gender or self._other_birth or self._other_twin

    @property
    def _other_birth(self) -> bool:
        """Most of their birth dates differ, by more than those of one name and contact, who else are generations apart."""
        return 2 * self.pairs["birth"] < self.pairs["births"] and not self._any("one age")

    @property
    def _other_twin(self) -> bool:
        """Neither a given name nor a second one is the same: two names that are alike may be a slip, or twins."""
        return self._any("other second") and not self._any("second") and not self._any("same first")

    @property
    def _other_gender(self) -> bool:
        """They have two genders, and not one given name: of one name, a gender is a slip."""
        return self._any("genders differ") and not self._any("one gender") and not self._any("same first")

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
        if self._spelt and not self._any("given"):
            return 0 if self.pairs["one's letters"] == self.pairs["names"] else 1
        if self._any("two words") or self._given_only:
            return None
        known = self._any("one's given"), self._any("other's given")
        return known.index(False) if sum(known) == 1 else None

    @property
    def _given_only(self) -> bool:
        """One is known by one word only, which is the other's given name."""
        own = self._own and (self._any("fact") or self.pairs["home"] > self.pairs["street alone"])
        return self._shared and self._any("lone given") and (self._any("birth") or (self._told and own))

    @property
    def _without_given(self) -> bool:
        """Of one no given name is known: a family name, which is the whole household's, or nothing; and born the same day."""
        family = self._any("lone family") and self._shared
        return self._any("birth") and (family or (not self._any("names") and self._any("fact")))

    @property
    def _namesake(self) -> bool:
        """The name is the same, and so is the birth date, or what two of one household would not both have."""
        known = self._any("birth") or self._any("one age") or (self._told and self._own)
        return self._any("given") and self._any("families") and known

    @property
    def _own(self) -> bool:
        """What two of one household would not both have; or their home, where nothing such is known of both."""
        home = (self._any("home") or self._any("slip")) and not self._any("facts")
        return self._any("fact") or home

    @property
    def _told(self) -> bool:
        """Nothing tells them from namesakes of one household: no two birth dates, no suffix, no other gender or second name."""
        gender = self._any("one gender") or self._any("one name") or not self._any("genders differ")
        return gender and not self._any("births") and not self._any("suffix") and not self._any("other second")

    @property
    def _spelt(self) -> bool:
        """One writes in Latin letters alone what the other writes in its own, and they share a contact or the birthday."""
        letters = (self.pairs["one's letters"], self.pairs["other's letters"])
        reached = self._any("contact") or not self._any("contacts")
        written = self._any("other script") or self._any("spelt here") or (self._any("spelt") and reached)
        return written and self.pairs["names"] in letters

    @property
    def _given_twice(self) -> bool:
        """One is known by two given names, without a family name, and the other has both."""
        return self._shared and self._any("given twice") and (self._any("birth") or self._told)

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
