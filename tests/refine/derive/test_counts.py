"""Nothing is said of few, and no difference of two answers tells of them."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from django.db import connection, transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import owner_actor
from kehu.refine.derive import actions, counts, queries, runs, trials
from kehu.refine.derive.counts import answer, told, told_table
from kehu.refine.derive.faults import UnknownTrait
from kehu.refine.derive.totals import told_totals
from kehu.vault.assignment import assign
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
@given(
    st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=3, max_size=5),
    st.lists(st.integers(0, 6), min_size=9, max_size=9),
)
def test_a_table_holds_along_rows_and_columns(table, lack):
    besides = lack[: len(table)], lack[5:]  # of each row and column, whoever has none of the other
    shown = told_table(table, K, besides=besides)
    for counts_, said, none in [
        *zip(table, shown, besides[0], strict=True),
        *zip(zip(*table, strict=True), zip(*shown, strict=True), besides[1], strict=True),
    ]:
        hidden = none + sum(count for count, one in zip(counts_, said, strict=True) if one is None)
        assert hidden == 0 or hidden >= K or all(one is None for one in said)


def _bands(people, place):
    """What can be asked for: to have none of a trait is no band of it."""
    return sorted({one[place] for one in people} - {None})


def attacked(people, least, asked=answer):
    """Every question that can be asked, and the smallest number of people that the difference of two answers tells of."""
    traits = range(3)
    answers = {}
    for size in (1, 2, 3):
        for some in itertools.combinations(traits, size):
            cells = Counter(tuple(one[place] for place in some) for one in people)
            for cell in itertools.product(*(_bands(people, place) for place in some)):
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


@pytest.mark.parametrize("seed", range(6))
def test_no_single_person_who_lacks_a_trait_comes_out(seed):
    rng = random.Random(seed)
    people = [
        (rng.choice("ab"), rng.choices(["x", "y", None], (9, 6, 3))[0], rng.choices(["p", "q", None], (8, 4, 1))[0])
        for _ in range(600)
    ]
    people += [("c", "x", "p")] * 30 + [("c", "y", "p")] * 29 + [("c", None, "p")]
    smallest, told_of = attacked(people, K)
    assert smallest >= K and told_of > 3

    def of_those_who_have_all(cells, cell, least):
        return answer({one: n for one, n in cells.items() if None not in one}, cell, least)

    assert attacked(people, K, of_those_who_have_all)[0] < K  # the control


def test_no_total_is_told_that_differs_by_few_from_another():
    assert told_totals({"a": 100, "b": 99, "c": 88, "d": 100, "e": 81, "f": 4}, 10) == {
        "a": 100, "b": None, "c": 88, "d": 100, "e": None, "f": None,
    }  # fmt: skip


def test_whoever_lacks_a_trait_comes_out_by_no_two_figures(bring, in_force, kehu):
    bring("external_id,full_name\n" + "".join(f"K{n},Name{n}\n" for n in range(60)), "--residence", "AU")
    orders = "".join(f"O{n},K{n},2026-0{1 + n % 2 * 3}-10,10,USD,tea\n" for n in range(60))
    bring("order_id,external_id,ordered_at,amount,currency,product\n" + orders, "--kind", "orders", "--residence", "AU")
    rated = "".join(f"K{n},2026-01-02 10:00,survey,{1 + n % 2 * 3}\n" for n in range(59))  # all but one
    bring("external_id,at,kind,rating\n" + rated, "--kind", "interactions", "--residence", "AU")
    runs.compute(actor=owner_actor())
    analyst = in_force("analyst")
    everybody, rating = counts.spread("frequency", actor=analyst), counts.spread("satisfaction", actor=analyst)
    assert everybody.total == 60 and rating.total is None
    shown = [count for count in rating.counts if count is not None]
    assert shown == [30] and 60 - sum(shown) >= 10  # 29 rated 4, and one nothing
    covered = {row.definition.slug: row.covered for row in queries.catalogue(actor=analyst)}
    assert covered["frequency"] == 60 and covered["satisfaction"] is None
    told_of = {band: counts.how_many({"satisfaction": band}, actor=analyst) for band in rating.bands}
    assert {band: n for band, n in told_of.items() if n} == {"0": 30}
    both = counts.how_many({"frequency": "0", "satisfaction": "0"}, actor=analyst)
    assert both in (30, None)
    answer = kehu("traits", "count", "satisfaction=0")
    assert answer.code == 0 and answer.json == {"conditions": {"satisfaction": "0"}, "customers": 30}
    assert kehu("traits", "count", "satisfaction=3").json["customers"] is None
    assert kehu("traits", "count", "satisfaction").code == 2


def test_a_number_without_bands_lists_nobodys_own_value(bring, in_force):
    bring("external_id,full_name\n" + "".join(f"K{n},Name{n}\n" for n in range(40)), "--residence", "AU")
    orders = "".join(f"O{n},K{n},2026-01-10,{n + 11 if n < 25 else 77},USD,tea\n" for n in range(40))
    bring("order_id,external_id,ordered_at,amount,currency,product\n" + orders, "--kind", "orders", "--residence", "AU")
    analyst = in_force("analyst")
    spent = definition("spent", "select sum(amount) from orders", level=3)
    trial = trials.try_out(spent, actor=analyst)
    assert (trial.spread.bands, trial.spread.counts, trial.spread.total) == (("77",), (15,), 40)
    actions.declare(spent, owner="analyst@kehu.example", deputy="manager@kehu.example", actor=analyst)
    runs.compute(actor=owner_actor())
    found = counts.spread("spent", actor=analyst)
    assert (found.bands, found.counts, found.total) == (("77",), (15,), 40)


def test_a_moment_lists_nobodys_own_either(bring, in_force):
    bring("external_id,country\n" + "".join(f"K{n},AU\n" for n in range(40)), "--residence", "AU")
    days = ["2026-01-02"] * 15 + [f"2026-02-{1 + n:02}" for n in range(25)]
    rows = "".join(f"O{n},K{n},{day},10,AUD,cup\n" for n, day in enumerate(days))
    bring("order_id,external_id,ordered_at,amount,currency,product\n" + rows, "--kind", "orders", "--residence", "AU")
    shared = "1767312000"
    for slug, bands in {"last": [], "last_parted": [1_768_000_000]}.items():
        one = definition(slug, "select max(ordered_at) from orders", bands=bands, unit="none")
        trial = trials.try_out(one, actor=in_force("analyst")).spread
        actions.declare(one, owner="analyst@kehu.example", deputy="manager@kehu.example", actor=owner_actor())
        runs.compute(actor=owner_actor())
        found = counts.spread(slug, actor=in_force("analyst"))
        assert found == trial
        assert (found.bands, found.counts) == (((shared,), (15,)) if not bands else (("0", "1"), (15, 25)))


def test_a_trial_counts_customers_not_the_records_that_they_were_put_together_from(bring, in_force):
    bring("external_id,full_name\n" + "".join(f"K{n},Name{n}\n" for n in range(40)), "--residence", "AU")
    orders = "".join(f"O{n},K{n},2026-01-10,10,USD,tea\n" for n in range(40))
    bring("order_id,external_id,ordered_at,amount,currency,product\n" + orders, "--kind", "orders", "--residence", "AU")
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state where not hidden order by subject")
        found = [row[0] for row in cursor.fetchall()]
    pairs = list(zip(found[::2], found[1::2], strict=True))
    with transaction.atomic():
        assign(connection.connection, pairs, certainty=3, why=5, run=None, by=owner_actor().staff)
    many = definition("many", "select count(*) from orders", bands=[2])
    trial = trials.try_out(many, actor=in_force("analyst"))
    assert (trial.asked, trial.spread.bands, trial.spread.counts) == (20, ("0", "1"), (None, 20))


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
