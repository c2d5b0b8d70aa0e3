"""The made-up Chinese set: the same from the same seed, what it says of itself, and no family become one person."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import polars as pl
import pytest
from stdnum.cn import ric, uscc

from bench.chinese import Made, make
from bench.chinese.__main__ import households_merged
from bench.chinese.families import Makes
from bench.chinese.names import simplified
from kehu.refine.resolve.linkage.link import link

RECORDS, SEED = 2000, 41  # another seed than the one measured


@pytest.fixture(scope="module")
def made() -> Made:
    return make(RECORDS, seed=SEED)


def test_the_same_seed_makes_the_same_set(made: Made):
    again = make(RECORDS, seed=SEED)
    assert again.given.equals(made.given)
    assert (again.data.truth, again.household, again.counts) == (made.data.truth, made.household, made.counts)
    assert not make(RECORDS, seed=SEED + 1).given.equals(made.given)


def test_it_holds_what_it_says(made: Made):
    assert made.data.table.num_rows == RECORDS == len(made.data.truth) == len(made.household)
    counted = made.counts
    assert counted["records"] >= RECORDS
    for kind in (
        "twins", "twins whose names sound alike", "households with a shared mobile number", "households with a shared mailbox",
        "households with a shared landline", "families with a generation character", "divorced and moved out",
        "records in Latin letters", "records with a title for a name", "error: another character of the same sound",
        "error: a character of nearly the same shape", "error: in traditional characters", "error: telephone mistyped",
        "women who changed their name on marriage",
    ):  # fmt: skip
        assert counted[kind], kind
    numbers = defaultdict(set)
    for record, phone in zip(made.given["record"], _column(made, "phone"), strict=True):
        numbers[phone].add((made.household[record], made.data.truth[record]))
    shared = [
        people for phone, people in numbers.items() if phone and len({house for house, _ in people}) < len(people)
    ]
    assert len(shared) >= counted["households with a shared mobile number"] / 3


def test_papers_are_valid_but_for_the_mistyped(made: Made):
    given = [value for value in made.given.filter(pl.col("residence") == "CN")["national_id"] if value]
    long = [value.upper() for value in given if len(value) == 18]
    wrong = sum(ric.calc_check_digit(value) != value[-1] for value in long)
    assert len(long) > 100
    assert all(
        dt.date(1900, 1, 1) < ric.get_birth_date(value) < dt.date(2025, 1, 1)
        for value in long
        if ric.calc_check_digit(value) == value[-1]
    )
    assert wrong <= made.counts["error: identity number mistyped"]


def test_twins_have_one_birthday_and_two_names(made: Made):
    """Seen in the records: two people of a household born on one day, whose given names are not the same."""
    born = defaultdict(set)
    for record, day, name in zip(
        made.given["record"], _column(made, "birth_date"), _column(made, "full_name"), strict=True
    ):
        if day and name and dt.date.fromisoformat(day).day != 1:
            born[made.household[record], day].add((made.data.truth[record], name))
    pairs = [people for people in born.values() if len({person for person, _ in people}) > 1]
    assert pairs
    for people in pairs:
        of = defaultdict(set)
        for person, name in people:
            of[person].add(name)
        one, other = list(of.values())[:2]
        assert not one & other


def test_nobody_at_home_has_a_name_that_nobody_could_tell():
    """Twins named 軒 and 轩, a child named as its grandmother, a brother of Jr. who is another James."""
    makes = Makes(SEED)
    numbers: set[str] = set()
    for _ in range(1500):
        members = makes.household()
        written = [simplified(person.name.full) for person in members]
        assert len(set(written)) == len(members)
        for child in (person for person in members if person.child and not person.namesake):
            others = [simplified(person.name.given) for person in members if person is not child]
            assert simplified(child.name.given) not in others
        mainland = [person.national_id for person in members if len(person.national_id) == 18]
        assert len(set(mainland)) == len(mainland) and numbers.isdisjoint(mainland)
        numbers.update(mainland)
    assert makes.counts["twins"] > 20 and makes.counts["namesakes, son and father"]


def test_no_two_members_of_a_household_become_one(made: Made):
    result = link(made.data.table)
    assert result.merges
    assert households_merged(made, result.merges) == []


def test_companies_have_valid_codes_and_branches_of_their_own():
    made = make(400, seed=SEED, kind="organisation")
    assert made.counts["branches"]
    codes = [value for value in made.given["registration_number"] if value]
    assert sum(not uscc.is_valid(value) for value in codes) <= made.counts["error: registration number mistyped"]
    groups = defaultdict(set)
    for record, company in made.data.truth.items():
        groups[made.household[record]].add(company)
    assert any(len(companies) > 1 for companies in groups.values())


def _column(made: Made, field: str) -> list[str | None]:
    return list(pl.DataFrame(pl.from_arrow(made.data.table))[field])
