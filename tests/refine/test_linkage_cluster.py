"""Clustering: a customer depends on its own records only, and never holds a contradiction."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kehu.refine.resolve.linkage.cluster import LARGEST_GROUP, Edge, communities, merge, outside_households, questions

nodes = st.integers(min_value=0, max_value=14)
edges = st.lists(st.tuples(nodes, nodes, st.floats(0, 40)), max_size=40).map(
    lambda found: list({(min(a, b), max(a, b)): (min(a, b), max(a, b), w) for a, b, w in found if a != b}.values())
)


def moved(found: list[Edge], by: int) -> list[Edge]:
    return [(left + by, right + by, weight) for left, right, weight in found]


@given(edges, edges, st.randoms(use_true_random=False))
def test_records_elsewhere_change_nothing(here: list[Edge], elsewhere: list[Edge], order):
    together = here + moved(elsewhere, 1000)
    order.shuffle(together)
    alone = communities(here, threshold=0.0)
    assert {node: name for node, name in communities(together, threshold=0.0).items() if node < 1000} == alone


@given(edges)
def test_a_community_is_named_by_its_first_member(found: list[Edge]):
    names = communities(found, threshold=0.0)
    assert set(names) == {end for edge in found for end in edge[:2]}
    assert all(names[name] == name <= node for node, name in names.items())


@given(edges, st.sets(st.tuples(nodes, nodes)))
def test_what_must_stay_apart_stays_apart(found: list[Edge], contradictions: set[tuple[int, int]]):
    apart: dict[int, frozenset[int]] = {}
    for left, right in contradictions:
        if left != right:
            apart[left] = apart.get(left, frozenset()) | {right}
            apart[right] = apart.get(right, frozenset()) | {left}
    groups = merge(found, apart)
    members = [member for group in groups for member in group]
    assert len(members) == len(set(members))
    assert all(len(group) > 1 and group == sorted(group) for group in groups)
    assert not any(apart.get(member, frozenset()) & set(group) for group in groups for member in group)


def test_a_weak_bridge_does_not_join_two_customers():
    one = [(a, b, 30.0) for a in range(4) for b in range(a + 1, 4)]
    other = [(a, b, 30.0) for a in range(10, 14) for b in range(a + 1, 14)]
    names = communities([*one, *other, (3, 10, 0.5)], threshold=0.0)
    assert {names[node] for node in range(4)} == {0}
    assert {names[node] for node in range(10, 14)} == {10}


def test_one_question_for_each_two_groups():
    asked = questions([(0, 2, 5.0), (1, 3, 9.0), (0, 4, 3.0)], {0: 0, 1: 0, 2: 2, 3: 2})
    assert asked == [(1, 3, 9.0), (0, 4, 3.0)]


def test_a_pair_is_asked_about_and_a_household_is_not():
    assert outside_households([(0, 1, 5.0)], [(0, 1, True)], {}) == [(0, 1, 5.0)]
    assert outside_households([(0, 1, 5.0)], [(0, 1, True), (0, 2, False)], {}) == []
    assert outside_households([(0, 1, 5.0)], [(0, 1, True), (0, 2, False)], {1: 1, 2: 1}) == [(0, 1, 5.0)]


def test_a_group_past_a_sane_size_is_split_and_its_parts_are_asked_about():
    chain = [(a, a + 1, 30.0 - a / 100) for a in range(2 * LARGEST_GROUP)]
    groups = merge(chain, {}, alone_from=2.0)
    assert max(map(len, groups)) <= LARGEST_GROUP
    assert sum(map(len, groups)) >= 2 * LARGEST_GROUP
    assert questions(chain, {member: group[0] for group in groups for member in group})


def test_two_valid_numbers_are_never_in_one_group():
    chain = [(0, 1, 30.0), (1, 2, 29.0), (0, 3, 28.0), (1, 3, 27.0), (2, 3, 26.0)]
    apart = {0: frozenset({2}), 2: frozenset({0})}
    groups = merge(chain, apart, firm=apart, alone_from=2.0)
    assert not any({0, 2} <= set(group) for group in groups)
