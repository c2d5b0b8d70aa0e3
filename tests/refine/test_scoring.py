"""One pair weighed in Python: the bits that Splink gives the same pair in bulk, and what is told of them."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from linkage_families import families
from splink import DuckDBAPI, Linker
from test_linkage import ALICE, HOME, WANG, WANG_HOME

from kehu.refine.resolve.blocking import block, propose
from kehu.refine.resolve.conditions import Row
from kehu.refine.resolve.features import Features, prepare
from kehu.refine.resolve.guards import guards
from kehu.refine.resolve.model import Model, shipped
from kehu.refine.resolve.scoring import doubts, explain, frequencies, prior_bits, weigh
from kehu.refine.resolve.train import settings


@pytest.mark.parametrize("rarity", [True, False])
def test_bits_are_those_of_splink(rarity: bool):
    features = prepare(families(200, seed=5).table)
    with duckdb.connect(":memory:") as connection:
        connection.register("incoming", features.table)
        connection.execute("CREATE TABLE feature AS FROM incoming")
        model = shipped(features, "person", prior=1e-4)
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
        {**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, "full_name": "王小明", "given_name": "小明"}
    )
    assert doubts(one, other, guards(features, "person")) == ["other characters", "too little"]
