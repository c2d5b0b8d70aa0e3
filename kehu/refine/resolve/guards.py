"""What must hold besides a high weight before two records become one customer.

A household shares surname, address, phone and mailbox, a father and a son the whole name, twins all but the given name.
So what a household shares never merges by itself, given names that differ by more than typing, pinyin or script bar a
merge, and contradictions go to review.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kehu.refine.resolve.comparing import (
    CREDIT_CODE,
    RESIDENT,
    Begins,
    Checked,
    Contains,
    Equal,
    Is,
    Long,
    Mistyped,
    Near,
    Turned,
    UpTo,
    Within,
    differs,
    near,
    same,
)
from kehu.refine.resolve.conditions import Case, Condition, Fixed, Known, KnownOfOne, Surely, left, right
from kehu.refine.resolve.features import Features, Kind
from kehu.refine.resolve.model import FREE_NAME, OTHER_FORM, OTHER_SCRIPT, SPELT_OUT, SWAPPED_DAY

NO: Final = Fixed(False)
# Years from which two people of one household have a telephone and a mailbox each.
_GROWN: Final = 25


@dataclass(frozen=True, slots=True)
class Guards:
    """Conditions over a pair of records; each is true or false, never unknown.

    Attributes:
        certain: the evidence is of a kind that may merge by itself, given the weight.
        named: the whole name is the same and nothing speaks against it: enough where it is so rare that the weight says it.
        household: the pair agrees in nothing but what a household shares; its weight is capped.
        shown: as before, and their birth dates say that they are two.
        never: two different customers, whatever the weight: nothing of name, birth date and number agrees.
        apart: the two may not end in one merged group, by whatever chain.
        firm: of these, what no number of other records outvotes.
        doubts: by name, what each speaks against one customer: the parts of the above, to be told to a reviewer.
    """

    certain: Condition
    named: Condition
    household: Condition
    shown: Condition
    never: Condition
    apart: Condition
    firm: Condition
    doubts: Mapping[str, Condition]


def guards(features: Features, kind: Kind) -> Guards:
    """The conditions that these features can decide."""
    conditions = _Conditions(features.columns, wide=features.wide)
    return conditions.person() if kind == "person" else conditions.organisation()


class _Conditions:
    """Builds the conditions; what a table lacks is unknown and decides nothing."""

    def __init__(self, columns: frozenset[str], *, wide: bool) -> None:
        self._columns = columns
        self._wide = wide

    def _known(self, column: str) -> Condition:
        return Known(column) if column in self._columns else NO

    def _when(self, column: str, condition: Condition) -> Condition:
        """The condition where both have the column, else false."""
        return Surely(condition) if column in self._columns else NO

    def _same(self, column: str) -> Condition:
        return self._when(column, same(column))

    def _differs(self, column: str) -> Condition:
        return self._when(column, differs(column))

    def _given_agrees(self, *, least: float = 0.9) -> Condition:
        """Equal, one begins the other, everyday and formal form, alike but for typing or script, or swapped.

        Args:
            least: Jaro-Winkler similarity that still passes for typing.
        """
        if "first" not in self._columns:
            return NO
        first, last = ("first_s", "last_s") if self._wide else ("first", "last")
        alike = Long(left(first), 4) & Within(first, 1) | Long(left(first), 5) & near(first, least)
        if self._wide:
            # Two Han names that only sound alike may be a slip of the keyboard or twins: not for us to say.
            one, other = _han(first)
            # Twins' names may be spelt alike, too: what is spelt out needs a contact of its own. A romanised given name of two
            # words is two syllables, and another letter is another name.
            single = Equal(left("word"), left("first")) | Equal(right("word"), right("first"))
            spelt = SPELT_OUT & (self._same("phone") | self._same("email"))
            alike = Case(((one & other, Turned("name")), (one | other, spelt)), alike & single)
        begins = Begins(left("first"), right("first")) | Begins(right("first"), left("first"))
        swapped = Near(left(first), right(last), 0.9) & Near(left(last), right(first), 0.9)
        # Where the parts came by themselves of one record only, they may be cut elsewhere.
        whole = Known("first") & same("name")
        return Surely(same("first") | whole | begins | OTHER_FORM | alike | Surely(swapped))

    def _given_short(self) -> Condition:
        """One is an initial of the other, a word of the other's whole name, or the one word that is known of a name."""
        if "first" not in self._columns:
            return NO
        first, last = ("first_s", "last_s") if self._wide else ("first", "last")
        initial = (Long(left("word"), 1, 1) | Long(right("word"), 1, 1)) & same("first", 1, 1)
        if self._wide:
            one, other = _han(first)
            initial = initial & ~one & ~other
        word = Contains(left("name"), right("first")) | Contains(right("name"), left("first"))
        # A single word may be the given or the family name.
        lone = Equal(left("name"), left("first")) & (Near(left(first), right(last), 0.9) | near(first, 0.9))
        other = Equal(right("name"), right("first")) & (Near(right(first), left(last), 0.9) | near(first, 0.9))
        return self._when("first", initial | word | lone | other)

    def _given_compatible(self) -> Condition:
        """One is missing, short for the other, or easily misheard for it."""
        if "first" not in self._columns:
            return Fixed(True)
        misheard = Surely(same("first_b")) | OTHER_SCRIPT if self._wide else NO
        return ~Known("first") | self._given_short() | misheard

    def _one_has(self, column: str) -> Condition:
        return KnownOfOne(column) if column in self._columns else NO

    def _other_characters(self) -> Condition:
        """Two Han given names of other characters, save where a grown-up's own telephone says that it is one slip."""
        if not self._wide:
            return NO
        one, other = _han("first_s")
        return (
            self._when("first", differs("first") & differs("name") & one & other & ~Turned("name")) & ~self._misheard()
        )

    def _misheard(self) -> Condition:
        """Characters of one sound for others, on one telephone, of somebody grown up.

        Twins are often named alike; grown up, they may share a mailbox, and have a telephone each.
        """
        if not self._wide or "birth" not in self._columns:
            return NO
        year = f"{dt.datetime.now(dt.UTC).year - _GROWN:04d}"
        grown = Surely(UpTo(left("birth", 1, 4), year)) | Surely(UpTo(right("birth", 1, 4), year))
        return grown & self._same("phone") & self._when("first", same("first_s")) & self._when("last", same("last_s"))

    def _family_agrees(self) -> Condition:
        alike = near("last_s" if self._wide else "last", 0.85)
        if self._wide:
            one, other = _han("last_s", "last")
            alike = Case(((one & other, same("name") | Turned("name")), (one | other, SPELT_OUT)), alike)
        return ~self._known("last") | self._when("last", same("last") | alike) | self._misheard()

    def _birth_agrees(self, *, errors: int = 1) -> Condition:
        return self._when("birth", Within("birth", errors) | SWAPPED_DAY)

    def _only_year(self) -> Condition:
        """One is the first of January, which stands for the year where a form asks for a day."""
        unknown = Is(left("birth", 5, 8), "0101") | Is(right("birth", 5, 8), "0101")
        return self._when("birth", same("birth", 1, 4) & unknown)

    def _id_near(self) -> Condition:
        return self._when("national_id", Within("national_id", 2) & ~self._both_checked())

    def _both_checked(self) -> Condition:
        """Both have a right check digit and differ: twins' numbers are neighbours, one slip is never valid."""
        one, other = (Checked(side("national_id"), RESIDENT) for side in (left, right))
        return self._differs("national_id") & one & other

    def _numbers_differ(self) -> Condition:
        return self._when("national_id", ~Within("national_id", 2)) | self._when("national_id", self._both_checked())

    def _registered_apart(self) -> Condition:
        """Two numbers, and not one slip of one: of that, just one has a right check digit."""
        one, other = (Surely(Checked(side("registration_number"), CREDIT_CODE)) for side in (left, right))
        slip = Within("registration_number", 1) & (one | other) & ~(one & other)
        return self._when("registration_number", differs("registration_number") & ~slip)

    def person(self) -> Guards:
        """What decides of two persons; see the module."""
        given, birth, number = self._given_agrees() | self._misheard(), self._birth_agrees(), self._same("national_id")
        compatible, near_number = self._given_compatible(), self._id_near()
        other_gender = self._differs("gender") & ~self._same("first") & ~number
        other_number, other_suffix = self._numbers_differ(), self._differs("suffix")
        # A gender may be mistyped: it parts two records, but not a group whose names or birth dates agree.
        mixed = other_gender & ~given & ~compatible & ~birth
        contradictions = {
            "numbers differ": other_number,
            "generations differ": other_suffix,
            "genders differ": other_gender,
        }
        contradiction = _any(contradictions.values())
        near_birth, born = self._birth_agrees(errors=2) | self._only_year(), self._known("birth")
        # Neither a household nor a twin shares these.
        fact = self._same("occupation") | self._same("birth_place")
        at_home = _any(self._same(column) for column in ("phone", "email", "addr", "postal"))
        # Under one written name a slip of a digit is no other phone.
        slip = self._same("name") & (
            self._when("phone", Mistyped("phone", 1)) | self._when("email", Mistyped("email", 1))
        )
        short = self._given_short()
        # Of namesakes in a household one is told by a suffix or the gender, or both by their birth dates.
        told = ~born & ~self._one_has("suffix") & ~self._differs("gender")
        certain = (
            number & (given | compatible | birth)
            | given & self._family_agrees() & (near_birth | told & (fact | at_home | slip))
            | short & (birth & (self._family_agrees() | fact | at_home) | told & fact)
            | birth & self._same("occupation")
            # A family name changes by marriage.
            | given & birth & (fact | at_home)
        ) & ~(self._other_characters() & ~number)
        other_birth = self._known("birth") & ~near_birth & ~number & ~near_number
        household = ~given & ~compatible & ~near_birth & ~number & ~near_number
        numbers = self._when("national_id", self._both_checked())
        # A shared phone explains itself once neither name agrees; a shared address may yet be one badly typed record.
        shared = other_birth | self._same("phone") | self._same("email")
        strangers = household & ~self._family_agrees() & shared
        other_given = ~self._given_agrees(least=0.7) & ~compatible & ~number & ~fact
        other_characters = self._other_characters() & ~number
        whole = self._same("name") & self._when("first", FREE_NAME) if self._wide else NO
        return Guards(
            certain=~contradiction & certain,
            named=~contradiction & whole & (near_birth | told),
            household=household,
            shown=household & other_birth,
            never=numbers | strangers,
            apart=other_number | other_suffix | mixed | other_birth | other_given | other_characters,
            firm=other_number | other_suffix | other_characters,
            doubts={
                **contradictions,
                "birth dates differ": other_birth,
                "given names differ": other_given,
                "other characters": other_characters,
                "household": household,
                "too little": ~certain,
            },
        )

    def organisation(self) -> Guards:
        number, other_number = self._same("registration_number"), self._registered_apart()
        name = self._when("name", same("name") | same("tokens") | near("name_s", 0.95))
        # a landline comes with the country's number or without
        phone = self._when("phone", Long(left("phone"), 8) & same("phone", -8))
        contact = self._same("phone") | phone | self._same("email") | self._same("addr")
        # A head office and its branches share a telephone, and each is registered by itself.
        branches = (self._one_has("branch") | self._differs("branch")) & ~number
        certain = name & (number | contact & ~other_number & ~branches)
        apart = other_number | branches
        doubts = {"numbers differ": other_number, "branches differ": branches, "too little": ~certain}
        return Guards(certain, named=NO, household=NO, shown=NO, never=NO, apart=apart, firm=apart, doubts=doubts)


def _any(conditions: Iterable[Condition]) -> Condition:
    one, *others = conditions
    return functools.reduce(lambda found, other: found | other, others, one)


def _han(sound: str, name: str = "first") -> tuple[Condition, Condition]:
    """Of each record: the name is written in other letters than it is spelt in."""
    return ~Equal(left(name), left(sound)), ~Equal(right(name), right(sound))
