"""What two groups of records of persons are asked, of each record of the one with each of the other.

:mod:`.pooled` counts of how many pairs each holds, and decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kehu.refine.resolve.compare.columns import NO, either
from kehu.refine.resolve.compare.comparing import (
    Contains,
    DaysApart,
    Equal,
    Is,
    Long,
    Mistyped,
    Turned,
    Within,
    differs,
    near,
    same,
)
from kehu.refine.resolve.compare.conditions import Condition, Fixed, Known, KnownOfOne, Surely, left, right
from kehu.refine.resolve.compare.model import OTHER_FORM, OTHER_SCRIPT, SPELT_OUT
from kehu.refine.resolve.compare.persons import Persons

# Days by which birth dates may differ that are not of two children of one mother; twins have another name.
_NO_SIBLINGS: Final = 200
_BOTH_WAYS: Final = ((left, right), (right, left))


def questions(two: Persons) -> Mapping[str, Condition]:
    """By name, what is asked; each false where it is unknown."""
    asked = {
        "pairs": Fixed(True),
        **_names(two),
        **_scripts(two),
        **_at_own_line(two),
        **_births(two),
        **_contacts(two),
        "firm": two.other_number | two.other_suffix,
        "suffix": two.one_has("suffix"),
        "second": two.second,
        "other second": two.other_second,
        "second and birthday": two.second_and_birthday,
        "genders differ": two.differs("gender"),
        "one gender": two.same("gender"),
    }
    return {name: Surely(condition) for name, condition in asked.items()}


def _two_words(two: Persons) -> Condition:
    """Both parts of a name are known of both.

    One word may be the given or the family name: the whole household has the latter, and it tells nobody from a twin.
    """
    return two.when("last", ~Equal(left("last"), left("name")) & ~Equal(right("last"), right("name")))


def _family(two: Persons) -> Condition:
    return two.known("last") & two.family_agrees


def _names(two: Persons) -> dict[str, Condition]:
    two_words, family = _two_words(two), _family(two)
    ones, others = (two.when("last", ~Equal(side("last"), side("name"))) for side in (left, right))
    middle = either(Surely(Contains(one("middle"), other("first"))) for one, other in _BOTH_WAYS)
    both = either(Contains(one("middle"), other("last")) for one, other in _BOTH_WAYS)
    # Kwan Wah in Fiona Kwan Wah Wong
    within = either(
        Surely(Contains(one("name"), other("first")) & ~Equal(other("word"), other("first")))
        for one, other in _BOTH_WAYS
    )
    # Of a name in Han characters, or of one that both bear, another gender is another person.
    telling = two.same("first") & ~two.when("first", Is(left("named_gender"), "either"))
    turned = two.when("name", Turned("name")) if two.wide else NO
    return {
        "names": two.known("name"),
        "one's given": ones,
        "other's given": others,
        "two words": two_words,
        "families": two_words & family,
        "given": two_words & two.given,
        "given twice": two_words & (two.given & both | within),
        "short": two_words & family & two.given_short,
        "lone given": ~two_words & two.when("first", near("first", 0.9) | OTHER_FORM | middle),
        "lone family": ~two_words & family,
        "one name": telling & Known("latin") if two.wide else telling,
        "same first": two.same("first") | turned,
    }


def _spelt(two: Persons) -> Condition:
    return SPELT_OUT if two.wide else NO


def _scripts(two: Persons) -> dict[str, Condition]:
    """Of names in other letters than Latin ones."""
    if not two.wide:
        asked = ("spelt", "spelt here", "other script", "one's letters", "other's letters", "other characters", "slips")
        return dict.fromkeys((*asked, "misheard"), NO)
    # 黃宏志 calls himself Andy: of a given name that nobody made of the characters nothing says that it is a twin's.
    named_too = two.when("birth", OTHER_SCRIPT & KnownOfOne("named_gender") & same("birth")) & two.own_phone
    other_characters = two.written_otherwise & ~two.number
    return {
        "spelt": two.when("birth", SPELT_OUT & same("birth")),
        "spelt here": SPELT_OUT & two.reached,
        "other script": named_too,
        "one's letters": Surely(Equal(left("latin"), left("latin"))),
        "other's letters": Surely(Equal(right("latin"), right("latin"))),
        "other characters": other_characters,
        "slips": other_characters & two.same_sound,
        "misheard": two.misheard,
    }


def _at_own_line(two: Persons) -> dict[str, Condition]:
    """What two of one household would not both say at a telephone or mailbox that nobody else is seen to use.

    Twins are named alike and born the same day; as children they have a parent's telephone, grown up one each. Two names of
    one birthday that have one of two characters in common are how twins are named, and no slip.
    """
    if not two.wide:
        return dict.fromkeys(("one sound", "turned", "own phone"), NO)
    one, other = left("first"), right("first")
    lost = Within("first", 1) & (Long(one, 1, 1) & Long(other, 2) | Long(other, 1, 1) & Long(one, 2))
    # of a name written by its sound: 阿不都热合曼, 阿不都热黑曼
    long = Within("first", 2) & Long(one, 4) & Long(other, 4)
    written = two.when("first", same("first_b") | lost | long)
    return {
        "one sound": two.reached & two.written_otherwise & two.same_sound,
        "turned": two.reached & two.when("first", differs("first") & same("tokens")),
        "own phone": two.own_phone & two.birth_agrees() & (written & two.family_agrees | OTHER_SCRIPT),
    }


def _births(two: Persons) -> dict[str, Condition]:
    named = _two_words(two) & _family(two) & (two.given | _spelt(two))
    return {
        "births": two.known("birth"),
        "birth": two.birth_agrees(),
        "one age": named & two.reached & two.when("birth", DaysApart("birth", _NO_SIBLINGS)),
        "grown": two.one_is(grown=True),
        "children": two.one_is(grown=False),
    }


def _contacts(two: Persons) -> dict[str, Condition]:
    return {
        "contacts": two.known("phone") | two.known("email"),
        "contact": two.reached,
        "mailbox": two.one_known("email"),
        "fact": two.fact,
        "facts": two.known("occupation") | two.known("birth_place"),
        "home": two.at_home,
        "street alone": two.same("addr") & ~two.known("house_number"),
        "slip": two.when("postal", Mistyped("postal", 1)),
    }
