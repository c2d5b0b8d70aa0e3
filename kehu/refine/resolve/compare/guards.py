"""What must hold besides a high weight before two records become one customer.

A household shares surname, address, phone and mailbox, a father and a son the whole name, twins all but the given name.
So what a household shares never merges by itself, given names that differ by more than typing, pinyin or script bar a
merge, and contradictions go to review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kehu.refine.resolve.compare.columns import NO, Columns, either
from kehu.refine.resolve.compare.comparing import CREDIT_CODE, Checked, Long, Mistyped, Within, differs, near, same
from kehu.refine.resolve.compare.conditions import Condition, Surely, left, right
from kehu.refine.resolve.compare.features import Features, Kind
from kehu.refine.resolve.compare.model import FREE_NAME
from kehu.refine.resolve.compare.persons import Persons
from kehu.refine.resolve.compare.questions import questions


@dataclass(frozen=True, slots=True)
class Guards:
    """Conditions over a pair of records; each is true or false, never unknown.

    Attributes:
        certain: the evidence is of a kind that may merge by itself, given the weight.
        named: the whole name is the same and nothing speaks against it: enough where it is so rare that the weight says it.
        household: the pair agrees in nothing but what a household shares; its weight is capped.
        shown: as before, and their birth dates say that they are two.
        never: two different customers, whatever the weight: nothing of name, birth date and number agrees, or of one given
            name family name, birth date and contact are others.
        apart: the two may not end in one merged group, by whatever chain.
        firm: of these, what no number of other records outvotes.
        doubts: by name, what each speaks against one customer: the parts of the above, to be told to a reviewer.
        pooled: by name, what :mod:`.questions` asks of each two records of two groups; nothing where groups are not compared
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
    if kind == "person":
        return _of_persons(Persons(features.columns, wide=features.wide))
    return _of_organisations(Columns(features.columns, wide=features.wide))


def _of_persons(two: Persons) -> Guards:
    doubts = {
        "numbers differ": two.other_number,
        "generations differ": two.other_suffix,
        "genders differ": two.other_gender,
    }
    contradiction, certain, household = either(doubts.values()), _certain(two), _household(two)
    # A gender may be mistyped: it parts two records, but not a group whose names or birth dates agree.
    mixed = two.other_gender & ~two.given & ~two.given_compatible & ~two.birth_agrees()
    # By more than any slip, and nothing speaks against two.
    other_given = ~two.given_agrees(least=0.7) & ~two.given_compatible & ~two.number
    other_characters = two.other_characters & ~two.number
    whole = two.same("name") & two.when("first", FREE_NAME) if two.wide else NO
    firm = two.other_number | two.other_suffix | other_characters
    return Guards(
        certain=~contradiction & certain,
        named=~contradiction & whole & (two.near_birth | two.told),
        household=household,
        shown=household & two.other_birth,
        never=_never(two, household),
        apart=two.other_number | two.other_suffix | mixed | two.other_birth | other_given | other_characters,
        firm=firm,
        pooled=questions(two),
        doubts={
            **doubts,
            "birth dates differ": two.other_birth,
            "given names differ": other_given,
            "other characters": other_characters,
            "household": household,
            "too little": ~certain,
        },
    )


def _household(two: Persons) -> Condition:
    """Nothing agrees but what a household shares."""
    return ~two.given & ~two.given_compatible & ~two.near_birth & ~two.number & ~two.id_near


def _certain(two: Persons) -> Condition:
    """Evidence that may merge by itself, whatever contradicts it."""
    given, short, birth, number, at_home = two.given, two.given_short, two.birth_agrees(), two.number, two.at_home
    # Under one written name a slip of a digit is no other phone.
    slip = two.same("name") & (two.when("phone", Mistyped("phone", 1)) | two.when("email", Mistyped("email", 1)))
    return (
        number & (given | two.given_compatible & ~two.other_second | birth)
        | given & two.family_agrees & (two.near_birth | two.told & (two.fact | at_home | slip))
        | short & (birth & (two.family_agrees | two.fact | at_home) | two.told & two.fact)
        # A family name changes by marriage.
        | given & birth & ~two.other_second & (two.fact | at_home | two.second)
        | two.second_and_number
    ) & ~((two.other_characters | two.other_twin) & ~number)


def _never(two: Persons, household: Condition) -> Condition:
    """Two right numbers, or strangers."""
    # A shared phone explains itself once neither name agrees; a shared address may yet be one badly typed record.
    shared = two.other_birth | two.reached
    # Of one given name, with another family name, birthday and contact.
    elsewhere = (two.differs("phone") | two.differs("email")) & ~two.reached
    namesakes = two.other_birth & ~two.family_agrees & elsewhere & ~two.number
    return two.when("national_id", two.both_checked) | household & ~two.family_agrees & shared | namesakes


def _of_organisations(two: Columns) -> Guards:
    """A number, or a name and a contact, and no branches, other forms or holdings of one."""
    number, other_number = two.same("registration_number"), _registered_apart(two)
    name = two.when("name", same("name") | same("tokens") | near("name_s", 0.95))
    # a landline comes with the country's number or without
    phone = two.when("phone", Long(left("phone"), 8) & same("phone", -8))
    contact = two.same("phone") | phone | two.same("email") | two.same("addr")
    # A head office and its branches share a telephone, and each is registered by itself.
    branches = (two.one_has("branch") | two.differs("branch")) & ~number
    # Funds, sites and schools of one house have one name and one address, and a number each.
    ordinals = (two.one_has("ordinal") | two.differs("ordinal")) & ~number
    # Foo GmbH and Foo AG, a holding and its daughter: another legal form is another legal person.
    forms = (two.differs("legal_form") | two.differs("group_word")) & ~number
    apart = other_number | branches | ordinals | forms
    certain = name & (number | contact & ~apart)
    doubts = {
        "numbers differ": other_number,
        "branches differ": branches,
        "ordinals differ": ordinals,
        "legal forms differ": forms,
        "too little": ~certain,
    }
    return Guards(
        certain,
        named=NO,
        household=NO,
        shown=NO,
        never=_both_checked(two),
        apart=apart,
        firm=apart,
        doubts=doubts,
        pooled={},
    )


def _registered_apart(two: Columns) -> Condition:
    """Two numbers, and not one slip of one: of that, just one has a right check digit."""
    one, other = (Checked(side("registration_number"), CREDIT_CODE) for side in (left, right))
    slip = Within("registration_number", 1) & (Surely(one) | Surely(other)) & ~_both_checked(two)
    return two.when("registration_number", differs("registration_number") & ~slip)


def _both_checked(two: Columns) -> Condition:
    """Two numbers with right check digits: nobody has two, and one slip is never valid."""
    one, other = (Checked(side("registration_number"), CREDIT_CODE) for side in (left, right))
    return two.when("registration_number", differs("registration_number") & one & other)
