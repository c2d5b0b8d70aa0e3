"""Counting: what one customer's values say of quality, added up by dimension, field, source, segment and rule.

Only counts stay. A customer's values are looked at and dropped; of whom a check finds, the id is noted, of each check the
first thousand.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import pyarrow as pa

from kehu.guard.gate.read import Contribution
from kehu.guard.gate.state import packs_of
from kehu.refine.clean.status import ABSENT, INVALID
from kehu.refine.quality.models import DIMENSIONS
from kehu.refine.quality.people import Facts, is_of
from kehu.refine.quality.rules import Held
from kehu.refine.survive import survive

EXPECTED: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("full_name", "email", "phone", "birth_date", "address", "locality", "country"),
    2: ("legal_name", "registration_number", "email", "phone", "address", "locality", "country"),
}
"""Fields that count in the score of completeness, by kind of customer: who it is, how to reach them, which law."""
AGEING: Final[Mapping[str, int]] = {
    "phone": 730, "email": 730, "address": 730, "landline": 730, "wechat_id": 730, "locality": 730, "postal_code": 730,
    "delivery_address": 730, "employer": 1_095, "occupation": 1_095, "contact_person": 730,
}  # fmt: skip
"""Days after which a value that nobody said or confirmed again is no longer timely."""
SHARED: Final = ("email", "phone")
DUPLICATES: Final = "customers"
MOST_FINDINGS: Final = 1_000
_PERSONS: Final = frozenset({"full_name", "birth_date", "gender", "given_name", "family_name"})
_ORGANISATIONS: Final = frozenset({"legal_name", "registration_number", "contact_person"})
_NOT_OF: Final = {1: _ORGANISATIONS, 2: _PERSONS}
_OF_THE_RECORD: Final = frozenset({"external_id"})  # each record has its own, and none is wrong
_DAY: Final = 86_400_000  # milliseconds
# places in a row of one customer: how many were looked at, and behind it how many fell short
_CONSISTENT: Final = 2 * DIMENSIONS.index("consistency")
_TIMELY: Final = 2 * DIMENSIONS.index("timeliness")
_WIDE: Final = 5  # of a dimension in a row of sums: looked at, short, and people of whom that is, fell short, did not
K = TypeVar("K")


class Counted(NamedTuple):
    """One score: how many were looked at and fell short; of how many people those were, fell short, and did not."""

    dimension: str
    scope: str
    key: str
    of: int
    bad: int
    people: int
    people_bad: int
    people_good: int


class Tally:
    """What was counted so far; :meth:`settled` says it by dimension, scope and key.

    Per customer only sums are kept that few share: of a group of customers alike (kind, controller, laws), of a channel.
    """

    def __init__(
        self, rules: Sequence[Held], doubtful: frozenset[UUID], fields: Iterable[str], now: dt.datetime
    ) -> None:
        """``doubtful``: origin subjects of whom an open question of linkage asks whether they are somebody else."""
        self.left_out = 0
        self.findings: dict[str, list[UUID]] = {}
        self._rules = rules
        self._doubtful = doubtful
        self._fields = tuple(fields)
        self._today = now.date()
        millis = int(now.timestamp() * 1000)
        self._oldest = {name: millis - days * _DAY for name, days in AGEING.items()}
        self._shared = {name: array("q") for name in SHARED}  # digests under a key of this process: 8 bytes a value
        self._people: Counter[int] = Counter()
        self._present: dict[int, Counter[str]] = {1: Counter(), 2: Counter()}
        self._bad: dict[str, Counter[str]] = {name: Counter() for name in ("validity", "timeliness", "consistency")}
        self._several: Counter[str] = Counter()
        self._met: dict[str, list[int]] = {one.slug: [0, 0] for one in rules}
        self._asked = [(one, 2 * DIMENSIONS.index(one.dimension), self._met[one.slug]) for one in rules]
        self._groups: dict[tuple[int, int, int], list[int]] = {}
        self._channels: dict[int, list[int]] = {}

    def look(
        self, facts: Facts, origins: Sequence[UUID], contributions: Sequence[Contribution], *, finds: bool
    ) -> None:
        """Count one customer."""
        if not finds:
            self.left_out += 1
            return
        said = [one for one in contributions if one.status != ABSENT and (one.normal or one.given)]
        kept = {one.field: one for one in said}
        losers: Mapping[str, Sequence[UUID]] = {}
        if len(kept) < len(said):  # something was said by several records
            survivors = survive(said)
            kept = {name: one.said for name, one in survivors.items()}
            losers = {name: one.losers for name, one in survivors.items()}
        mine = [0] * (2 * len(DIMENSIONS))
        self._people[facts.kind] += 1
        self._present[facts.kind].update(kept.keys())
        self._one(facts, origins, kept, mine)
        if losers:
            self._consistent(facts, said, losers, mine)
        self._meets(facts, kept, mine)
        _add(self._groups, facts[1:], mine)
        self._sources(facts, said, losers)

    def settled(self) -> Iterator[Counted]:
        """Every score, once everybody was looked at."""
        yield from self._settled_groups()
        for channel, sums in self._channels.items():
            for dimension, held in _by_dimension(sums):
                yield Counted(dimension, "source", str(channel), *held)
        for rule in self._rules:
            of, bad = self._met[rule.slug]
            yield _each(rule.dimension, "rule", rule.slug, of, bad)
        for name in self._fields:
            present = {kind: held[name] for kind, held in self._present.items()}
            asked = [kind for kind in (1, 2) if name not in _NOT_OF[kind]]
            of = sum(self._people[kind] for kind in asked)
            yield _each("completeness", "field", name, of, of - sum(present[kind] for kind in asked))
            yield _each("validity", "field", name, sum(present.values()), self._bad["validity"][name])
            yield _each("consistency", "field", name, self._several[name], self._bad["consistency"][name])
            if name in AGEING:
                yield _each("timeliness", "field", name, sum(present.values()), self._bad["timeliness"][name])
        for name, digests in self._shared.items():
            if digests:
                values = pa.Array.from_buffers(pa.int64(), len(digests), [None, pa.py_buffer(digests)])
                counts = values.value_counts().field("counts").to_pylist()
                alone = sum([count == 1 for count in counts])
                people = len(digests), len(digests) - alone, alone
                yield Counted("uniqueness", "field", name, len(counts), len(counts) - alone, *people)

    # -- one customer

    def _one(self, facts: Facts, origins: Sequence[UUID], kept: Mapping[str, Contribution], mine: list[int]) -> None:
        """Completeness, validity, uniqueness and timeliness of the values that count."""
        expected, customer = EXPECTED[facts.kind], facts.customer
        missing = [name for name in expected if name not in kept]
        wrong = [name for name, one in kept.items() if one.status == INVALID]
        ageing = [name for name in self._oldest if name in kept]
        old = [name for name in ageing if moment_of(kept[name]) < self._oldest[name]]
        doubtful = not self._doubtful.isdisjoint(origins)
        for at, number in enumerate((len(expected), len(missing), len(kept), len(wrong), 1, int(doubtful))):
            mine[at] += number
        mine[_TIMELY] += len(ageing)
        mine[_TIMELY + 1] += len(old)
        for name in missing:
            self._found(f"completeness:{name}", customer)
        for dimension, names in (("validity", wrong), ("timeliness", old)):
            for name in names:
                self._bad[dimension][name] += 1
                self._found(f"{dimension}:{name}", customer)
        if doubtful:
            self._found(f"uniqueness:{DUPLICATES}", customer)
        for name, digests in self._shared.items():
            if name in kept and (text := kept[name].normal):
                digests.append(hash((name, text)))  # salted anew in each process, and gone with it

    def _consistent(
        self, facts: Facts, said: Sequence[Contribution], losers: Mapping[str, Sequence[UUID]], mine: list[int]
    ) -> None:
        times = Counter([one.field for one in said])
        for name, held in losers.items():
            if times[name] < 2 or name in _OF_THE_RECORD:
                continue
            self._several[name] += 1
            mine[_CONSISTENT] += 1
            if held:
                self._bad["consistency"][name] += 1
                mine[_CONSISTENT + 1] += 1
                self._found(f"consistency:{name}", facts.customer)

    def _meets(self, facts: Facts, kept: Mapping[str, Contribution], mine: list[int]) -> None:
        values = {name: one.normal or one.given or "" for name, one in kept.items()}
        for rule, at, held in self._asked:
            met = rule.check(values, self._today) if is_of(facts, rule.segment) else None
            if met is None:
                continue
            held[0] += 1
            mine[at] += 1
            if not met:
                held[1] += 1
                mine[at + 1] += 1
                self._found(f"rule:{rule.slug}", facts.customer)

    def _sources(self, facts: Facts, said: Sequence[Contribution], losers: Mapping[str, Sequence[UUID]]) -> None:
        """The same by the channel that brought each record."""
        records: dict[UUID, list[Contribution]] = {}
        last, mine = None, list[Contribution]()
        for one in said:
            if one.record is not last:  # what one record says comes together
                last, mine = one.record, records.setdefault(one.record, [])
            mine.append(one)
        expected, oldest = EXPECTED[facts.kind], self._oldest
        by_channel: dict[int, Sequence[int]] = {}  # whoever has several records of a channel is one customer of it
        for record, held in records.items():
            brought = {one.field for one in held}
            ageing = [moment_of(one) < oldest[one.field] for one in held if one.field in oldest]
            agreed = [record in losers[one.field] for one in held if one.field in losers] if len(records) > 1 else []
            counted: Sequence[int] = (
                len(expected), sum([name not in brought for name in expected]), len(held),
                sum([one.status == INVALID for one in held]), 1, int(held[0].subject in self._doubtful), len(agreed),
                sum(agreed), len(ageing), sum(ageing),
            )  # fmt: skip
            before = by_channel.get(held[0].channel)
            by_channel[held[0].channel] = (
                counted if before is None else [a + b for a, b in zip(before, counted, strict=True)]
            )
        for channel, counts in by_channel.items():
            _add(self._channels, channel, counts)

    # -- sums

    def _settled_groups(self) -> Iterator[Counted]:
        whole: dict[tuple[str, str, str], list[int]] = {}
        for group, sums in self._groups.items():
            keys = [("all", ""), *(("segment", key) for key in _segments(*group))]
            for dimension, part in _by_dimension(sums):
                for scope, key in keys:
                    held = whole.setdefault((dimension, scope, key), [0] * _WIDE)
                    held[:] = [a + b for a, b in zip(held, part, strict=True)]
        for (dimension, scope, key), held in whole.items():
            yield Counted(dimension, scope, key, *held)

    def _found(self, check: str, customer: UUID) -> None:
        held = self.findings.setdefault(check, [])
        if len(held) < MOST_FINDINGS:
            held.append(customer)


def _add(sums: dict[K, list[int]], key: K, mine: Sequence[int]) -> None:
    """Add what one customer comes to, by dimension looked at and short, and that it is one."""
    held = sums.get(key)
    if held is None:
        held = sums[key] = [0] * (_WIDE * len(DIMENSIONS))
    at = 0
    for of, bad in zip(mine[::2], mine[1::2], strict=True):
        if of:
            held[at] += of
            held[at + 2] += 1
            if bad:
                held[at + 1] += bad
                held[at + 3] += 1
            if of > bad:
                held[at + 4] += 1
        at += _WIDE


def _by_dimension(sums: Sequence[int]) -> Iterator[tuple[str, Sequence[int]]]:
    for at, dimension in enumerate(DIMENSIONS):
        yield dimension, sums[_WIDE * at : _WIDE * (at + 1)]


def _each(dimension: str, scope: str, key: str, of: int, bad: int) -> Counted:
    """A score that counts each customer once."""
    return Counted(dimension, scope, key, of, bad, of, bad, of - bad)


def _segments(kind: int, controller: int, packs: int) -> list[str]:
    laws = sorted(packs_of(packs)) or ["none"]
    return [f"kind:{kind}", f"controller:{controller}", f"law:{laws[0] if len(laws) == 1 else 'several'}"]


def moment_of(one: Contribution) -> int:
    """When a value was last said or confirmed, in milliseconds since 1970."""
    if one.verified_at:
        try:
            held = dt.datetime.fromisoformat(one.verified_at)
            return int((held if held.tzinfo else held.replace(tzinfo=dt.UTC)).timestamp() * 1000)
        except ValueError:
            pass
    if one.said_at is not None:
        return int(one.said_at.timestamp() * 1000)
    return one.record.int >> 80
