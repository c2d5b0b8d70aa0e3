"""What policies read of a customer, as the checked statement projects it: classes and booleans, no time, no value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CONSENT: Final = ("withdrawn", "refused", "expired", "invalid", "unknown", "none", "given")  # strictest first
CONSENT_KIND: Final = ("none", "general", "temporary", "specific")
AGE: Final = ("unknown", "under13", "13", "14-15", "16-17", "adult")
KIND: Final = ("", "person", "organisation")
PACKS: Final = {"CN": 1, "EU": 2, "US": 4, "JP": 8, "AU": 16}

# Of one origin subject w, for one purpose: rank of the consent (1 strictest … 7 given) and its kind.
CONSENT_RANK_SQL: Final = """case
    when w.consents -> %(purpose_key)s is null then 6
    else case w.consents -> %(purpose_key)s ->> 0
        when 'withdrawn' then 1 when 'refused' then 2 when 'invalid' then 4 when 'unknown' then 5
        when 'given' then case
            when (w.consents -> %(purpose_key)s ->> 2)::float8 <= extract(epoch from clock_timestamp()) then 3
            else 7 end
        else 5 end end"""
CONSENT_KIND_SQL: Final = """case w.consents -> %(purpose_key)s ->> 1
    when 'general' then 1 when 'temporary' then 2 when 'specific' then 3 else 0 end"""

# Of a whole customer (rows c of its origin subjects): the strictest counts.
# An origin that said nothing leaves only its own values out where another of the customer agreed (see `silent`).
STATE_SQL: Final = """concat_ws('|', max(c.kind), bit_or(c.packs),
    coalesce(min(c.consent) filter (where c.consent < 6), case when bool_or(c.consent = 7) then 7 else 6 end),
    coalesce(min(c.consent_kind) filter (where c.consent = 7), 0),
    coalesce(bool_and(c.covered) filter (where c.consent = 7), false)::int,
    bool_or(%(purpose)s = any (c.objections))::int, bool_or(c.restricted)::int, bool_or(c.opted_out)::int,
    bool_or(c.gpc)::int, coalesce(min(c.age) filter (where c.age > 0), 0), bool_and(c.guardian)::int,
    bool_or(c.deceased)::int, bool_or(c.kept)::int, bool_or(c.own)::int)"""


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The projection of one customer for one purpose."""

    kind: str
    packs: frozenset[str]
    consent: str
    consent_kind: str
    version_covered: bool
    objected: bool
    restricted: bool
    opted_out: bool
    gpc: bool
    age: str
    guardian: bool
    deceased: bool
    kept: bool
    own: bool

    @classmethod
    def parse(cls, text: str) -> SubjectState:
        """Read the text that STATE_SQL writes."""
        kind, packs, consent, consent_kind, covered, objected, restricted, out, gpc, age, guardian, dead, kept, own = (
            int(part) for part in text.split("|")
        )
        return cls(
            kind=KIND[kind],
            packs=packs_of(packs),
            consent=CONSENT[consent - 1],
            consent_kind=CONSENT_KIND[consent_kind],
            version_covered=bool(covered),
            objected=bool(objected),
            restricted=bool(restricted),
            opted_out=bool(out),
            gpc=bool(gpc),
            age=AGE[age],
            guardian=bool(guardian),
            deceased=bool(dead),
            kept=bool(kept),
            own=bool(own),
        )


def packs_of(bits: int) -> frozenset[str]:
    """Law packs named by bits."""
    return frozenset(name for name, bit in PACKS.items() if bits & bit)


def bits_of(packs: frozenset[str]) -> int:
    """Bits of law packs."""
    return sum(PACKS[name] for name in packs)
