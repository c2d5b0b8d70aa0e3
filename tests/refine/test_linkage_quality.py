"""Linkage of public and made-up sets with known truth: unlabelled data in, one model, no setting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from linkage_families import families

from bench.linkage import Labelled, alone, customers, febrl, fetch_febrl, historical, quality, with_proposals
from kehu.refine.resolve.link import link

HISTORICAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "historical_50k.parquet"


@pytest.fixture(scope="module")
def febrl_folder() -> Path:
    folder = fetch_febrl(Path.home() / ".cache" / "kehu")
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the FEBRL files cannot be had")
        pytest.skip("the FEBRL files cannot be had: no network")
    return folder


@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("social_security", [True, False], ids=["with-number", "without-number"])
def test_febrl(febrl_folder: Path, number: int, social_security: bool):
    data = febrl(febrl_folder, number, social_security=social_security)
    result = link(data.table)
    assert alone(data, result).precision >= 0.999
    assert alone(data, result).recall >= 0.6
    assert with_proposals(data, result).f1 >= 0.995


def test_historical_people():
    if not HISTORICAL.is_file():
        pytest.skip(f"{HISTORICAL.name} is not beside the checkout")
    data = historical(HISTORICAL)
    result = link(data.table)
    assert alone(data, result).precision >= 0.995
    accepted = with_proposals(data, result)
    assert (accepted.f1 >= 0.94, accepted.b3 >= 0.94) == (True, True)


def test_families_do_not_become_one_person():
    made = families(1500, seed=11)
    assert min(made.kin.values()) > 10
    data = Labelled("families", made.table, made.truth)
    result = link(data.table)
    wrong = [group for group in result.merges if len({made.truth[record] for record in group}) > 1]
    assert wrong == []
    assert alone(data, result).b3 >= 0.95
    right = [(left, right) for left, right, _ in result.proposals if made.truth[left] == made.truth[right]]
    assert quality(customers(made.truth, [*result.merges, *right]), made.truth).b3 >= 0.98
    # A queue of mostly wrong questions is not read.
    assert len(right) > 0.4 * len(result.proposals)


def test_training_is_the_same_each_time():
    made = families(400, seed=5)
    one, other = link(made.table), link(made.table)
    assert one.model.digest == other.model.digest
    assert (one.merges, one.proposals) == (other.merges, other.proposals)
