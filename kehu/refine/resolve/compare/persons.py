"""What two records of persons have in common, and what tells them apart.

The names are compared as they are written and, where they are not in ASCII, as they sound. Each is false where it is unknown.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Final

from kehu.refine.resolve.compare.columns import NO, Columns, either
from kehu.refine.resolve.compare.comparing import (
    RESIDENT,
    Begins,
    Checked,
    Contains,
    Equal,
    Is,
    Long,
    Near,
    Starts,
    Turned,
    UpTo,
    Within,
    differs,
    near,
    same,
)
from kehu.refine.resolve.compare.conditions import Case, Condition, Fixed, Known, Surely, left, right
from kehu.refine.resolve.compare.model import OTHER_FORM, OTHER_SCRIPT, SECOND_INITIAL, SPELT_OUT, SWAPPED_DAY

# Years from which two people of one household have a telephone and a mailbox each.
_GROWN: Final = 25


class Persons(Columns):
    """What is asked of two records of persons."""

    def given_agrees(self, *, least: float = 0.9) -> Condition:
        """Equal, one begins the other, everyday and formal form, alike but for typing or script, or in another order.

        Args:
            least: Jaro-Winkler similarity that still passes for typing.
        """
        if "first" not in self.columns:
            return NO
        first, last = ("first_s", "last_s") if self.wide else ("first", "last")
        alike = Long(left(first), 4) & Within(first, 1) | Long(left(first), 5) & near(first, least)
        # Mary and Mark are no slip.
        alike = alike & ~self._named_apart
        if self.wide:
            # Two Han names that only sound alike may be a slip of the keyboard or twins: not for us to say.
            one, other = written_in_han(first)
            # Twins' names may be spelt alike, too: what is spelt out is asked of groups, which see whether it may be either's. A
            # romanised given name of two words is two syllables, and another letter is another name.
            single = Equal(left("word"), left("first")) | Equal(right("word"), right("first"))
            alike = Case(((one & other, Turned("name")), (one | other, NO)), alike & single)
        begins = Begins(left("first"), right("first")) | Begins(right("first"), left("first"))
        swapped = Near(left(first), right(last), 0.9) & Near(left(last), right(first), 0.9)
        # Where the parts came by themselves of one record only, they may be cut elsewhere.
        whole = Known("first") & (same("name") | self.other_order)
        return Surely(same("first") | whole | begins | OTHER_FORM | alike | Surely(swapped))

    @cached_property
    def _named_apart(self) -> Condition:
        """One name is a woman's, the other a man's."""
        asked = (("female", "male"), ("male", "female"))
        return either(Surely(Is(left("named_gender"), one) & Is(right("named_gender"), other)) for one, other in asked)

    @cached_property
    def given_short(self) -> Condition:
        """One is the beginning of the other, an initial at least, a word of the other's whole name, or the one word that is known
        of a name."""
        if "first" not in self.columns:
            return NO
        first, last = ("first_s", "last_s") if self.wide else ("first", "last")
        # J., Ed and Kim of Jane, Edward and Kimberly.
        initial = (Starts(left("first"), right("word")) | Starts(right("first"), left("word"))) & ~self._named_apart
        if self.wide:
            # Wei is not short for Weiming: a Chinese name in Latin letters may be a brother's with a syllable less.
            one, other = written_in_han(first)
            initial = (Long(left("word"), 1, 1) | Long(right("word"), 1, 1)) & same("first", 1, 1) & ~one & ~other
        word = Contains(left("name"), right("first")) | Contains(right("name"), left("first"))
        word = (
            word | Surely(Contains(left("middle"), right("first"))) | Surely(Contains(right("middle"), left("first")))
        )
        # A single word may be the given or the family name.
        lone = Equal(left("name"), left("first")) & (Near(left(first), right(last), 0.9) | near(first, 0.9))
        other = Equal(right("name"), right("first")) & (Near(right(first), left(last), 0.9) | near(first, 0.9))
        return self.when("first", initial | word | lone | other)

    @cached_property
    def given_compatible(self) -> Condition:
        """One is missing, short for the other, or easily misheard for it."""
        if "first" not in self.columns:
            return Fixed(True)
        misheard = Surely(same("first_b")) | OTHER_SCRIPT if self.wide else NO
        return ~Known("first") | self.given_short | misheard

    @cached_property
    def other_order(self) -> Condition:
        """The same words in another order, with the family name elsewhere, or born the same day.

        A son may be named 偉承 after 承偉, and Chieh-chun and Chun-chieh are two.
        """
        elsewhere = differs("last")
        if self.wide:
            one, other = written_in_han("first_s")
            elsewhere = elsewhere & ~(one & other)
        return self.when("first", same("tokens") & (elsewhere | self.birth_agrees()))

    @cached_property
    def written_otherwise(self) -> Condition:
        """Two Han given names of other characters."""
        if not self.wide:
            return NO
        one, other = written_in_han("first_s")
        return self.when(
            "first", differs("first") & differs("name") & one & other & ~Turned("name") & ~self.other_order
        )

    @cached_property
    def other_characters(self) -> Condition:
        """Two Han given names of other characters, save where a grown-up's own telephone says that it is one slip."""
        return self.written_otherwise & ~self.misheard

    @cached_property
    def same_sound(self) -> Condition:
        """Both names sound alike, syllable by syllable."""
        return self.when("first", same("first_s")) & self.when("last", same("last_s")) if self.wide else NO

    @cached_property
    def misheard(self) -> Condition:
        """Characters of one sound for others, on one telephone, of somebody grown up.

        Twins are often named alike; grown up, they may share a mailbox, and have a telephone each.
        """
        return self.own_phone & self.same_sound if self.wide else NO

    @cached_property
    def own_phone(self) -> Condition:
        """One telephone, of somebody grown up."""
        return self.same("phone") & self.one_is(grown=True)

    def one_is(self, *, grown: bool) -> Condition:
        """One of the two is old enough for a telephone and a mailbox of their own, or is not yet."""
        if "birth" not in self.columns:
            return NO
        year = f"{dt.datetime.now(dt.UTC).year - _GROWN:04d}"
        born = [UpTo(side("birth", 1, 4), year) for side in (left, right)]
        return either(Surely(one if grown else ~one) for one in born)

    @cached_property
    def family_agrees(self) -> Condition:
        """The same, alike but for typing or script, one of a double name, or not known of both."""
        # One who married, or whose parents did not choose, has both: Gambier-Parry, Parry.
        double = Contains(left("last"), right("last")) | Contains(right("last"), left("last"))
        alike = near("last_s" if self.wide else "last", 0.85) | double
        if self.wide:
            one, other = written_in_han("last_s", "last")
            # 杨 for 扬: a given name is nobody else's at a telephone, one of two characters, or of one sound, at a mailbox.
            told = Long(left("first"), 2) | same("last_s")
            # 白玛 and 尼玛 have no family name: the last character is all that they share.
            misheard = near("last_s", 0.8)
            own = same("first") & ((told | misheard) & self.same("phone") | told & self.same("email"))
            alike = Case(((one & other, same("name") | Turned("name") | Surely(own)), (one | other, SPELT_OUT)), alike)
        return ~self.known("last") | self.when("last", same("last") | self.other_order | alike) | self.misheard

    def birth_agrees(self, *, errors: int = 1) -> Condition:
        """The same day but for so many digits, with day and month in the other order, or by the farmers' calendar."""
        return self.when("birth", Within("birth", errors) | SWAPPED_DAY | self._by_the_moon)

    @cached_property
    def _by_the_moon(self) -> Condition:
        """One is the other's day of the farmers' calendar."""
        if not self.wide:
            return NO
        return Surely(Equal(left("moon"), right("birth"))) | Surely(Equal(right("moon"), left("birth")))

    @cached_property
    def _only_year(self) -> Condition:
        """One is the first of January, which stands for the year where a form asks for a day."""
        unknown = Is(left("birth", 5, 8), "0101") | Is(right("birth", 5, 8), "0101")
        return self.when("birth", same("birth", 1, 4) & unknown)

    @cached_property
    def id_near(self) -> Condition:
        """Two numbers that are slips of one."""
        return self.when("national_id", Within("national_id", 2) & ~self.both_checked)

    @cached_property
    def both_checked(self) -> Condition:
        """Both have a right check digit and differ: twins' numbers are neighbours, one slip is never valid."""
        one, other = (Checked(side("national_id"), RESIDENT) for side in (left, right))
        return self.differs("national_id") & one & other

    @cached_property
    def other_number(self) -> Condition:
        """Two numbers that are no slips of one."""
        return self.when("national_id", ~Within("national_id", 2)) | self.when("national_id", self.both_checked)

    @cached_property
    def second(self) -> Condition:
        """The second given names agree, or one is the other's initial."""
        return self.when("second", SECOND_INITIAL | near("second", 0.9))

    @cached_property
    def other_second(self) -> Condition:
        """Two second given names, and neither a slip of the other nor its initial."""
        return self.known("second") & ~self.second

    @cached_property
    def other_twin(self) -> Condition:
        """Two given names, alike or not, and two second ones: twins are often named alike, and a slip is seldom made in both."""
        return self.differs("first") & self.other_second

    @cached_property
    def second_and_number(self) -> Condition:
        """One number and one second name, of whom one given name is missing, an initial, or a bad copy of the other.

        People of one home may use one number; each has a second name of their own.
        """
        initial = self.when("first", Long(left("word"), 1, 1) | Long(right("word"), 1, 1))
        return self._second_and_family & self.number & ~self.other_birth & (self.badly_copied(least=0.75) | initial)

    @cached_property
    def second_and_birthday(self) -> Condition:
        """One birthday and one second name, of whom one given name is missing, or a bad copy of the other: no twin of theirs."""
        return self._second_and_family & self.birth_agrees() & self.badly_copied(least=0.88)

    @cached_property
    def _second_and_family(self) -> Condition:
        return self.second & self.known("last") & self.family_agrees

    def badly_copied(self, *, least: float) -> Condition:
        """Of one no given name is known, or it is less like the other's than a typing error leaves it.

        Args:
            least: Jaro-Winkler similarity.
        """
        if "first" not in self.columns:
            return Fixed(True)
        alike = near("first", least) & ~self._named_apart
        return ~Known("first") | Surely(alike)

    @cached_property
    def given(self) -> Condition:
        """The given names agree, or one was misheard."""
        return self.given_agrees() | self.misheard

    @cached_property
    def number(self) -> Condition:
        """One number."""
        return self.same("national_id")

    @cached_property
    def near_birth(self) -> Condition:
        """The birth dates agree but for two slips, or one is of a year alone."""
        return self.birth_agrees(errors=2) | self._only_year

    @cached_property
    def other_birth(self) -> Condition:
        """Two birth dates, and no number that says that one is wrong."""
        return self.known("birth") & ~self.near_birth & ~self.number & ~self.id_near

    @cached_property
    def fact(self) -> Condition:
        """What people of one household rarely share; twins do: one birth place, and as pupils one occupation."""
        return self.same("occupation") | self.same("birth_place")

    @cached_property
    def reached(self) -> Condition:
        """One telephone or mailbox."""
        return self.same("phone") | self.same("email")

    @cached_property
    def at_home(self) -> Condition:
        """What the people of one household share."""
        return either(self.same(column) for column in ("phone", "email", "addr", "dwelling", "postal"))

    @cached_property
    def told(self) -> Condition:
        """Of namesakes in a household one is told by a suffix or the gender, or both by their birth dates."""
        return ~self.known("birth") & ~self.one_has("suffix") & ~self.differs("gender") & ~self.other_second

    @cached_property
    def other_suffix(self) -> Condition:
        """A father and his son of one name."""
        return self.differs("suffix")

    @cached_property
    def other_gender(self) -> Condition:
        """Two genders, and not one given name."""
        return self.differs("gender") & ~self.same("first") & ~self.number


def written_in_han(sound: str, name: str = "first") -> tuple[Condition, Condition]:
    """Of each record: the name is written in other letters than it is spelt in."""
    return ~Equal(left(name), left(sound)), ~Equal(right(name), right(sound))
