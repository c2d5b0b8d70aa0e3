"""One pair weighed in Python: the bits that Splink gives the same pair in bulk, and what is told of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from math import log2
from typing import ClassVar

import duckdb
import pyarrow as pa
import pytest
from as_splink import settings
from linkage_families import families
from splink import DuckDBAPI, Linker
from test_linkage import ALICE, HOME, WANG, WANG_HOME

from kehu.refine.resolve.compare.conditions import ALIASED, Condition, Row
from kehu.refine.resolve.compare.features import Features, prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.model import PARTS_BITS, Model, shipped
from kehu.refine.resolve.compare.scoring import (
    PLACES_LEAST,
    ROUNDING,
    doubts,
    explain,
    frequencies,
    most,
    prior_bits,
    told_once,
    weigh,
    weigh_pooled,
)
from kehu.refine.resolve.linkage.blocking import block, propose
from kehu.refine.resolve.linkage.edges import (
    MERGE_FROM,
    PROPOSE_FROM,
    Weighed,
    at_most_sql,
    edge_sql,
    weighable_sql,
    weighed,
    weight_sql,
)


@pytest.mark.parametrize("rarity", [True, False])
def test_bits_are_those_of_splink(rarity: bool):
    features = prepare(families(200, seed=5).table)
    with duckdb.connect(":memory:") as connection:
        connection.register("incoming", features.table)
        connection.execute("CREATE TABLE feature AS FROM incoming")
        model = without_parts(shipped(features, "person", prior=1e-4))
        model = model if rarity else model.without_frequencies()
        block(connection, features, "person")
        propose(connection, 0, 1)
        api = DuckDBAPI(connection)
        linker = Linker(api.register("feature"), settings(model), validate_settings=False, log_level=None)
        linker.table_management.register_blocked_pairs_for_predict(api.register("pair"))
        scored = linker.inference.predict(warning_mode="never")
        theirs = connection.execute(f"SELECT id_l, id_r, match_weight FROM {scored.physical_name}").fetchall()
    rows = features.table.to_pylist()
    shares = frequencies(features, model) if rarity else None
    assert len(theirs) > 1_000
    for left, right, weight in theirs:
        assert weigh(rows[left], rows[right], model, frequencies=shares) == pytest.approx(weight, abs=0.01)


def without_parts(model: Model) -> Model:
    """The model with names as rare as they are seen: Splink knows no other rarity."""
    levels = {
        c.name: tuple(replace(level, parts_when=None) for level in c.levels)
        for c in model.comparisons
        if c.name == "name"
    }
    return model.with_levels(levels)


def test_a_name_that_one_customer_has_is_as_rare_as_its_parts():
    features = prepare(families(400, seed=5).table)
    model = shipped(features, "person", prior=1e-4)
    rows, shares = features.table.to_pylist(), frequencies(features, model)
    weighable = weighable_sql(model)
    with duckdb.connect(":memory:") as connection:
        connection.register("feature", features.table)
        said = connection.execute(
            f"SELECT l.id, r.id, {weight_sql(model, *ALIASED)} FROM ({weighable}) AS l JOIN ({weighable}) AS r "
            "ON l.name = r.name AND l.id < r.id"
        ).fetchall()
    for left, right, weight in said:
        assert weigh(rows[left], rows[right], model, frequencies=shares) == pytest.approx(weight, abs=1e-6)
    seen = without_parts(model)
    more = [
        weigh(rows[left], rows[right], model, frequencies=shares)
        - weigh(rows[left], rows[right], seen, frequencies=shares)
        for left, right, _ in said
    ]
    assert 1 < max(more) <= PARTS_BITS
    assert min(more) >= 0


def test_no_pair_weighs_more_than_at_most_and_hardly_one_is_let_on_for_nothing():
    features = prepare(families(150, seed=9).table)
    model = shipped(features, "person", prior=1e-4)
    weighable = weighable_sql(model)
    with duckdb.connect(":memory:") as connection:
        connection.register("feature", features.table)
        told = connection.execute(
            f"SELECT {weight_sql(model, *ALIASED)}, {at_most_sql(model, *ALIASED)} "
            f"FROM ({weighable}) AS l JOIN ({weighable}) AS r ON l.id < r.id"
        ).fetchall()
    assert len(told) > 100_000
    assert all(weight <= most for weight, most in told)
    assert any(most - weight > 1 for weight, most in told)  # or nothing was spared
    assert sum(most >= PROPOSE_FROM for _, most in told) < len(told) / 20


@pytest.mark.parametrize("prior", [1e-4, 0.5])
def test_a_pair_that_is_too_light_is_not_compared_to_its_end_and_every_other_weighs_what_it_weighs(prior: float):
    features = prepare(families(60, seed=9).table)
    model = shipped(features, "person", prior=prior).without_frequencies()
    asked, Counted.asked = Counted.over(model), 0
    rows = features.table.to_pylist()[:150]
    light = 0
    for left, right in itertools.combinations(rows, 2):
        whole, told = weigh(left, right, model), weigh(left, right, asked, least=PROPOSE_FROM)
        assert told == whole if whole >= PROPOSE_FROM else whole - ROUNDING <= told < PROPOSE_FROM
        light += whole < PROPOSE_FROM
    ended, Counted.asked = Counted.asked, 0
    for left, right in itertools.combinations(rows, 2):
        weigh(left, right, asked)
    assert light and ended < Counted.asked  # or nothing was spared


@dataclass(frozen=True, slots=True)
class Counted(Condition):
    """A condition that counts how often any of its kind is asked."""

    of: Condition
    asked: ClassVar[int] = 0

    @classmethod
    def over(cls, model: Model) -> Model:
        return replace(
            model,
            comparisons=tuple(
                replace(c, levels=tuple(replace(one, when=one.when and cls(one.when)) for one in c.levels))
                for c in model.comparisons
            ),
        )

    def sql(self, left: str, right: str) -> str:
        return self.of.sql(left, right)

    def holds(self, left: Row, right: Row) -> bool | None:
        Counted.asked += 1
        return self.of.holds(left, right)


def told(*rows: dict[str, str | None]) -> tuple[list[Row], Model, Features]:
    names = sorted({name for row in rows for name in row})
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    features = prepare(pa.table({"record": [str(n) for n in range(len(rows))], **columns}))
    return features.table.to_pylist(), shipped(features, "person", prior=0.01), features


def test_evidence_adds_up_to_the_weight():
    [one, other], model, _ = told({**ALICE, **HOME}, {**ALICE, **HOME, "given_name": "alcie", "email": None})
    evidence = explain(one, other, model)
    assert sum(each.all_bits for each in evidence) + prior_bits(model) == pytest.approx(weigh(one, other, model))
    assert {each.comparison: each.label for each in evidence}["name"] == "both near"
    assert "email" not in {each.comparison for each in evidence}


def test_a_name_without_its_family_name_says_what_the_given_name_says():
    """It is no other family name; and how rare the given name is counts as where the family name is another."""
    alone: dict[str, str | None] = {"given_name": "alice", "birth_date": ALICE["birth_date"]}
    [whole, one, other], _, features = told(ALICE, alone, {**ALICE, "family_name": "garcia"})
    made = shipped(Features(features.table, ["x"] * 500, False), "person", prior=0.01)
    named = {
        label: next(each for each in explain(whole, row, made, frequencies={"first": {"alice": share}}))
        for label, row, share in (("common", one, 0.05), ("rare", one, 0.001), ("another", other, 0.001))
    }
    assert [each.label for each in named.values()] == ["given name alone", "given name alone", "same first"]
    assert named["rare"].all_bits - named["common"].all_bits == pytest.approx(log2(50))
    assert named["rare"].frequency_bits == pytest.approx(named["another"].frequency_bits)
    assert named["rare"].bits > named["another"].bits + 3


def test_a_rare_value_says_more():
    [one, other], model, features = told({**ALICE, **HOME}, {**ALICE, **HOME})
    made = shipped(Features(features.table, ["x"] * 500, False), "person", prior=0.01)
    rare, common = ({"name": {"alice harper": share}} for share in (1e-6, 1e-3))
    bits = [explain(one, other, made, frequencies=shares)[0].frequency_bits for shares in (rare, common, {})]
    assert bits[0] > 0 > bits[1]
    assert bits[2] == 0
    assert explain(one, other, model, frequencies=rare)[0].frequency_bits == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"given_name": "edmund", "birth_date": "1987-11-30", "gender": "male"},
         ["genders differ", "birth dates differ", "given names differ", "household", "too little"]),
        ({"given_name": "clara"}, ["given names differ", "too little"]),
        ({"birth_date": None}, []),
        ({"birth_date": None, "family_name": "harper sr"}, ["too little"]),
    ],
)  # fmt: skip
def test_what_holds_a_pair_back_has_a_name(change, expected):
    [one, other], _, features = told({**ALICE, **HOME}, {**ALICE, **HOME, **change})
    assert doubts(one, other, guards(features, "person")) == expected


def test_what_sounds_alike_and_is_written_otherwise_is_told():
    [one, other], _, features = told(
        {**WANG, **WANG_HOME, "birth_date": "2018-01-05"},
        {**WANG, **WANG_HOME, "birth_date": "2018-01-05", "full_name": "王小明", "given_name": "小明"},
    )
    assert doubts(one, other, guards(features, "person")) == ["other characters", "too little"]


AWAY = {
    "street": "quarry hill", "house_number": "118", "unit": "attic", "postal_code": "yo1 7hh", "locality": "york",
    "region": "yorkshire",
}  # fmt: skip
LIVED = {**ALICE, **HOME, "unit": "12", "locality": "bedford", "region": "bedfordshire"}


def test_who_moved_is_told_once():
    """Street, number, flat and town change together: all of it says no more than that one address is old."""
    moved = {**ALICE, **AWAY, "phone": HOME["phone"]}
    [one, other], model, _ = told(LIVED, moved)
    evidence = explain(one, other, model)
    places = {comparison.name for comparison in model.comparisons if comparison.place}
    said = sum(each.all_bits for each in evidence if each.comparison in places)
    once = told_once(one, other, evidence, model)
    assert said < PLACES_LEAST and once == pytest.approx(PLACES_LEAST - said)
    assert weigh(one, other, model) == pytest.approx(prior_bits(model) + sum(each.all_bits for each in evidence) + once)
    # a namesake has another telephone
    [one, other], model, _ = told(LIVED, {**moved, "phone": "+61255509999"})
    assert told_once(one, other, explain(one, other, model), model) == 0


@pytest.mark.parametrize("phone", [HOME["phone"], "+61255509999"])
def test_who_moved_weighs_the_same_in_sql(phone: str):
    [one, other], model, features = told(LIVED, {**ALICE, **AWAY, "phone": phone})
    with duckdb.connect(":memory:") as connection:
        connection.register("feature", features.table)
        [(said, most_)] = connection.execute(
            f"SELECT {weight_sql(model, *ALIASED)}, {at_most_sql(model, *ALIASED)} FROM feature AS l JOIN feature AS r ON l.id < r.id"
        ).fetchall()
    assert said == pytest.approx(weigh(one, other, model))
    assert most_ >= said
    assert weigh_pooled([(one, other)], model) <= said


def test_what_a_household_shares_is_capped_together():
    [one, other], model, features = told(
        {**ALICE, **HOME}, {**HOME, "given_name": "bertram", "family_name": "harper", "gender": "female"}
    )
    assert weigh(one, other, model) > MERGE_FROM  # each by itself, it would do
    edge = weighed((0, 1), one, other, model, guards(features, "person"))
    assert edge is not None
    assert edge.weight < MERGE_FROM
    assert edge.weight == max(PROPOSE_FROM, most(one, other, model))


def test_the_cap_is_the_same_in_sql():
    features = prepare(families(200, seed=5).table)
    model, held = shipped(features, "person", prior=1e-4).without_frequencies(), guards(features, "person")
    rows = features.table.to_pylist()
    with duckdb.connect(":memory:") as connection:
        connection.register("feature", features.table)
        said = connection.execute(
            f"SELECT l.id, r.id, {edge_sql(model, held, *ALIASED)} FROM (SELECT l.id AS id_l, r.id AS id_r, "
            f"{weight_sql(model, *ALIASED)} AS weight FROM feature AS l JOIN feature AS r ON l.id < r.id AND l.phone = r.phone) "
            f"JOIN feature AS l ON l.id = id_l JOIN feature AS r ON r.id = id_r WHERE weight >= {PROPOSE_FROM}"
        ).fetchall()
    assert len(said) > 100
    for row in said:
        mine = weighed(row[:2], rows[row[0]], rows[row[1]], model, held)
        assert mine is not None
        assert mine == pytest.approx(Weighed(*row), abs=1e-6)
