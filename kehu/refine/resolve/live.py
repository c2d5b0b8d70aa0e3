"""A record that has just come in finds its customer: by the blind index, through the gate, one at a time.

Whoever shares a rare exact token with it (name, birth date, email, phone, number), or two common ones, may be the same
customer. Of these the ones that share most are opened, weighed by the weights in force, and joined (probable, to be taken
back) or asked about; who shares one value with it that many have, and nothing else, is not. What a joining touched is
grouped anew by :mod:`kehu.refine.resolve.regroup`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from kehu.guard.gate.actor import Actor
from kehu.guard.installation import installation
from kehu.guard.watch.marks import NOT_HONEY
from kehu.refine.resolve.compare.features import Kind
from kehu.refine.resolve.compare.folding import Folded, fold
from kehu.refine.resolve.compare.guards import Guards
from kehu.refine.resolve.compare.model import LINES, Model
from kehu.refine.resolve.compare.pooled import Together, together
from kehu.refine.resolve.compare.whole import says_wide, whole_guards, whole_model
from kehu.refine.resolve.elsewhere import used_elsewhere
from kehu.refine.resolve.indexed import looked_up, of_house
from kehu.refine.resolve.linkage.cluster import ELSEWHERE, Beside, Edge, Pooled
from kehu.refine.resolve.linkage.edges import Contradictions, Weighed, chains, grouped, weighed
from kehu.refine.resolve.opening import KIND_NUMBERS, Group, open_each
from kehu.refine.resolve.review.queue import Pair
from kehu.refine.tokens import tokens_of
from kehu.vault.arrays import BigintArray

MOST: Final = 100
"""Customers with something new; more at a time are compared in bulk."""
_CANDIDATES: Final = 12  # customers opened for one
_COMMON: Final = 100  # records that carry a token; more say little of who is meant
_FEW: Final = 10  # customers up to whom a token says enough by itself
_ALIKE: Final = 3  # tokens of parts of names that make up for it: most of a word, or a character and how it sounds
_TOGETHER: Final = 1_000.0  # bits between records that are one customer already

_HELD: Final = f"""
select s.customer, x.one, x.tokens from (
    select u.one, r.subject, r.tokens from unnest($1::bigint[], $2::bigint[]) as u (one, other)
    cross join lateral {{records}} r
) x left join subject_state s on s.subject = x.subject
    and s.controller = $4 and s.kind = $5 and not s.hidden and {NOT_HONEY}
"""
_BOTH: Final = "array_remove(array[u.one, u.other], null)"
_OF_ANY: Final = _HELD.format(
    records=f"(select r.subject, r.tokens from record r where r.tokens @> {_BOTH} and not r.hidden limit $3)"
)
_OF_HOUSE: Final = _HELD.format(records=of_house(_BOTH, "$3"))


Outside = Callable[[Collection[int]], Collection[int]]
"""Of these records those whose telephone or mailbox somebody uses who is not among the records that were opened."""


@dataclass(frozen=True, slots=True)
class Met:
    """What came of one look-up.

    Attributes:
        joins: pairs of origin subjects sure enough to be one customer; ``asks``: pairs to ask about.
        looked_at: customers that were opened as candidates.
    """

    joins: tuple[tuple[UUID, UUID], ...] = ()
    asks: tuple[Pair, ...] = ()
    looked_at: int = 0


@dataclass(slots=True)
class Scorer:
    """Pairs of folded records weighed by given weights; in Latin letters or wider, as the names are."""

    kind: Kind
    content: Mapping[str, Any] | None
    _held: dict[bool, tuple[Model, Guards]] = field(default_factory=dict)
    _wide: bool | None = None

    def edges(self, rows: Mapping[int, Folded], pairs: Iterable[tuple[int, int]]) -> list[Weighed]:
        """Of these pairs, those heavy enough to propose."""
        found = (self.edge(pair, rows[pair[0]], rows[pair[1]]) for pair in pairs)
        return [edge for edge in found if edge]

    def edge(self, ends: tuple[int, int], left: Folded, right: Folded) -> Weighed | None:
        """One pair; None where it weighs too little."""
        return weighed(ends, left, right, *self._for(left, right))

    def apart(self, rows: Mapping[int, Folded], groups: Iterable[Sequence[int]]) -> Iterator[tuple[int, int, bool]]:
        """The pairs within each group that contradict each other, and whether firmly."""
        for pair in itertools.chain.from_iterable(itertools.combinations(sorted(group), 2) for group in groups):
            left, right = rows[pair[0]], rows[pair[1]]
            held = self._for(left, right)[1]
            if held.apart.holds(left, right):
                yield *pair, held.firm.holds(left, right) is True

    def pooled(self, rows: Mapping[int, Folded], outside: Outside = lambda _: ()) -> Pooled | None:
        """Compares groups of these records as wholes; None: those of this kind are not."""
        if self.kind == "organisation":
            return None

        def weigh(groups: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Together]:
            return [
                self._together([rows[one] for one in ones], [rows[one] for one in others]) for ones, others in groups
            ]

        return Pooled(weigh, _beside(rows, outside))

    def _together(self, ones: Sequence[Folded], others: Sequence[Folded]) -> Together:
        return together(ones, others, *self._for(*ones, *others))

    def _for(self, *rows: Folded) -> tuple[Model, Guards]:
        if self._wide is None:
            self._wide = bool(self.content) and says_wide(self.content or {}, self.kind)
        wide = self._wide or not all(map(_latin, rows))
        if wide not in self._held:
            self._held[wide] = whole_model(self.kind, self.content, wide=wide), whole_guards(self.kind, wide=wide)
        return self._held[wide]


def _beside(rows: Mapping[int, Folded], outside: Outside) -> Beside:
    """Who else uses a telephone or mailbox of these records, among them or outside."""

    def beside(records: Collection[int]) -> Mapping[int, list[int]]:
        users: dict[tuple[str, str], list[int]] = {}
        for number, line in _lines(rows, rows):
            users.setdefault(line, []).append(number)
        found: dict[int, list[int]] = {}
        for record, line in _lines(rows, records):
            found.setdefault(record, []).extend(other for other in users[line] if other != record)
        for record in outside(records):
            found.setdefault(record, []).append(ELSEWHERE)
        return found

    return beside


def _lines(rows: Mapping[int, Folded], of: Iterable[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    """The telephones and mailboxes of these."""
    for number in of:
        for line in LINES:
            if (value := rows[number].get(line)) is not None:
                yield number, (line, value)


def _latin(row: Folded) -> bool:
    return (row.get("name") or "").isascii()


class LiveLinkage:
    """Look-ups in one group of customers, for one run."""

    def __init__(self, group: Group, scorer: Scorer, *, actor: Actor, run: UUID) -> None:
        self._group = group
        self._scorer = scorer
        self._actor = actor
        self._run = run

    def look_up(self, customer: UUID) -> Met:
        """Whom a customer with something new may be.

        Raises:
            LedgerUnavailable: the ledger cannot be written, so nothing was opened.
        """
        new = self._open([customer])
        if not new:  # erased meanwhile, or linkage may not look: restricted, objecting
            return Met()
        [(customer, mine)] = new.items()
        found = self._candidates(customer, _tokens(mine.values()))
        met = self._open(found)
        opened = {customer: mine, **met}
        joins, asks = joined(opened, self._scorer, self._group, between=customer) if met else ([], [])
        return Met(tuple(joins), tuple(asks), len(met))

    def _open(self, customers: Sequence[UUID]) -> dict[UUID, dict[UUID, dict[str, str]]]:
        return open_each(customers, self._group.kind, actor=self._actor, run=self._run) if customers else {}

    def _candidates(self, customer: UUID, exact: Mapping[int, set[int]]) -> list[UUID]:
        """Customers that share something rare with it, those that share most first; ``exact`` as of :func:`_tokens`."""
        met, cut = self._met(sorted(exact))
        common = {token for token, found in met.items() if len(found) > _COMMON}
        rows = [one for token, found in met.items() if token not in common for one in found]
        # two that are common each may be rare together: 王伟 of that birthday
        pairs = [pair for pair in itertools.combinations(met, 2) if cut.intersection(pair)]
        rows += [(other, tokens) for other, _, tokens in self._held(_OF_HOUSE, pairs) if other is not None]
        people = {token: len({other for other, _ in found}) for token, found in met.items()}
        parts = set[int]().union(*exact.values())
        shares: dict[UUID, int] = {}
        for other, tokens in rows:
            if other != customer:
                shared = exact.keys() & tokens
                # what a whole value brings with it says nothing more
                alike = len(parts.intersection(tokens).difference(*(exact[token] for token in shared)))
                if len(shared) > 1 or alike >= _ALIKE or min(people[token] for token in shared) <= _FEW:
                    # of a customer's records the one that shares most
                    shares[other] = max(shares.get(other, 0), 20 * len(shared) + alike)
        return sorted(shares, key=lambda one: (-shares[one], one))[:_CANDIDATES]

    def _met(self, exact: Sequence[int]) -> tuple[dict[int, list[tuple[UUID, list[int]]]], set[int]]:
        """Customers that carry each token, with their tokens; and the tokens that many carry, of whichever house."""
        met: dict[int, list[tuple[UUID, list[int]]]] = {token: [] for token in exact}
        carried: Counter[int] = Counter()  # by whomever: what was met is cut off before it is known whose it is
        for other, token, tokens in self._held(_OF_ANY, [(token, None) for token in met]):
            carried[token] += 1
            if other is not None:
                met[token].append((other, tokens))
        cut = {token for token, count in carried.items() if count > _COMMON}
        crowded = [token for token in exact if token in cut and len(met[token]) <= _COMMON]
        met.update({token: [] for token in crowded})  # behind another house's crowd may be more of this one's
        for other, token, tokens in self._held(_OF_HOUSE, [(token, None) for token in crowded]):
            if other is not None:
                met[token].append((other, tokens))
        return met, cut

    def _held(
        self, statement: str, wanted: Sequence[tuple[int, int | None]]
    ) -> list[tuple[UUID | None, int, list[int]]]:
        """Customer, token and tokens of each record met; no customer where it is nobody's of this group."""
        if not wanted:
            return []
        ones, others = zip(*wanted, strict=True)
        group = self._group
        values = [BigintArray(ones), BigintArray(others), _COMMON + 1, group.controller, KIND_NUMBERS[group.kind]]
        return looked_up(statement, values)


def joined(
    opened: Mapping[UUID, Mapping[UUID, Mapping[str, str]]],
    scorer: Scorer,
    group: Group,
    *,
    between: UUID | None = None,
) -> tuple[list[tuple[UUID, UUID]], list[Pair]]:
    """What these customers' records come to by the clustering of a run: who joins whom, and what is asked.

    Args:
        opened: customer -> origin subject -> values. Those of one customer stay together.
        group: whose they are; who else of it uses a telephone of theirs is asked of the index.
        between: pairs with this customer are weighed, others only where they tell of a household.
    """
    subjects = sorted(subject for records in opened.values() for subject in records)
    number = {subject: place for place, subject in enumerate(subjects)}
    owners = {customer: place for place, customer in enumerate(opened)}  # numbers: two ids take long to be compared
    asked = None if between is None else owners[between]
    owner = {number[subject]: owners[customer] for customer, records in opened.items() for subject in records}
    rows = {number[s]: fold(values, scorer.kind) for records in opened.values() for s, values in records.items()}
    pairs = [pair for pair in itertools.combinations(range(len(subjects)), 2) if owner[pair[0]] != owner[pair[1]]]
    wanted = [pair for pair in pairs if asked in (None, owner[pair[0]], owner[pair[1]])]
    found = scorer.edges(rows, wanted)
    if len(wanted) < len(pairs) and any(edge.household for edge in found):
        # whether a household has shown itself is told by the others, too
        found += scorer.edges(rows, set(pairs) - set(wanted))
    held = [Weighed(*pair, _TOGETHER, True, False, False, False) for pair in _together(owner)]
    values = {number[s]: records[s] for records in opened.values() for s in records}
    here = {*opened, *subjects}

    def outside(asked: Collection[int]) -> set[int]:
        return used_elsewhere(group, {one: values[one] for one in asked}, here)

    groups, questions = grouped(
        sorted([*found, *held]), lambda sure: _kept_apart(sure, scorer, rows, owner), scorer.pooled(rows, outside)
    )
    joins = [
        (subjects[first], subjects[other])
        for first, *others in groups
        for other in {owner[other]: other for other in reversed(others)}.values()  # one link to each customer
        if owner[first] != owner[other]
    ]
    if asked is not None:
        mine = {place for place, customer in owner.items() if customer == asked}
        mine |= {number[end] for pair in joins for end in pair if mine & {number[other] for other in pair}}
        joins = [pair for pair in joins if {number[end] for end in pair} <= mine]
        questions = [edge for edge in questions if mine & set(edge[:2])]
    return joins, [Pair.of(subjects[one], subjects[two], weight) for one, two, weight in questions]


def _kept_apart(
    sure: Sequence[Edge], scorer: Scorer, rows: Mapping[int, Folded], owner: Mapping[int, int]
) -> Contradictions:
    """Who contradicts whom; what is one customer already is not asked again."""
    found = scorer.apart(rows, chains(sure))
    return Contradictions.of(pair for pair in found if owner[pair[0]] != owner[pair[1]])


def _together(owner: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Each record of a customer with the one before it."""
    last: dict[int, int] = {}
    for number in sorted(owner):
        if (before := last.get(owner[number])) is not None:
            yield before, number
        last[owner[number]] = number


def _tokens(records: Iterable[Mapping[str, str]]) -> dict[int, set[int]]:
    """Exact tokens of what these records say, each with those of its parts, where it is a name."""
    fields = installation().rules.dictionary.fields
    found: dict[int, set[int]] = {}
    for name, value in (said for values in records for said in values.items() if said[0] in fields):
        exact, parts = tokens_of(name, value)
        if exact is not None:
            found.setdefault(exact, set()).update(parts)
    return found
