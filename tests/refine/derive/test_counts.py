"""Nothing is said of few, and no difference of two answers tells of them."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import owner_actor
from kehu.refine.derive import counts, runs, trials
from kehu.refine.derive.counts import answer, told, told_table
from kehu.refine.derive.faults import UnknownTrait
from tests.cast import staff
from tests.refine.derive.conftest import definition

K = 5
QUICK = settings(max_examples=200, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@QUICK
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_what_a_row_withholds_comes_to_nobody_or_enough(row):
    shown = told(row, K)
    assert all(one is None or one >= K for one in shown)
    hidden = sum(count for count, one in zip(row, shown, strict=True) if one is None)
    assert hidden == 0 or hidden >= K or all(one is None for one in shown)


@QUICK
@given(st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=3, max_size=5))
def test_a_table_holds_along_rows_and_columns(table):
    shown = told_table(table, K)
    for counts_, said in [
        *zip(table, shown, strict=True),
        *zip(zip(*table, strict=True), zip(*shown, strict=True), strict=True),
    ]:
        hidden = sum(count for count, one in zip(counts_, said, strict=True) if one is None)
        assert hidden == 0 or hidden >= K or all(one is None for one in said)


def attacked(people, least, asked=answer):
    """Every question that can be asked, and the smallest number of people that the difference of two answers tells of."""
    traits = range(3)
    answers = {}
    for size in (1, 2, 3):
        for some in itertools.combinations(traits, size):
            cells = Counter(tuple(one[place] for place in some) for one in people)
            for cell in itertools.product(*(sorted({one[place] for one in people}) for place in some)):
                found = asked(cells, cell, least)
                if found is not None:
                    answers[frozenset(zip(some, cell, strict=True))] = found
    smallest = min(answers.values(), default=least)
    for wide, narrow in itertools.permutations(answers, 2):
        if wide < narrow and answers[wide] != answers[narrow]:
            smallest = min(smallest, answers[wide] - answers[narrow])
    for wide, whole in answers.items():  # one row but for what is withheld
        for place in set(traits) - {place for place, _ in wide}:
            row = [answers[one] for one in answers if wide < one and len(one) == len(wide) + 1 and place in dict(one)]
            if row and (left := whole - sum(row)):
                smallest = min(smallest, left)
    for both, met in answers.items():  # neither of two conditions: the whole, less each, and what was taken twice
        for one, other in itertools.combinations(both, 2):
            rest = both - {one, other}
            parts = [rest, rest | {one}, rest | {other}]
            if all(part in answers or not part for part in parts):
                whole, left, right = (answers.get(part, len(people)) for part in parts)
                if outside := whole - left - right + met:
                    smallest = min(smallest, outside)
    return smallest, len(answers)


@pytest.mark.parametrize("seed", range(6))
def test_no_single_person_comes_out_by_narrowing(seed):
    rng = random.Random(seed)
    people = [
        (rng.choices("abc", (6, 3, 1))[0], rng.choices("xy", (9, 1))[0], rng.choices("pqrs", (8, 4, 2, 1))[0])
        for _ in range(600)
    ]
    people.append(("c", "y", "s"))
    smallest, told_of = attacked(people, K)
    assert smallest >= K and told_of > 3
    # the control: with nothing but the smallest group, somebody does come out
    assert attacked(people, K, lambda cells, cell, least: n if (n := cells.get(cell, 0)) >= least else None)[0] < K


def test_figures_of_real_customers(bring, in_force, database):
    lines = "".join(f"K{n},Name{n}\n" for n in range(40))
    bring("external_id,full_name\n" + lines, "--residence", "AU")
    orders = "".join(
        f"O{n},K{n % 40},2026-0{1 + n % 9}-10,{10 + n},{'USD' if n % 40 < 38 else 'EUR'},tea\n" for n in range(70)
    )
    head = "order_id,external_id,ordered_at,amount,currency,product\n"
    bring(head + orders, "--kind", "orders", "--residence", "AU")
    runs.compute(actor=owner_actor())
    analyst = in_force("analyst")
    found = counts.spread("frequency", actor=analyst)
    assert found.total == 40 and found.counts[:2] == (10, 30)
    money = counts.spread("basket", actor=analyst)
    assert dict(zip(money.bands, money.counts, strict=True)) == {
        "USD": None,
        "EUR": None,
    }  # the two would tell of themselves
    assert counts.how_many({"frequency": "1"}, actor=analyst) == 30
    with pytest.raises(UnknownTrait):
        counts.how_many({"frequency": "1", "category_affinity": "tea"}, actor=analyst)  # of two purposes
    with pytest.raises(ActRefused):
        counts.spread("frequency", actor=staff("service"))
    table = counts.matrix(actor=analyst)
    assert table is not None and all(one is None or one >= 10 for row in table for one in row)
    trial = trials.try_out(
        definition("weekend", "select count(*) from orders where weekday >= 6", bands=[1]), actor=analyst
    )
    assert trial.asked == 40 and trial.spread.total == 40
