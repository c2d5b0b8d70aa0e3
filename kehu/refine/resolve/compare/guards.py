"""What must hold besides a high weight before two records become one customer.

A household shares surname, address, phone and mailbox, a father and a son the whole name, twins all but the given name.
So what a household shares never merges by itself, given names that differ by more than typing, pinyin or script bar a
merge, and contradictions go to review.
"""

from __future__ import annotations

import datetime as dt
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from kehu.refine.resolve.compare.comparing import (
    CREDIT_CODE,
    RESIDENT,
    Begins,
    Checked,
    Contains,
    DaysApart,
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
from kehu.refine.resolve.compare.conditions import Case, Condition, Fixed, Known, KnownOfOne, Surely, left, right
from kehu.refine.resolve.compare.features import Features, Kind
from kehu.refine.resolve.compare.model import FREE_NAME, OTHER_FORM, OTHER_SCRIPT, SPELT_OUT, SWAPPED_DAY

NO: Final = Fixed(False)
# Days by which birth dates may differ that are not of two children of one mother; twins have another name.
_NO_SIBLINGS: Final = 200
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
        pooled: by name, what :mod:`.pooled` asks of each two records of two groups; nothing where groups are not compared
            as wholes.
    """

    certain: Condition
    named: Condition
    household: Condition
    shown: Condition
    never: Condition
    apart: Condition
    firm: Condition
    doubts: Mapping[str, Condition]
    pooled: Mapping[str, Condition]


def guards(features: Features, kind: Kind) -> Guards:
    """The conditions that these features can decide."""
    of: type[_Conditions] = _Persons if kind == "person" else _Organisations
    return of(features.columns, wide=features.wide).guards()


class _Conditions(ABC):
    """What conditions are built of; what a table lacks is unknown and decides nothing."""

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

    def _one_has(self, column: str) -> Condition:
        return KnownOfOne(column) if column in self._columns else NO

    def _one_known(self, column: str) -> Condition:
        if column not in self._columns:
            return NO
        return _any(Surely(Equal(side(column), side(column))) for side in (left, right))

    @abstractmethod
    def guards(self) -> Guards:
        """What decides of two records of the kind."""


class _Persons(_Conditions):
    """Two persons; see the module."""

    def _given_agrees(self, *, least: float = 0.9) -> Condition:
        """Equal, one begins the other, everyday and formal form, alike but for typing or script, or in another order.

        Args:
            least: Jaro-Winkler similarity that still passes for typing.
        """
        if "first" not in self._columns:
            return NO
        first, last = ("first_s", "last_s") if self._wide else ("first", "last")
        alike = Long(left(first), 4) & Within(first, 1) | Long(left(first), 5) & near(first, least)
        # Mary and Mark are no slip.
        alike = alike & ~self._named_apart()
        if self._wide:
            # Two Han names that only sound alike may be a slip of the keyboard or twins: not for us to say.
            one, other = _han(first)
            # Twins' names may be spelt alike, too: what is spelt out is asked of groups, which see whether it may be either's. A
            # romanised given name of two words is two syllables, and another letter is another name.
            single = Equal(left("word"), left("first")) | Equal(right("word"), right("first"))
            alike = Case(((one & other, Turned("name")), (one | other, NO)), alike & single)
        begins = Begins(left("first"), right("first")) | Begins(right("first"), left("first"))
        swapped = Near(left(first), right(last), 0.9) & Near(left(last), right(first), 0.9)
        # Where the parts came by themselves of one record only, they may be cut elsewhere.
        whole = Known("first") & (same("name") | self._other_order())
        return Surely(same("first") | whole | begins | OTHER_FORM | alike | Surely(swapped))

    def _named_apart(self) -> Condition:
        """One name is a woman's, the other a man's."""
        asked = (("female", "male"), ("male", "female"))
        return _any(Surely(Is(left("named_gender"), one) & Is(right("named_gender"), other)) for one, other in asked)

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
        word = (
            word | Surely(Contains(left("middle"), right("first"))) | Surely(Contains(right("middle"), left("first")))
        )
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

    def _other_order(self) -> Condition:
        """The same words in another order, with the family name elsewhere, or born the same day.

        A son may be named 偉承 after 承偉, and Chieh-chun and Chun-chieh are two.
        """
        elsewhere = differs("last")
        if self._wide:
            one, other = _han("first_s")
            elsewhere = elsewhere & ~(one & other)
        return self._when("first", same("tokens") & (elsewhere | self._birth_agrees()))

    def _written_otherwise(self) -> Condition:
        """Two Han given names of other characters."""
        if not self._wide:
            return NO
        one, other = _han("first_s")
        return self._when(
            "first", differs("first") & differs("name") & one & other & ~Turned("name") & ~self._other_order()
        )

    def _other_characters(self) -> Condition:
        """Two Han given names of other characters, save where a grown-up's own telephone says that it is one slip."""
        return self._written_otherwise() & ~self._misheard()

    def _same_sound(self) -> Condition:
        return self._when("first", same("first_s")) & self._when("last", same("last_s")) if self._wide else NO

    def _misheard(self) -> Condition:
        """Characters of one sound for others, on one telephone, of somebody grown up.

        Twins are often named alike; grown up, they may share a mailbox, and have a telephone each.
        """
        return self._own_phone & self._same_sound() if self._wide else NO

    @cached_property
    def _own_phone(self) -> Condition:
        """One telephone, of somebody grown up."""
        return self._same("phone") & self._one_is(grown=True)

    def _one_is(self, *, grown: bool) -> Condition:
        """One of the two is old enough for a telephone and a mailbox of their own, or is not yet."""
        if "birth" not in self._columns:
            return NO
        year = f"{dt.datetime.now(dt.UTC).year - _GROWN:04d}"
        born = [UpTo(side("birth", 1, 4), year) for side in (left, right)]
        return _any(Surely(one if grown else ~one) for one in born)

    def _at_own_line(self) -> dict[str, Condition]:
        """What two of one household would not both say at a telephone or mailbox that nobody else is seen to use.

        Twins are named alike and born the same day; as children they have a parent's telephone, grown up one each. Two names of
        one birthday that have one of two characters in common are how twins are named, and no slip.
        """
        if not self._wide:
            return dict.fromkeys(("one sound", "turned", "own phone"), NO)
        slip = self._reached & self._written_otherwise()
        one, other = left("first"), right("first")
        lost = Within("first", 1) & (Long(one, 1, 1) & Long(other, 2) | Long(other, 1, 1) & Long(one, 2))
        # of a name written by its sound: 阿不都热合曼, 阿不都热黑曼
        long = Within("first", 2) & Long(one, 4) & Long(other, 4)
        written = self._when("first", same("first_b") | lost | long)
        return {
            "one sound": slip & self._same_sound(),
            "turned": self._reached & self._when("first", differs("first") & same("tokens")),
            "own phone": self._own_phone & self._birth_agrees() & (written & self._family_agrees() | OTHER_SCRIPT),
        }

    def _family_agrees(self) -> Condition:
        # One who married, or whose parents did not choose, has both: Gambier-Parry, Parry.
        double = Contains(left("last"), right("last")) | Contains(right("last"), left("last"))
        alike = near("last_s" if self._wide else "last", 0.85) | double
        if self._wide:
            one, other = _han("last_s", "last")
            # 杨 for 扬: a given name is nobody else's at a telephone, one of two characters, or of one sound, at a mailbox.
            told = Long(left("first"), 2) | same("last_s")
            # 白玛 and 尼玛 have no family name: the last character is all that they share.
            misheard = near("last_s", 0.8)
            own = same("first") & ((told | misheard) & self._same("phone") | told & self._same("email"))
            alike = Case(((one & other, same("name") | Turned("name") | Surely(own)), (one | other, SPELT_OUT)), alike)
        return ~self._known("last") | self._when("last", same("last") | self._other_order() | alike) | self._misheard()

    def _birth_agrees(self, *, errors: int = 1) -> Condition:
        return self._when("birth", Within("birth", errors) | SWAPPED_DAY | self._by_the_moon())

    def _by_the_moon(self) -> Condition:
        """One is the other's day of the farmers' calendar."""
        if not self._wide:
            return NO
        return Surely(Equal(left("moon"), right("birth"))) | Surely(Equal(right("moon"), left("birth")))

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

    @cached_property
    def _given(self) -> Condition:
        """The given names agree, or one was misheard."""
        return self._given_agrees() | self._misheard()

    @cached_property
    def _number(self) -> Condition:
        return self._same("national_id")

    @cached_property
    def _near_birth(self) -> Condition:
        """The birth dates agree but for two slips, or one is of a year alone."""
        return self._birth_agrees(errors=2) | self._only_year()

    @cached_property
    def _other_birth(self) -> Condition:
        """Two birth dates, and no number that says that one is wrong."""
        return self._known("birth") & ~self._near_birth & ~self._number & ~self._id_near()

    @cached_property
    def _fact(self) -> Condition:
        """What people of one household rarely share; twins do: one birth place, and as pupils one occupation."""
        return self._same("occupation") | self._same("birth_place")

    @cached_property
    def _reached(self) -> Condition:
        """One telephone or mailbox."""
        return self._same("phone") | self._same("email")

    @cached_property
    def _at_home(self) -> Condition:
        """What the people of one household share."""
        return _any(self._same(column) for column in ("phone", "email", "addr", "dwelling", "postal"))

    @cached_property
    def _told(self) -> Condition:
        """Of namesakes in a household one is told by a suffix or the gender, or both by their birth dates."""
        return ~self._known("birth") & ~self._one_has("suffix") & ~self._differs("gender")

    @cached_property
    def _contradictions(self) -> dict[str, Condition]:
        return {
            "numbers differ": self._numbers_differ(),
            "generations differ": self._differs("suffix"),
            "genders differ": self._differs("gender") & ~self._same("first") & ~self._number,
        }

    @cached_property
    def _household(self) -> Condition:
        """Nothing agrees but what a household shares."""
        return ~self._given & ~self._given_compatible() & ~self._near_birth & ~self._number & ~self._id_near()

    def _certain(self) -> Condition:
        """Evidence that may merge by itself, whatever contradicts it."""
        given, birth, number = self._given, self._birth_agrees(), self._number
        at_home = self._at_home
        # Under one written name a slip of a digit is no other phone.
        slip = self._same("name") & (
            self._when("phone", Mistyped("phone", 1)) | self._when("email", Mistyped("email", 1))
        )
        short = self._given_short()
        return (
            number & (given | self._given_compatible() | birth)
            | given & self._family_agrees() & (self._near_birth | self._told & (self._fact | at_home | slip))
            | short & (birth & (self._family_agrees() | self._fact | at_home) | self._told & self._fact)
            # A family name changes by marriage.
            | given & birth & (self._fact | at_home)
        ) & ~(self._other_characters() & ~number)

    def _never(self) -> Condition:
        """Two right numbers, or strangers."""
        # A shared phone explains itself once neither name agrees; a shared address may yet be one badly typed record.
        shared = self._other_birth | self._same("phone") | self._same("email")
        strangers = self._household & ~self._family_agrees() & shared
        return self._when("national_id", self._both_checked()) | strangers

    def _other_given(self) -> Condition:
        """Given names that differ by more than any slip, and nothing that speaks against two."""
        return ~self._given_agrees(least=0.7) & ~self._given_compatible() & ~self._number

    def _pooled(self) -> Mapping[str, Condition]:
        """What two groups are asked, record by record; each false where it is unknown."""
        # One word of a name may be the given or the family name: the whole household has it, and it tells nobody from a twin.
        words = ~Equal(left("last"), left("name")) & ~Equal(right("last"), right("name"))
        two_words = self._when("last", words)
        other_number, other_suffix, _ = self._contradictions.values()
        ones, others = (Surely(~Equal(side("last"), side("name"))) for side in (left, right))
        family = self._known("last") & self._family_agrees()
        both_ways = ((left, right), (right, left))
        lone_middle = _any(Surely(Contains(one("middle"), other("first"))) for one, other in both_ways)
        both_given = _any(Contains(one("middle"), other("last")) for one, other in both_ways)
        # Kwan Wah in Fiona Kwan Wah Wong
        within = _any(
            Surely(Contains(one("name"), other("first")) & ~Equal(other("word"), other("first")))
            for one, other in both_ways
        )
        # Of a name in Han characters, or of one that both bear, another gender is another person.
        one_name = self._same("first") & ~self._when("first", Is(left("named_gender"), "either"))
        if self._wide:
            one_name = one_name & Known("latin")
        spelt = SPELT_OUT if self._wide else NO
        # 黃宏志 calls himself Andy: of a given name that nobody made of the characters nothing says that it is a twin's.
        named_too = self._when("birth", OTHER_SCRIPT & KnownOfOne("named_gender") & same("birth")) & self._own_phone
        asked = {
            "pairs": Fixed(True),
            "names": self._known("name"),
            "one's given": ones if "last" in self._columns else NO,
            "other's given": others if "last" in self._columns else NO,
            "two words": two_words,
            "families": two_words & family,
            "given": two_words & self._given,
            "spelt": self._when("birth", spelt & same("birth")),
            "spelt here": spelt & self._reached,
            "other script": named_too if self._wide else NO,
            "contacts": self._known("phone") | self._known("email"),
            "contact": self._reached,
            "one's letters": Surely(Equal(left("latin"), left("latin"))) if self._wide else NO,
            "other's letters": Surely(Equal(right("latin"), right("latin"))) if self._wide else NO,
            "given twice": two_words & (self._given & both_given | within),
            "short": two_words & family & self._given_short(),
            "lone given": ~two_words & self._when("first", near("first", 0.9) | OTHER_FORM | lone_middle),
            "lone family": ~two_words & family,
            "births": self._known("birth"),
            "birth": self._birth_agrees(),
            "one age": two_words
            & family
            & (self._given | spelt)
            & self._reached
            & self._when("birth", DaysApart("birth", _NO_SIBLINGS)),
            "fact": self._fact,
            "facts": self._known("occupation") | self._known("birth_place"),
            "home": self._at_home,
            "street alone": self._same("addr") & ~self._known("house_number"),
            "slip": self._when("postal", Mistyped("postal", 1)),
            "firm": other_number | other_suffix,
            "other characters": self._written_otherwise() & ~self._number,
            "slips": self._written_otherwise() & ~self._number & self._same_sound(),
            "misheard": self._misheard(),
            **self._at_own_line(),
            "grown": self._one_is(grown=True),
            "mailbox": self._one_known("email"),
            "children": self._one_is(grown=False),
            "suffix": self._one_has("suffix"),
            "genders differ": self._differs("gender"),
            "one gender": self._same("gender"),
            "one name": one_name,
            "same first": self._same("first") | (self._when("name", Turned("name")) if self._wide else NO),
        }
        return {name: Surely(condition) for name, condition in asked.items()}

    def guards(self) -> Guards:
        contradiction, certain = _any(self._contradictions.values()), self._certain()
        other_number, other_suffix, other_gender = self._contradictions.values()
        # A gender may be mistyped: it parts two records, but not a group whose names or birth dates agree.
        mixed = other_gender & ~self._given & ~self._given_compatible() & ~self._birth_agrees()
        other_given, other_characters = self._other_given(), self._other_characters() & ~self._number
        whole = self._same("name") & self._when("first", FREE_NAME) if self._wide else NO
        firm = other_number | other_suffix | other_characters
        return Guards(
            certain=~contradiction & certain,
            named=~contradiction & whole & (self._near_birth | self._told),
            household=self._household,
            shown=self._household & self._other_birth,
            never=self._never(),
            apart=other_number | other_suffix | mixed | self._other_birth | other_given | other_characters,
            firm=firm,
            pooled=self._pooled(),
            doubts={
                **self._contradictions,
                "birth dates differ": self._other_birth,
                "given names differ": other_given,
                "other characters": other_characters,
                "household": self._household,
                "too little": ~certain,
            },
        )


class _Organisations(_Conditions):
    """Two organisations: a number, or a name and a contact, and no branches, other forms or holdings of one."""

    def _registered_apart(self) -> Condition:
        """Two numbers, and not one slip of one: of that, just one has a right check digit."""
        one, other = (Surely(Checked(side("registration_number"), CREDIT_CODE)) for side in (left, right))
        slip = Within("registration_number", 1) & (one | other) & ~(one & other)
        return self._when("registration_number", differs("registration_number") & ~slip)

    def guards(self) -> Guards:
        number, other_number = self._same("registration_number"), self._registered_apart()
        name = self._when("name", same("name") | same("tokens") | near("name_s", 0.95))
        # a landline comes with the country's number or without
        phone = self._when("phone", Long(left("phone"), 8) & same("phone", -8))
        contact = self._same("phone") | phone | self._same("email") | self._same("addr")
        # A head office and its branches share a telephone, and each is registered by itself.
        branches = (self._one_has("branch") | self._differs("branch")) & ~number
        # Funds, sites and schools of one house have one name and one address, and a number each.
        ordinals = (self._one_has("ordinal") | self._differs("ordinal")) & ~number
        # Foo GmbH and Foo AG, a holding and its daughter: another legal form is another legal person.
        forms = (self._differs("legal_form") | self._differs("group_word")) & ~number
        apart = other_number | branches | ordinals | forms
        certain = name & (number | contact & ~apart)
        doubts = {
            "numbers differ": other_number,
            "branches differ": branches,
            "ordinals differ": ordinals,
            "legal forms differ": forms,
            "too little": ~certain,
        }
        never = {"household": NO, "shown": NO, "never": NO}
        return Guards(certain, named=NO, **never, apart=apart, firm=apart, doubts=doubts, pooled={})


def _any(conditions: Iterable[Condition]) -> Condition:
    one, *others = conditions
    return functools.reduce(lambda found, other: found | other, others, one)


def _han(sound: str, name: str = "first") -> tuple[Condition, Condition]:
    """Of each record: the name is written in other letters than it is spelt in."""
    return ~Equal(left(name), left(sound)), ~Equal(right(name), right(sound))
