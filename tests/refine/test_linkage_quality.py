"""Linkage of sets with known truth: unlabelled data in, one model, no setting.

FEBRL 3 goes the whole way, from its file to customers; the other sets are measured by ``bench/linkage.py``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from linkage_families import families

from bench.chinese import make
from bench.linkage import Labelled, alone, customers, febrl, fetch_febrl, quality, with_proposals
from kehu.collect.imports import actions
from kehu.collect.imports.recipe import ImportTerms
from kehu.guard.staff.actions import owner_actor
from kehu.refine.resolve import runs
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.model import shipped
from kehu.refine.resolve.linkage.link import link
from kehu.refine.resolve.sources import sources


@pytest.fixture(scope="module")
def febrl_folder() -> Path:
    folder = fetch_febrl(Path.home() / ".cache" / "kehu")
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the FEBRL files cannot be had")
        pytest.skip("the FEBRL files cannot be had: no network")
    return folder


def test_febrl_from_its_file_to_customers(database, febrl_folder: Path):
    """The file as it is, but for the social security number, which the import is told not to keep."""
    owner, file = owner_actor(), febrl_folder / "dataset3.csv"
    terms = ImportTerms((file,), "store", "contract", residence="AU", maps=("national_id=",))
    brought = actions.run(actions.start(actions.plan(terms, actor=owner), actor=owner), actor=owner, link=False)
    assert (brought.rows, brought.created) == (5000, 5000)
    run = runs.resolve(actor=owner, everything=True)
    truth = febrl(febrl_folder, 3, social_security=False).truth
    found = {kept: _customers(with_proposals=kept) for kept in (False, True)}
    assert run.after == len(set(found[False].values()))
    assert quality(found[False], truth).precision >= 0.999
    assert quality(found[False], truth).recall >= 0.6
    assert quality(found[True], truth).f1 >= 0.99


def _customers(*, with_proposals: bool) -> dict[str, str]:
    listed = sources("store", actor=owner_actor(), with_proposals=with_proposals)
    return {source.external_id: str(source.subject) for source in listed}


def test_families_do_not_become_one_person():
    made = families(500, seed=12)
    assert min(made.kin.values()) >= 10
    data = Labelled("families", made.table, made.truth)
    result = link(data.table)
    wrong = [group for group in result.merges if len({made.truth[record] for record in group}) > 1]
    assert wrong == []
    assert alone(data, result).b3 >= 0.95
    right = [(left, right) for left, right, _ in result.proposals if made.truth[left] == made.truth[right]]
    assert quality(customers(made.truth, [*result.merges, *right]), made.truth).b3 >= 0.98
    # A long queue is not read; most that is right merges by itself, so that kin remain to be asked about.
    assert len(result.proposals) < 0.07 * len(made.truth)
    assert len(right) > 0.05 * len(result.proposals)
    assert with_proposals(data, result).b3 >= 0.95


def test_training_is_the_same_each_time():
    made = families(200, seed=5)
    one, other = link(made.table), link(made.table)
    assert one.model.trained
    assert one.model.digest == other.model.digest
    assert (one.merges, one.proposals) == (other.merges, other.proposals)


@pytest.mark.parametrize(("people", "again"), [(5000, 1.0), (2000, 0.15)])
def test_strangers_of_one_birthday_and_couples_are_learned_as_no_customers(people: int, again: float):
    """Who moved has little but the birthday in common with themselves, as strangers born on one day have with each other; and
    a mother has the home in common with her family, but neither name nor age. The name tells them."""
    made = town(people, again=again, seed=3)
    model = link(made.table).model
    records = len(made.truth)
    assert model.prior * records * (records - 1) / 2 == pytest.approx(records - people, rel=0.2)
    [name] = (one for one in model.comparisons if one.name == "name")
    assert name.levels[0].m > 0.6
    assert name.levels[-1].m < 0.06


def test_where_few_come_twice_households_are_learned_as_no_customers():
    """Of twenty people one has more than one record: most of who agree in much are a family, and a mother keeps her name."""
    made, chance = make(20_000, seed=2026).data, random.Random(1)
    records: dict[str, list[str]] = defaultdict(list)
    for record, person in made.truth.items():
        records[person].append(record)
    kept = [one for held in records.values() for one in (held if chance.random() < 0.05 else sorted(held)[:1])]
    right = sum(count * (count - 1) // 2 for count in Counter(made.truth[one] for one in kept).values())
    model = link(made.table.filter(pc.is_in(made.table["record"], pa.array(kept)))).model
    assert model.prior * len(kept) * (len(kept) - 1) / 2 == pytest.approx(right, rel=0.3)


def test_weights_that_are_kept_weigh_as_those_of_the_run():
    """In a town of one postcode to have it says nothing, though nobody can learn there how often a customer keeps theirs."""
    made = town(2000, again=0.15, seed=3)
    model = link(made.table).model
    assert set(model.fell_back.values()) >= {"astray"}
    again = shipped(prepare(made.table), "person", prior=0.5).taught(json.loads(json.dumps(model.weights())))
    assert again.comparisons == model.comparisons
    assert (again.trained, again.prior) == (model.trained, model.prior)
    [postal] = (one for one in again.comparisons if one.name == "postal")
    assert postal.levels[0].m < postal.levels[0].u


def town(people: int, *, again: float, seed: int) -> Labelled:
    """A town of one postcode, of families of four where the mother keeps her name: a share is counted again ten years later,
    when half of them moved, and some names were written badly."""
    chance = random.Random(seed)
    sounds = [one + other for one in "bdfgklmnprst" for other in ("a", "e", "i", "o", "u", "en", "an")]
    names = ["".join(chance.choices(sounds, k=3)) for _ in range(1500)]
    rows, truth = list[dict[str, str | None]](), dict[str, str]()
    for number in range(people):
        if number % 4 == 0:  # the father
            parent = dt.date(1940, 1, 1) + dt.timedelta(days=chance.randrange(12_000))
            home = f"{chance.randrange(1, 90)}", names[number // 60]
            father = names[400 + int(1100 * chance.random() ** 2)]
        family = names[400 + int(1100 * chance.random() ** 2)] if number % 4 == 1 else father
        born = parent + dt.timedelta(
            days=chance.randrange(-700, 700) if number % 4 < 2 else chance.randrange(8_000, 13_000)
        )
        given, gender, house = names[int(400 * chance.random() ** 2)], ("male", "female")[number % 2], home
        for year in (2020, 2030) if chance.random() < again else (2020,):
            if year == 2030 and chance.random() < 0.5:
                house = f"{chance.randrange(1, 90)}", chance.choice(names)
            slip = chance.random()
            row = {
                "record": f"{year}-{number:05d}", "given_name": given[:-1] if slip < 0.03 else given, "family_name": family,
                "birth_date": born.isoformat(), "gender": gender, "postal_code": "00000", "locality": "anytown",
                "house_number": house[0], "street": f"{house[1]} road",
            }  # fmt: skip
            rows.append({**row, "family_name": None} if slip > 0.97 else row)
            truth[f"{year}-{number:05d}"] = str(number)
    return Labelled("town", pa.Table.from_pylist(rows), truth)
