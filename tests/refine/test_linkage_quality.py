"""Linkage of sets with known truth: unlabelled data in, one model, no setting.

FEBRL 3 goes the whole way, from its file to customers; the other sets are measured by ``bench/linkage.py``.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest
from linkage_families import families

from bench.linkage import Labelled, alone, customers, febrl, fetch_febrl, quality, with_proposals
from kehu.collect.imports import actions
from kehu.collect.imports.recipe import ImportTerms
from kehu.guard.staff.actions import owner_actor
from kehu.refine.resolve import runs
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


def test_strangers_of_one_birthday_are_learned_as_no_customers():
    """Who moved and who was born on the same day have next to nothing but that in common; the name tells them."""
    made = town(5000, seed=3)
    model = link(made.table).model
    pairs = model.prior * len(made.truth) * (len(made.truth) - 1) / 2
    assert pairs == pytest.approx(5000, rel=0.15)
    [name] = (one for one in model.comparisons if one.name == "name")
    assert name.levels[0].m > 0.7
    assert name.levels[-1].m < 0.05


def town(people: int, *, seed: int) -> Labelled:
    """A town of one postcode counted twice, ten years apart: half of it moved, and some names were written badly."""
    chance = random.Random(seed)
    sounds = [one + other for one in "bdfgklmnprst" for other in ("a", "e", "i", "o", "u", "en", "an")]
    names = ["".join(chance.choices(sounds, k=3)) for _ in range(1500)]
    rows, truth = list[dict[str, str | None]](), dict[str, str]()
    for number in range(people):
        born = dt.date(1940, 1, 1) + dt.timedelta(days=chance.randrange(25_000))
        given, gender = names[int(400 * chance.random() ** 2)], chance.choice(("female", "male"))
        family = names[400 + int(1100 * chance.random() ** 2)]
        house = f"{chance.randrange(1, 90)}", names[number // 60]
        for year in (2020, 2030):
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
