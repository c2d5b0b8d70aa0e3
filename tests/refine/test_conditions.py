"""A condition says the same in SQL, for many pairs, and in Python, for one: every level and guard, missing values too."""

from __future__ import annotations

import functools

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.refine.resolve.compare.comparing import CREDIT_CODE, RESIDENT, Checked, Scheme
from kehu.refine.resolve.compare.conditions import ALIASED, SUFFIXED, Condition, left
from kehu.refine.resolve.compare.features import FIELDS, Features, Kind, prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.model import shipped

FIRSTS = [
    "晓明",
    "小明",
    "晓敏",
    "Alice",
    "Alcie",
    "Bob",
    "Robert",
    "A",
    "Alice Jane",
    "Xiaoming",
    "Xuân",
    "明",
    "Noor",
]
LASTS = ["王", "Wang", "Harper", "Harpr", "欧阳", "单", "Alice", "Harper Jr", "Harper Sr"]
BIRTHS = ["1990-01-05", "1990-05-01", "1990-01-06", "1991-01-05", "1987-11-30", "199", "1990010"]
NUMBERS = ["310101199001051015", "310101199001051031", "11010519491231002X", "8813772", "8813727", "99"]
TEXTS = {
    "house_number": ["12", "21", "8"], "street": ["中山路", "Rosella Street", "rosela street"], "unit": ["3", "4b"],
    "locality": ["上海市", "Marsden", "Marsdn"], "region": ["qld", "nsw"], "birth_place": ["Bonn", "Boon"],
    "occupation": ["cook", "smith"], "gender": ["female", "male"], "postal_code": ["4132", "4123", "200001"],
    "email": ["harper@mail.example", "harpre@mail.example", "harper@other.example", "h@x.example", "王@mail.example"],
    "phone": ["+61255501234", "+61255501243", "0255501234", "110"], "registration_number": NUMBERS,
    "national_id": NUMBERS, "birth_date": BIRTHS, "given_name": FIRSTS, "family_name": LASTS,
    "second_given_name": ["C", "Claire", "Clare", "Claire Louise", "M", "Mei", "美"],
    "full_name": ["王晓明", "Alice Jane Harper", "Harper Alice", "Noor", "晓明王", "wang xiaoming", "王小明", "王总", "Xiaoming WANG"],
    "address": ["成都市工业路176号18幢3单元1704室", "工业路176号", "12 Rosella Street"],
    "legal_name": ["Harbour Lights Pty Ltd", "harbor lights", "明月有限公司", "Harbour Light"],
}  # fmt: skip


def conditions(features: Features, kind: Kind) -> list[tuple[str, Condition]]:
    """Every level and guard of a kind."""
    levels = [
        (f"{comparison.name}: {level.label}", level.when)
        for comparison in shipped(features, kind, prior=0.01).comparisons
        for level in comparison.levels
        if level.when
    ]
    held = guards(features, kind)
    whole = ("certain", "household", "shown", "never", "apart")
    return [*levels, *((name, getattr(held, name)) for name in whole), *held.doubts.items()]


def in_sql(connection: duckdb.DuckDBPyConnection, conditions: list[Condition], columns: frozenset[str]) -> list[list]:
    """Of each pair of rows what SQL answers, both ways columns are written."""
    answers = []
    for written in (ALIASED, SUFFIXED):
        sides = [
            ", ".join(f'{side}.{column} AS "{form.format(column)}"' for column in sorted(columns))
            for side, form in zip("lr", written, strict=True)
        ]
        source = (
            f"(SELECT {', '.join(sides)} FROM feature l, feature r ORDER BY l.id, r.id)"
            if written is SUFFIXED
            else "(SELECT l, r FROM feature l, feature r ORDER BY l.id, r.id)"
        )
        said = ", ".join(condition.sql(*written) for condition in conditions)
        answers.append(connection.execute(f"SELECT {said} FROM {source}").fetchall())
    assert answers[0] == answers[1]
    return answers[0]


@functools.cache
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(":memory:")
    made.execute("SET threads = 1")
    return made


def told_apart(kind: Kind, rows: list[dict[str, str | None]]) -> None:
    names = FIELDS[kind]
    rows = [*rows, {**dict.fromkeys(names), "full_name": "Alice Harper"}]
    table = pa.table({
        "record": [str(number) for number in range(len(rows))],
        **{name: pa.array([row[name] for row in rows], pa.string()) for name in names},
    })  # fmt: skip
    features = prepare(table, kind)
    named = conditions(features, kind)
    connection().register("feature", features.table)
    folded = features.table.to_pylist()
    every = iter(in_sql(connection(), [condition for _, condition in named], features.columns))
    for one in folded:
        for other in folded:
            answers = next(every)
            for (name, condition), answer in zip(named, answers, strict=True):
                assert condition.holds(one, other) is answer, name


@pytest.mark.parametrize("kind", ["person", "organisation"])
@settings(max_examples=4, deadline=None)  # the planner takes longer than the pairs: many rows each time instead
@given(data=st.data())
def test_sql_and_python_agree(kind: Kind, data: st.DataObject):
    drawn = st.fixed_dictionaries({name: st.none() | st.sampled_from(TEXTS[name]) for name in FIELDS[kind]})
    told_apart(kind, data.draw(st.lists(drawn, min_size=15, max_size=30)))


_LETTERS = st.text("ab1 王é", min_size=1, max_size=12)


@settings(max_examples=4, deadline=None)  # the planner takes longer than the pairs: many rows each time instead
@given(
    st.lists(st.fixed_dictionaries({name: st.none() | _LETTERS for name in FIELDS["person"]}), min_size=10, max_size=20)
)
def test_sql_and_python_agree_on_any_text(rows: list[dict[str, str | None]]):
    told_apart("person", rows)


@pytest.mark.parametrize(
    ("scheme", "number", "right"),
    [
        (RESIDENT, "11010519491231002X", True), (RESIDENT, "11010519491231002x", True), (RESIDENT, "8813772", False),
        (RESIDENT, "110105194912310021", False), (CREDIT_CODE, "91350100M000100Y43", True),
        (CREDIT_CODE, "91350100m000100y43", True), (CREDIT_CODE, "91350100M000100Y34", False),
        (CREDIT_CODE, "91350100M000100", False),
    ],
)  # fmt: skip
def test_check_digit_of_a_number(scheme: Scheme, number: str, right: bool):
    checked = Checked(left("n"), scheme)
    assert checked.holds({"n": number}, {}) is right
    with duckdb.connect() as connection:
        query = f"select {checked.sql('l.{}', 'r.{}')} from (select ? as n) l, (select null as n) r"
        assert connection.execute(query, [number]).fetchone() == (right,)
