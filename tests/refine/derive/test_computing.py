"""Incremental equals bulk: whatever comes in which order, and whoever is joined with whom."""

from __future__ import annotations

import random
from datetime import date

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kehu.govern.purposes import load_purposes
from kehu.refine.derive import adding, parting, places
from kehu.refine.derive.checking import Slot, compiled, fifth_column
from kehu.refine.derive.computing import Plan, counted, finished, together
from kehu.refine.derive.definition import shipped
from kehu.refine.derive.frames import packed, unpacked
from kehu.refine.derive.parting import cut_points
from kehu.vault.ids import new_id

TODAY = date(2026, 11, 1)
SCHEMA = {
    "who": pl.UInt32, "ordered_at": pl.Int64, "hour": pl.Int64, "weekday": pl.Int64, "amount": pl.Float64,
    "currency": pl.String, "quantity": pl.Float64, "discount": pl.Float64, "product": pl.String,
    "order_status": pl.String, "channel": pl.String,
}  # fmt: skip
TOUCHES = {"who": pl.UInt32, "at": pl.Int64, "hour": pl.Int64, "weekday": pl.Int64, "kind": pl.String, "topic": pl.String,
    "rating": pl.Float64, "channel": pl.String}  # fmt: skip


def plan() -> Plan:
    held = {}
    for slug, one in shipped().items():
        held[slug] = (one, one.checked(load_purposes(), held))
    return Plan.of({slug: made for slug, (one, made) in held.items() if one.purpose == "analytics"})


PLAN = plan()
ORDER = st.tuples(
    st.integers(0, 4), st.integers(1_500_000_000, 1_790_000_000), st.one_of(st.none(), st.integers(0, 23)),
    st.integers(1, 7), st.one_of(st.none(), st.floats(-500, 5000, width=32)), st.sampled_from(["CNY", "USD", None]),
    st.just(1.0), st.just(0.0), st.sampled_from(["green tea", "cup", None]), st.sampled_from([None, "paid", "Cancelled"]),
    st.sampled_from(["shop", "store"]),
)  # fmt: skip
TOUCH = st.tuples(
    st.integers(0, 4), st.integers(1_500_000_000, 1_790_000_000), st.none(), st.integers(1, 7),
    st.sampled_from(["call", "reply"]), st.none(), st.one_of(st.none(), st.integers(1, 5).map(float)), st.just("shop"),
)  # fmt: skip


def frames(orders, touches):
    return {
        "orders": pl.DataFrame(orders, schema=SCHEMA, orient="row"),
        "interactions": pl.DataFrame(touches, schema=TOUCHES, orient="row"),
    }


def values(states, cuts):
    found = finished(states, PLAN, today=TODAY, cuts=cuts)
    return {slug: sorted(frame.rows(), key=repr) for slug, frame in found.items()}


def cuts_of(states, least):
    found = {}

    def parted(slug, frame):
        found[slug] = cut_points(frame, least=least)
        return found[slug]

    finished(states, PLAN, today=TODAY, cuts={}, parted=parted)
    return found


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(ORDER, max_size=25), st.lists(TOUCH, max_size=10), st.integers(1, 6), st.randoms(use_true_random=False))
def test_heaps_in_any_order_come_to_the_same(orders, touches, heaps, rng):
    whole = counted(frames(orders, touches), PLAN)
    cuts = cuts_of(whole, 1)
    mixed = [(("o", one)) for one in orders] + [("i", one) for one in touches]
    rng.shuffle(mixed)
    parts = [mixed[n::heaps] for n in range(heaps)]
    states = [
        counted(frames([r for k, r in part if k == "o"], [r for k, r in part if k == "i"]), PLAN) for part in parts
    ]
    assert values(together(states, PLAN), cuts) == values(whole, cuts)


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(ORDER, min_size=1, max_size=25),
    st.lists(TOUCH, max_size=10),
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
)
def test_kept_states_of_joined_customers_are_those_of_one(orders, touches, joined):
    """``joined``: for each origin subject the customer it belongs to; the same events under the customer's own number."""
    subjects = [new_id() for _ in range(5)]
    kept = packed(counted(frames(orders, touches), PLAN), PLAN, subjects)
    apart = together([unpacked([(joined[n], kept[one]) for n, one in enumerate(subjects)], PLAN)], PLAN)
    as_one = counted(
        frames([(joined[who], *rest) for who, *rest in orders], [(joined[who], *rest) for who, *rest in touches]), PLAN
    )
    assert values(apart, {}) == values(as_one, {})
    parted = unpacked(list(enumerate(kept.values())), PLAN)
    assert values(parted, {}) == values(counted(frames(orders, touches), PLAN), {})


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(ORDER, max_size=25), st.lists(TOUCH, max_size=10))
def test_few_rows_and_many_come_to_the_same(orders, touches):
    def found(most, empty=10_000):
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((adding, "FEW"), (parting, "FEW"), (adding, "_LITTLE")):
                patch.setattr(module, name, most)
            patch.setattr(places, "_EMPTY", empty)
            states = counted(frames(orders, touches), PLAN)
            cuts = cuts_of(states, 1)
            rows = {id: (frame.schema, sorted(frame.rows(), key=repr)) for id, frame in states.items()}
            return rows, cuts, values(together([states, states], PLAN), cuts)

    assert found(10_000) == found(-1) == found(-1, empty=0)


@pytest.mark.parametrize(("rows", "fits"), [
    ([(0, 2**52, 7), (0, 2**52 + 1, None), (3, 1, None)], False),  # a fraction would lose the last 1
    ([(0, 2**40, 7), (0, None, -3), (3, 1, None), (3, -2, None)], True),
    ([(0, 1, None)], True),
    ([(1_000_000, 1, 1)], False),
])  # fmt: skip
def test_in_places_comes_to_the_same_wherever_it_fits(rows, fits):
    slots = [Slot.of(way, way, pl.col(way)) for way in ("s", "l", "h")]
    schema = {"who": pl.UInt32, "s": pl.Int64, "l": pl.Int64, "h": pl.Int64}
    held = pl.DataFrame([(*row, row[-1]) for row in rows], schema, orient="row")
    assert places.fits(held, held["who"], slots) is fits
    if fits:
        by_group = held.group_by("who", maintain_order=True).agg(slot.added for slot in slots)
        assert places.added_up(held, held["who"], slots).rows() == by_group.rows()


@pytest.mark.parametrize("said", [[1, 1, 0, 1, 1], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
def test_who_says_yes_is_counted_by_whichever_are_fewer(said):
    slots = [Slot.of("n", "n", pl.col("n"))]
    held = pl.DataFrame({"who": pl.Series([0, 3, 3, 1, 0], dtype=pl.UInt32), "n": said})
    by_group = held.group_by("who").agg(pl.col("n").sum()).sort("who")
    assert places.added_up(held, held["who"], slots).rows() == by_group.rows()


def test_many_customers_are_parted_into_fifths_alike():
    rng = random.Random(7)
    orders = [
        (rng.randrange(900), rng.randrange(1_500_000_000, 1_790_000_000), rng.randrange(24), 1 + rng.randrange(7),
         float(rng.randrange(1, 900)), rng.choice(["CNY", "USD", None]), 1.0, 0.0, "x", None, rng.choice(["shop", "store"]))
        for _ in range(6_000)
    ]  # fmt: skip
    whole = counted(frames(orders, []), PLAN)
    parts = together([counted(frames(orders[n::2], []), PLAN) for n in range(2)], PLAN)
    cuts = cuts_of(whole, 10)
    assert values(whole, cuts) == values(parts, cuts)
    scores = finished(whole, PLAN, today=TODAY, cuts=cuts)["recency_score"]["value"]
    assert {int(one) for one in scores} == {1, 2, 3, 4, 5}
    assert all(150 < scores.eq(one).sum() < 210 for one in range(1, 6))


@pytest.mark.parametrize("few", [1_000, -1])
def test_of_two_keys_as_great_the_first_counts(few, monkeypatch):
    monkeypatch.setattr(parting, "FEW", few)
    rows = [(n, key, 6.0) for n in range(200) for key in ("USD", "CNY")]
    held = pl.DataFrame(rows, schema={"who": pl.UInt32, "key": pl.Categorical, "value": pl.Float64}, orient="row")
    cuts = {"money": {"USD": [7.0, 8.0, 9.0, 10.0], "CNY": [1.0, 2.0, 3.0, 4.0]}}
    found = parting.with_fifths(held.select("who").unique(), {"money": held}, cuts)
    assert found[fifth_column("money")].unique().to_list() == [5]


def test_the_least_of_fractions_is_kept_as_it_is():
    made = compiled("sql", "select min(amount) from orders")
    few = Plan.of({"least": made})
    orders = [(0, 1_600_000_000, 1, 1, each, "CNY", 1.0, 0.0, "x", None, "shop") for each in (2.5, 0.7, None)]
    kept = packed(counted(frames(orders, []), few), few, [new_id()])
    held = unpacked(list(enumerate(kept.values())), few)
    assert finished(held, few, today=TODAY, cuts={})["least"].rows() == [(0, 0.7)]


def test_too_few_are_not_parted_into_fifths():
    whole = counted(
        frames([(n, 1_600_000_000 + n, 1, 1, 5.0, "CNY", 1.0, 0.0, "x", None, "shop") for n in range(40)], []), PLAN
    )
    assert not any(cuts_of(whole, 10).values())
    assert finished(whole, PLAN, today=TODAY, cuts={})["rfm_cell"].height == 0


@pytest.mark.parametrize("rows", [0, 3, 400])
@pytest.mark.parametrize(
    "text",
    [
        "select 2.5 > fifth(n) from traits",
        "select fifth(n) >= 4 from traits",
        "select fifth(by) + 1 from traits",
        "select 'a' = case when last is null then 'y' end from traits",
        "select abs(case when n > 2 then null end) from traits",
        "select -coalesce(null, n) from traits",
        "select n in (1, 2.5) from traits",
        "select sum(quantity) * 1e19 from orders",
        "select count(*) from orders where amount in (1, 2) or 2.5 > discount",
    ],
)
def test_whatever_is_taken_is_computed(text, rows):
    """A trait that fails stops every other of its purpose."""
    held = {
        slug: compiled("sql", of)
        for slug, of in {
            "n": "select count(*) from orders", "by": "select count(*) from orders group by channel",
            "last": "select max(ordered_at) from orders",
        }.items()
    }  # fmt: skip
    both = Plan.of(held | {"x": compiled("sql", text, traits=held)})
    orders = [
        (n % 300, 1_600_000_000 + n, None, 1, None, None, 1.0, None, None, None, "shop" if n % 2 else None)
        for n in range(rows)
    ]
    states = counted(frames(orders, []), both)
    for parted in (None, lambda _, values: cut_points(values, least=1)):
        found = finished(states, both, today=TODAY, cuts={}, parted=parted)
        assert set(found) == {"n", "by", "last", "x"}
