"""Counting: what one customer's values say of quality, added up by dimension, field, source, segment and rule.

Only counts stay. A customer's values are looked at and dropped; of whom a check finds, the id is noted, of each check the
first thousand.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import pyarrow as pa

from kehu.guard.gate.read import Contribution
from kehu.guard.gate.state import packs_of
from kehu.refine.clean.status import ABSENT, INVALID
from kehu.refine.quality.people import Facts
from kehu.refine.quality.rules import Held
from kehu.refine.survive import Survivor, survive

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
_DAY: Final = 86_400_000  # milliseconds

Key = tuple[str, str, str]  # dimension, scope, key


class Tally:
    """What was counted so far."""

    def __init__(
        self, rules: Sequence[Held], doubtful: frozenset[UUID], fields: Iterable[str], now: dt.datetime
    ) -> None:
        """``doubtful``: origin subjects of whom an open question of linkage asks whether they are somebody else."""
        self.of: defaultdict[Key, int] = defaultdict(int)
        self.bad: defaultdict[Key, int] = defaultdict(int)
        self.left_out = 0
        self.findings: dict[str, list[UUID]] = {}
        self._rules = rules
        self._doubtful = doubtful
        self._fields = tuple(fields)
        self._today = now.date()
        millis = int(now.timestamp() * 1000)
        self._oldest = {name: millis - days * _DAY for name, days in AGEING.items()}
        self._shared = {name: array("q") for name in SHARED}  # digests under a key of this process: 8 bytes a value

    def look(
        self, facts: Facts, origins: Sequence[UUID], contributions: Sequence[Contribution], *, finds: bool
    ) -> None:
        """Count one customer."""
        if not finds:
            self.left_out += 1
            return
        said = [one for one in contributions if one.status != ABSENT and (one.normal or one.given)]
        kept = survive(said)
        segments = self._segments(facts)
        self._complete(facts, kept, segments)
        self._valid(facts, kept, segments)
        self._unique(facts, origins, kept, segments)
        self._consistent(facts, said, kept, segments)
        self._timely(facts, kept, segments)
        self._meets(facts, kept, segments)
        self._sources(facts, said, kept)

    def shared_values(self) -> None:
        """Count the values that several customers have, once everybody was looked at."""
        for name, digests in self._shared.items():
            if digests:
                values = pa.Array.from_buffers(pa.int64(), len(digests), [None, pa.py_buffer(digests)])
                counts = values.value_counts().field("counts").to_pylist()
                self._add(("uniqueness", "field", name), len(counts), sum([count > 1 for count in counts]))

    # -- dimensions

    def _complete(self, facts: Facts, kept: Mapping[str, Survivor[Contribution]], segments: Sequence[str]) -> None:
        expected, missing = EXPECTED[facts.kind], 0
        others = _ORGANISATIONS if facts.kind == 1 else _PERSONS
        for name in self._fields:
            if name in others:
                continue
            gone = name not in kept
            self._add(("completeness", "field", name), 1, gone)
            if gone and name in expected:
                missing += 1
                self._found(f"completeness:{name}", facts.customer)
        self._whole("completeness", segments, len(expected), missing)

    def _valid(self, facts: Facts, kept: Mapping[str, Survivor[Contribution]], segments: Sequence[str]) -> None:
        wrong = 0
        for name, won in kept.items():
            invalid = won.said.status == INVALID
            self._add(("validity", "field", name), 1, invalid)
            if invalid:
                wrong += 1
                self._found(f"validity:{name}", facts.customer)
        self._whole("validity", segments, len(kept), wrong)

    def _unique(
        self, facts: Facts, origins: Sequence[UUID], kept: Mapping[str, Survivor[Contribution]], segments: Sequence[str]
    ) -> None:
        doubtful = not self._doubtful.isdisjoint(origins)
        self._whole("uniqueness", segments, 1, int(doubtful))
        if doubtful:
            self._found(f"uniqueness:{DUPLICATES}", facts.customer)
        for name, digests in self._shared.items():
            if name in kept and (text := kept[name].said.normal):
                digests.append(hash((name, text)))  # salted anew in each process, and gone with it

    def _consistent(
        self, facts: Facts, said: Sequence[Contribution], kept: Mapping[str, Survivor[Contribution]],
        segments: Sequence[str],
    ) -> None:  # fmt: skip
        if len(said) == len(kept):  # everything was said once
            return
        times: dict[str, int] = {}
        for one in said:
            times[one.field] = times.get(one.field, 0) + 1
        several = [name for name in kept if times[name] > 1]
        apart = 0
        for name in several:
            differs = bool(kept[name].losers)
            self._add(("consistency", "field", name), 1, differs)
            if differs:
                apart += 1
                self._found(f"consistency:{name}", facts.customer)
        self._whole("consistency", segments, len(several), apart)

    def _timely(self, facts: Facts, kept: Mapping[str, Survivor[Contribution]], segments: Sequence[str]) -> None:
        of = old = 0
        for name, oldest in self._oldest.items():
            if name in kept:
                late = moment_of(kept[name].said) < oldest
                of, old = of + 1, old + late
                self._add(("timeliness", "field", name), 1, late)
                if late:
                    self._found(f"timeliness:{name}", facts.customer)
        self._whole("timeliness", segments, of, old)

    def _meets(self, facts: Facts, kept: Mapping[str, Survivor[Contribution]], segments: Sequence[str]) -> None:
        values = {name: won.said.normal or won.said.given or "" for name, won in kept.items()}
        for rule in self._rules:
            met = rule.check(values, self._today)
            if met is None:
                continue
            self._add((rule.dimension, "rule", rule.slug), 1, not met)
            self._whole(rule.dimension, segments, 1, int(not met))
            if not met:
                self._found(f"rule:{rule.slug}", facts.customer)

    def _sources(self, facts: Facts, said: Sequence[Contribution], kept: Mapping[str, Survivor[Contribution]]) -> None:
        """The same by the channel that brought each record."""
        records: dict[UUID, list[Contribution]] = {}
        for one in said:
            records.setdefault(one.record, []).append(one)
        expected, alone = EXPECTED[facts.kind], len(records) == 1
        for held in records.values():
            key = str(held[0].channel)
            brought = {one.field for one in held}
            wrong = sum([one.status == INVALID for one in held])
            self._add(("completeness", "source", key), len(expected), sum([name not in brought for name in expected]))
            self._add(("validity", "source", key), len(held), wrong)
            self._add(("uniqueness", "source", key), 1, held[0].subject in self._doubtful)
            ageing = [moment_of(one) < self._oldest[one.field] for one in held if one.field in self._oldest]
            self._add(("timeliness", "source", key), len(ageing), sum(ageing))
            if not alone:
                apart = [one.record in kept[one.field].losers for one in held if one.field in kept]
                self._add(("consistency", "source", key), len(apart), sum(apart))

    # -- sums

    def _whole(self, dimension: str, segments: Sequence[str], of: int, bad: int) -> None:
        if of:
            self._add((dimension, "all", ""), of, bad)
            for segment in segments:
                self._add((dimension, "segment", segment), of, bad)

    def _add(self, key: Key, of: int, bad: int) -> None:
        if of:
            self.of[key] += of
            if bad:
                self.bad[key] += bad

    def _found(self, check: str, customer: UUID) -> None:
        held = self.findings.setdefault(check, [])
        if len(held) < MOST_FINDINGS:
            held.append(customer)

    @staticmethod
    def _segments(facts: Facts) -> list[str]:
        laws = sorted(packs_of(facts.packs)) or ["none"]
        return [
            f"kind:{facts.kind}",
            f"controller:{facts.controller}",
            f"law:{laws[0] if len(laws) == 1 else 'several'}",
        ]


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
