"""Groups of records from weighted edges: communities by label propagation, merges by joining the heaviest edges first.

Each connected component is worked by itself and in an order that comes from the record ids alone (ids are given in the
order of the record ids), so that a new record elsewhere cannot change a customer.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import igraph

from kehu.refine.resolve.compare.pooled import Together

Edge = tuple[int, int, float]
_ROUNDS: Final = 30
_SUPPORT: Final = 2  # light edges that together join two groups
_SPOKEN: Final = 0.0  # bits that one of them needs: several that each say no add up to no yes
# Records that one customer may come to by probability. The largest true one of the sets measured has 21, of the Chinese
# set 6: where more hang together, something stands for many (a shop's own mailbox, "test test"), and people are asked.
LARGEST_GROUP: Final = 50
# Spreads neighbouring ids, so that a file's order is not the order of work. Knuth's multiplicative constant.
_SPREAD: Final = 2654435761


Weigh = Callable[[Sequence[tuple[Sequence[int], Sequence[int]]]], Sequence[Together]]
"""What each two groups of records say together."""
Beside = Callable[[Collection[int]], Mapping[int, Collection[int]]]
"""Of each of these records, who else uses its telephone or mailbox; of more than :data:`LARGEST_GROUP` not all need be told.
:data:`ELSEWHERE` stands for whoever is not among the records that were brought together."""
ELSEWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Pooled:
    """What is asked of groups of records, wherever they are held."""

    weigh: Weigh
    beside: Beside


def components(edges: Sequence[Edge]) -> list[list[Edge]]:
    """The edges of each connected component."""
    numbers: dict[int, int] = {}
    pairs = [
        (numbers.setdefault(left, len(numbers)), numbers.setdefault(right, len(numbers))) for left, right, _ in edges
    ]
    membership = igraph.Graph(n=len(numbers), edges=pairs).connected_components().membership
    parts: dict[int, list[Edge]] = defaultdict(list)
    for edge, (left, _) in zip(edges, pairs, strict=True):
        parts[membership[left]].append(edge)
    return list(parts.values())


def communities(edges: Sequence[Edge], *, threshold: float) -> dict[int, int]:
    """The community of each record that has an edge: its smallest member.

    Args:
        edges: (left, right, match weight in bits), each at least the threshold.
        threshold: an edge of this weight pulls hardly at all.
    """
    found: dict[int, int] = {}
    for part in components(edges):
        if len(part) == 1:
            left, right, _ = part[0]
            found[left] = found[right] = min(left, right)
        else:
            found.update(_propagate(part, threshold))
    return found


def _propagate(edges: Iterable[Edge], threshold: float) -> dict[int, int]:
    """Weighted label propagation: each record takes the label that pulls most, until none changes."""
    pulls: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for left, right, weight in edges:
        pulls[left].append((right, weight - threshold + 0.1))
        pulls[right].append((left, weight - threshold + 0.1))
    order = sorted(pulls, key=lambda node: (node * _SPREAD % 2**32, node))
    labels = {node: node for node in pulls}
    for _ in range(_ROUNDS):
        changed = False
        for node in order:
            totals: dict[int, float] = defaultdict(float)
            for neighbour, pull in pulls[node]:
                totals[labels[neighbour]] += pull
            best = max(totals.items(), key=lambda item: (item[1], -item[0]))
            if best[1] > totals.get(labels[node], 0.0):
                labels[node] = best[0]
                changed = True
        if not changed:
            break
    smallest: dict[int, int] = {}
    for node in sorted(labels):
        smallest.setdefault(labels[node], node)
    return {node: smallest[label] for node, label in labels.items()}


class _Groups:
    """Disjoint groups, named by one member."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}

    def find(self, node: int) -> int:
        root = node
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        while (parent := self._parents.get(node, node)) != root:
            self._parents[node] = root
            node = parent
        return root

    def join(self, left: int, right: int) -> None:
        keep, gone = (left, right) if left < right else (right, left)
        self._parents[gone] = keep
        self.members[keep] = [*self.members.get(keep, [keep]), *self.members.pop(gone, [gone])]


def merge(
    edges: Iterable[Edge],
    apart: Mapping[int, frozenset[int]],
    *,
    firm: Mapping[int, frozenset[int]] | None = None,
    alone_from: float = float("-inf"),
) -> list[list[int]]:
    """Join records along the heaviest edges first, never two that must stay apart.

    An edge lighter than ``alone_from`` joins two groups only together with another one between them: what one record
    says by half, a second may confirm. Of two groups that are known by several records each, one badly typed record of
    many contradicts one of the other: where more edges join them than contradictions part them, they are one.

    Args:
        edges: only edges whose evidence is of a kind that may merge.
        apart: for a record, those it may not be grouped with, by whatever chain; symmetric.
        firm: of these, what no number of edges outvotes; None: all.
    Returns:
        groups of at least two records, sorted.
    """
    groups = _Groups()
    light: list[Edge] = []
    barred: list[Edge] = []
    for edge in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1])):
        if edge[2] < alone_from:
            light.append(edge)
        elif not _join(groups, edge[0], edge[1], apart):
            barred.append(edge)
    while light and _supported(groups, light, apart):
        light = _between(groups, light)
    open_still = _between(groups, [*barred, *light])
    while firm is not None and open_still and _outvoted(groups, open_still, apart, firm):
        open_still = _between(groups, open_still)
    return sorted(sorted(members) for members in groups.members.values())


def _join(groups: _Groups, left: int, right: int, apart: Mapping[int, frozenset[int]]) -> bool:
    one, other = groups.find(left), groups.find(right)
    if one == other:
        return False
    ones, others = groups.members.get(one, [one]), set(groups.members.get(other, [other]))
    if len(ones) + len(others) > LARGEST_GROUP or any(others & apart[member] for member in ones if member in apart):
        return False
    groups.join(one, other)
    return True


def _between(groups: _Groups, edges: Iterable[Edge]) -> list[Edge]:
    """The edges that still part two groups."""
    return [edge for edge in edges if groups.find(edge[0]) != groups.find(edge[1])]


def _outvoted(
    groups: _Groups,
    edges: Iterable[Edge],
    apart: Mapping[int, frozenset[int]],
    firm: Mapping[int, frozenset[int]],
) -> int:
    """Join groups with more edges between them than contradictions, the clearest first; returns how many were joined."""
    clear = [
        (len(weights) - against, pair)
        for pair, weights in _several(groups, edges).items()
        if len(weights) > (against := _against(groups, *pair, apart))
    ]
    clear.sort(key=lambda found: (-found[0], found[1]))
    joined = 0
    for _, pair in clear:
        # What was joined meanwhile is counted again in the next round.
        if all(groups.find(end) == end for end in pair):
            joined += _join(groups, *pair, firm)
    return joined


def _against(groups: _Groups, one: int, other: int, apart: Mapping[int, frozenset[int]]) -> int:
    """How many contradictions part two groups."""
    others = set(groups.members.get(other, [other]))
    return sum(len(others & apart[member]) for member in groups.members.get(one, [one]) if member in apart)


def _several(groups: _Groups, edges: Iterable[Edge]) -> dict[tuple[int, int], list[float]]:
    """The weights of the edges between two groups, where there are several and one of them says yes."""
    between: dict[tuple[int, int], list[float]] = defaultdict(list)
    for left, right, weight in edges:
        one, other = groups.find(left), groups.find(right)
        if one != other:
            between[min(one, other), max(one, other)].append(weight)
    return {pair: weights for pair, weights in between.items() if len(weights) >= _SUPPORT and max(weights) >= _SPOKEN}


def _supported(groups: _Groups, light: Iterable[Edge], apart: Mapping[int, frozenset[int]]) -> int:
    """Join groups with several light edges between them, those with most first; returns how many were joined."""
    several = [(len(weights), sum(weights), pair) for pair, weights in _several(groups, light).items()]
    several.sort(key=lambda found: (-found[0], -found[1], found[2]))
    return sum(_join(groups, *pair, apart) for _, _, pair in several)


def pool(groups: Iterable[Sequence[int]], edges: Iterable[Edge], pooled: Pooled) -> list[list[int]]:
    """Join groups that are one customer by all that their records know together, until none are.

    In one round a group grows once, by the heaviest: what it has become is compared again. One of whom no given name is
    known, or none but in other letters, joins nobody where it may be either of two: twins are born the same day. Two whom only
    their telephone or mailbox makes one are not, where somebody else is seen to use it.

    Args:
        groups: of records; one in no group is a group of its own.
        edges: between whose ends' groups it is asked.
        pooled: asked of groups of no more than :data:`LARGEST_GROUP` records together.
    Returns:
        groups of at least two records, sorted.
    """
    held = _Groups()
    for first, *others in groups:
        for other in others:
            held.join(first, other)
    open_still = [(edge[0], edge[1]) for edge in edges]
    meant: set[tuple[int, int]] = set()
    grown: set[int] | None = None
    for _ in range(_ROUNDS):
        open_still = [(one, other) for one, other in open_still if held.find(one) != held.find(other)]
        ends = {(held.find(one), held.find(other)) for one, other in open_still}
        between = sorted({(min(pair), max(pair)) for pair in ends})
        asked = [pair for pair in between if grown is None or grown.intersection(pair)]
        members = [(held.members.get(one, [one]), held.members.get(other, [other])) for one, other in asked]
        fit = [len(ones) + len(others) <= LARGEST_GROUP for ones, others in members]
        asked, members = list(itertools.compress(asked, fit)), list(itertools.compress(members, fit))
        answers = pooled.weigh(members) if members else ()
        weighed = list(zip(answers, asked, strict=True))
        meant |= {_nameless_first(said, pair) for said, pair in weighed if said.meant}
        found = [(said, pair) for said, pair in weighed if said.one]
        several = _of_several(held, meant)
        shared = _shared(held, [pair for said, pair in found if said.own_line], pooled)
        grown = set()
        for said, (one, other) in sorted(found, key=lambda found: (-found[0].weight, found[1])):
            doubtful = said.nameless is not None and (one, other)[said.nameless] in several
            doubtful = doubtful or (one, other) in shared
            if not doubtful and not grown.intersection((one, other)):
                held.join(one, other)
                grown |= {one, other}
        if not grown:
            break
    return sorted(sorted(members) for members in held.members.values())


def _nameless_first(said: Together, pair: tuple[int, int]) -> tuple[int, int]:
    return pair[::-1] if said.nameless else pair


def _of_several(held: _Groups, meant: Iterable[tuple[int, int]]) -> set[int]:
    """The groups without a given name that may be more than one other group."""
    others: dict[int, set[int]] = defaultdict(set)
    for nameless, other in meant:
        others[held.find(nameless)].add(held.find(other))
    return {one for one, of in others.items() if len(of - {one}) > 1}


def _shared(held: _Groups, pairs: Collection[tuple[int, int]], pooled: Pooled) -> set[tuple[int, int]]:
    """Of these pairs of groups those at whose telephone or mailbox somebody else is seen."""
    members = {end: held.members.get(end, [end]) for pair in pairs for end in pair}
    beside = pooled.beside({record for of in members.values() for record in of}) if pairs else {}
    seen = {end: {held.find(other) for record in of for other in beside.get(record, ())} for end, of in members.items()}
    return {(one, other) for one, other in pairs if (seen[one] & seen[other]) - {one, other}}


def group_names(groups: Iterable[Sequence[int]]) -> dict[int, int]:
    """The group of each record that has one, named by its first member."""
    return {member: group[0] for group in groups for member in group}


def outside_households(
    edges: Iterable[Edge], sharing: Iterable[tuple[int, int, bool]], group_of: Mapping[int, int]
) -> list[Edge]:
    """Of edges that rest on what a household shares: those of groups that are not seen to live in one.

    Where a group shares it with two others, one of them another person by birth date, a household has shown itself;
    asking about its members would only fill the queue.

    Args:
        edges: what rests on a shared household and could be asked.
        sharing: all pairs that do, and whether their birth dates say that they are two people.
    """
    partners: dict[int, set[int]] = defaultdict(set)
    shown: set[int] = set()
    for left, right, two_people in sharing:
        one, other = group_of.get(left, left), group_of.get(right, right)
        partners[one].add(other)
        partners[other].add(one)
        if two_people:
            shown |= {one, other}
    housed = {group for group in shown if len(partners[group]) > 1}
    return [edge for edge in edges if not any(group_of.get(end, end) in housed for end in edge[:2])]


def questions(edges: Iterable[Edge], group_of: Mapping[int, int]) -> list[Edge]:
    """The heaviest edge between each two groups, heaviest first: answering it answers for all of their records."""
    best: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        one, other = sorted(group_of.get(end, end) for end in edge[:2])
        if one != other and ((one, other) not in best or best[one, other][2] < edge[2]):
            best[one, other] = edge
    return sorted(best.values(), key=lambda edge: (-edge[2], edge[0], edge[1]))
