"""Pairs of records weighed, and grouped: the one step that DuckDB, Spark and the live look-up share.

A pair in, an edge out: its match weight, and what the guards say of it. What edges come to is decided by
:func:`grouped`, wherever they were weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log2
from typing import Final, NamedTuple

from kehu.refine.resolve.compare.conditions import ALIASED, Known, Row
from kehu.refine.resolve.compare.guards import Guards
from kehu.refine.resolve.compare.model import PARTS_BITS, Comparison, Level, Model
from kehu.refine.resolve.compare.scoring import (
    HOUSEHOLD_MOST,
    PLACES_LEAST,
    ROUNDING,
    Frequencies,
    most,
    prior_bits,
    weigh,
)
from kehu.refine.resolve.linkage.cluster import (
    Edge,
    Pooled,
    communities,
    group_names,
    merge,
    outside_households,
    pool,
    questions,
)

# Bits. Below the first a pair is no proposal; from the last it merges, where the evidence is of the right kind; from the
# second it merges together with another pair of the same two groups.
PROPOSE_FROM: Final = -4.0
SUPPORT_FROM: Final = -4.0
MERGE_FROM: Final = 2.0
# A whole name that nobody else has may do alone, from this weight; see :attr:`Guards.named`.
NAMED_FROM: Final = 5.0
HOUSEHOLD_CAP: Final = -3.0


class Contradictions(NamedTuple):
    """For each record those it may not be grouped with; ``firm``: of these, what no number of edges outvotes."""

    apart: Mapping[int, frozenset[int]]
    firm: Mapping[int, frozenset[int]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int, bool]]) -> Contradictions:
        """From pairs that contradict each other, and whether firmly."""
        found = list(pairs)
        return cls(
            both_ways((one, other) for one, other, _ in found),
            both_ways((one, other) for one, other, firm in found if firm),
        )


KeptApart = Callable[[Sequence[Edge]], Contradictions]
"""Who contradicts whom of the records that chains of sure edges bring together."""


class Weighed(NamedTuple):
    """An edge: two records, their weight in bits, and what the guards say.

    ``sure``: it merges by itself, or together with others, as its weight is.
    ``household``, ``shown`` and ``never`` as :class:`kehu.refine.resolve.compare.guards.Guards`.
    """

    left: int
    right: int
    weight: float
    sure: bool
    household: bool
    shown: bool
    never: bool

    @property
    def edge(self) -> Edge:
        """Without what the guards say."""
        return self.left, self.right, self.weight


def weighable_sql(model: Model) -> str:
    """SQL: table `feature` with, for each of :attr:`Model.rare`, the share of records that have the same value, of those
    that have one. Counted and joined: windows over each column would sort all records as many times."""
    of = [
        f" LEFT JOIN (SELECT {name}, count(*) / sum(count(*)) OVER () AS share_{name} FROM feature"
        f" WHERE {name} IS NOT NULL GROUP BY {name}) AS of_{name} ON feature.{name} = of_{name}.{name}"
        for name in model.rare
    ]
    shares = "".join(f", share_{name}" for name in model.rare)
    return f"SELECT feature.*{shares} FROM feature{''.join(of)}"


def weight_sql(model: Model, left: str, right: str) -> str:
    """The match weight of a pair as SQL; ``left``, ``right``: how a column of each record is written."""
    reached = model.reached.sql(left, right)
    return _sum_sql(
        prior_bits(model), model.comparisons, lambda one: _comparison_sql(one, left, right), reached=reached
    )


def at_most_sql(model: Model, left: str, right: str) -> str:
    """What a pair weighs at most, as SQL that costs less than :func:`weight_sql`: nearly all pairs are out by this alone."""
    base, reached = prior_bits(model) + ROUNDING, model.reached.sql(left, right)
    return _sum_sql(base, model.comparisons, lambda one: _at_most_sql(one, left, right), reached=reached)


def _sum_sql(base: float, comparisons: Iterable[Comparison], bits: Callable[[Comparison], str], *, reached: str) -> str:
    """What comparisons say together: as they add up, but for those of a place, where ``reached`` says that somebody moved."""
    places, others = (" + ".join(bits(one) for one in comparisons if one.place is place) for place in (True, False))
    least = f"CASE WHEN {reached} THEN {PLACES_LEAST} ELSE '-infinity'::DOUBLE END"
    of_places = [f"greatest({least}, {places})"] if places else []
    return " + ".join([repr(base), *filter(None, [others]), *of_places])


def heavy_sql(said: str, of: str) -> str:
    """SQL: the pairs of a table that weigh enough by what is said of records `l` and `r` of table `weighable`."""
    return (
        f"FROM (SELECT join_key_l, join_key_r, {said} AS weight FROM {of} "
        "JOIN weighable AS l ON l.id = join_key_l JOIN weighable AS r ON r.id = join_key_r) "
        f"WHERE weight >= {PROPOSE_FROM}"
    )


def edges_sql(model: Model, held: Guards) -> str:
    """SQL: the pairs of table `heavy` as edges, by table `feature`."""
    return (
        f"SELECT join_key_l, join_key_r, {edge_sql(model, held, *ALIASED)} FROM heavy "
        "JOIN feature AS l ON l.id = join_key_l JOIN feature AS r ON r.id = join_key_r"
    )


def edge_sql(model: Model, held: Guards, left: str, right: str) -> str:
    """The columns of an edge but for its ends, from a relation of pairs that has `weight` already."""
    capped = f"least(weight, {_most_sql(model, left, right)})"
    said = {
        "sure": f"{capped} >= {SUPPORT_FROM} AND {held.certain.sql(left, right)}"
        f" OR {capped} >= {NAMED_FROM} AND {held.named.sql(left, right)}",
        "household": held.household.sql(left, right),
        "shown": held.shown.sql(left, right),
        "never": held.never.sql(left, right),
    }
    return f"{capped}, " + ", ".join(f"coalesce({condition}, false) AS {name}" for name, condition in said.items())


def _most_sql(model: Model, left: str, right: str) -> str:
    """The most that a pair may weigh, as :func:`kehu.refine.resolve.compare.scoring.most`."""
    parts = [_comparison_sql(one, left, right) for one in model.own]
    return f"greatest({PROPOSE_FROM}, {HOUSEHOLD_MOST} + " + " + ".join(["0.0", *parts]) + ")"


def weighed(
    ends: tuple[int, int], left: Row, right: Row, model: Model, held: Guards, frequencies: Frequencies | None = None
) -> Weighed | None:
    """One pair as an edge; None where it weighs too little to propose."""
    weight = weigh(left, right, model, frequencies=frequencies, least=PROPOSE_FROM)
    if weight < PROPOSE_FROM:
        return None
    weight = min(weight, max(PROPOSE_FROM, most(left, right, model)))
    sure = weight >= SUPPORT_FROM and held.certain.holds(left, right) is True
    sure = sure or (weight >= NAMED_FROM and held.named.holds(left, right) is True)
    told = (condition.holds(left, right) is True for condition in (held.household, held.shown, held.never))
    return Weighed(*ends, weight, sure, *told)


def _comparison_sql(comparison: Comparison, left: str, right: str) -> str:
    cases = [
        (level.when.sql(left, right) if level.when else None, _bits_sql(level, comparison, left, right))
        for level in comparison.levels
    ]
    return _case_sql(comparison, cases, left, right)


def _at_most_sql(comparison: Comparison, left: str, right: str) -> str:
    """As :func:`_comparison_sql`; where a dear question has a cheap one before it, that, and the best of what may follow."""
    cases: list[tuple[str | None, str]] = []
    for number, level in enumerate(comparison.levels):
        rest = comparison.levels[number:]
        when = level.when.sql(left, right) if level.when else None
        possible = level.when.possible_sql(left, right) if level.when else None
        if possible != when and not any(one.frequency for one in rest):
            cases.append((possible, repr(max(_bits(one) for one in rest))))
        else:
            cases.append((when, _bits_sql(level, comparison, left, right)))
    return _case_sql(comparison, cases, left, right)


def _case_sql(comparison: Comparison, cases: Sequence[tuple[str | None, str]], left: str, right: str) -> str:
    names = (left.format(comparison.column), right.format(comparison.column))
    said = [f"WHEN {names[0]} IS NULL OR {names[1]} IS NULL THEN 0.0::DOUBLE"]
    said += [f"WHEN {when} THEN {bits}" if when else f"ELSE {bits}" for when, bits in cases]
    return f"(CASE {' '.join(said)} END)"


def _bits(level: Level) -> float:
    return log2(level.m / level.u)


def _bits_sql(level: Level, comparison: Comparison, left: str, right: str) -> str:
    return repr(_bits(level)) + _rarity_sql(level, comparison, left, right)


def _rarity_sql(level: Level, comparison: Comparison, left: str, right: str) -> str:
    if level.frequency is None:
        return ""
    usual = comparison.usual(level.frequency)
    shares = ", ".join(_share_sql(level, side) for side in (left, right))
    return f" + coalesce({log2(usual)!r} - log2(greatest({shares})), 0)"


def _share_sql(level: Level, side: str) -> str:
    """How common a value is: as it is seen, or by its parts where that is less."""
    seen = side.format(f"share_{level.frequency}")
    if level.parts_when is None:
        return seen
    together = " * ".join(side.format(f"share_{part}") for part in level.parts)
    rarer = f"least({seen}, greatest({together}, {seen} * {2**-PARTS_BITS!r}))"
    return f"CASE WHEN {level.parts_when.sql(side, side)} THEN {rarer} ELSE {seen} END"


def pooled_sql(model: Model, held: Guards) -> str:
    """SQL: what each two groups say together, as :class:`kehu.refine.resolve.compare.pooled.Together` has it: their number,
    the weight, and of how many pairs each question holds.

    Of table `pooled` (number, l, r: two records, one of each group) and `weighable`.
    """
    weight, allowed = (
        _sum_sql(base, of, _best_sql, reached=f"bool_or({model.reached.sql(*ALIASED)})")
        for base, of in ((prior_bits(model), model.comparisons), (HOUSEHOLD_MOST, model.own))
    )
    counts = [f"count(*) FILTER (WHERE {asked.sql(*ALIASED)})" for asked in held.pooled.values()]
    return (
        f"SELECT number, least({weight}, {allowed}), {', '.join(counts)} FROM pooled"
        " JOIN weighable AS l ON l.id = pooled.l JOIN weighable AS r ON r.id = pooled.r GROUP BY number ORDER BY number"
    )


def _best_sql(comparison: Comparison) -> str:
    known = Known(comparison.column).sql(*ALIASED)
    return f"coalesce(max(CASE WHEN {known} THEN {_comparison_sql(comparison, *ALIASED)} END), 0)"


def grouped(
    found: Sequence[Weighed], kept_apart: KeptApart, pooled: Pooled | None = None
) -> tuple[list[list[int]], list[Edge]]:
    """What edges come to: groups that merge by themselves, and the questions that remain, heaviest first.

    Args:
        found: in the order of their ends.
        pooled: compares groups as wholes; None: they are not.
    """
    fit = [one.edge for one in found if one.sure]
    apart = kept_apart(fit)
    chain = communities(fit, threshold=SUPPORT_FROM)
    group_of = group_names(_merged(fit, apart, chain))
    possible = [one for one in found if not one.never]
    sharing = [(one.left, one.right, one.shown) for one in found if one.household]
    kin = outside_households([one.edge for one in possible if one.household], sharing, group_of)
    edges: list[Edge] = [one.edge for one in possible if not one.household]
    edges += [(left, right, min(weight, HOUSEHOLD_CAP)) for left, right, weight in kin]
    likely = communities(edges, threshold=PROPOSE_FROM)
    groups = _merged((edge for edge in fit if likely[edge[0]] == likely[edge[1]]), apart, chain)
    if pooled:
        groups = pool(groups, [one.edge for one in possible], pooled)
    within = [edge for edge in edges if likely[edge[0]] == likely[edge[1]]]
    return groups, questions(within, group_names(groups))


def _merged(fit: Iterable[Edge], held: Contradictions, chain: Mapping[int, int]) -> list[list[int]]:
    """Groups along the edges within a chain: contradictions are known of these only."""
    within = (edge for edge in fit if chain[edge[0]] == chain[edge[1]])
    return merge(within, held.apart, firm=held.firm, alone_from=MERGE_FROM)


def chains(fit: Sequence[Edge]) -> list[list[int]]:
    """The records that chains of edges bring together, three or more at a time: any two of them could contradict."""
    members: dict[int, list[int]] = {}
    for record, community in communities(fit, threshold=SUPPORT_FROM).items():
        members.setdefault(community, []).append(record)
    return [group for group in members.values() if len(group) > 2]


def both_ways(pairs: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    """Pairs that stay apart, by either end."""
    apart: dict[int, set[int]] = {}
    for left, right in pairs:
        apart.setdefault(left, set()).add(right)
        apart.setdefault(right, set()).add(left)
    return {record: frozenset(others) for record, others in apart.items()}
