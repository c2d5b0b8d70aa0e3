"""What policies read of a customer, as the checked statement projects it: classes and booleans, no time, no value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

CONSENT: Final = ("withdrawn", "refused", "expired", "invalid", "unknown", "none", "given")  # strictest first
CONSENT_KIND: Final = ("none", "general", "temporary", "specific")
SUBSCRIPTION: Final = ("suppressed", "unsubscribed", "none", "subscribed")  # strictest first
PUBLIC, UNTOLD, NOT_FOR_THIS, NOT_AGREED = 1, 2, 4, 8  # what is said of a source, as bits
SUBSCRIPTION_GROUND: Final = ("none", "existing", "consent")
AGE: Final = ("unknown", "under13", "13", "14-15", "16-17", "adult")
KIND: Final = ("", "person", "organisation")
_FIXED: Final = 14  # parts of the projection that every customer has
_SUBSCRIBED: Final = 4  # the lowest rank of a subscription in force
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
CONSENT_KIND_SQL: Final = """case rtrim(w.consents -> %(purpose_key)s ->> 1, '*')
    when 'general' then 1 when 'temporary' then 2 when 'specific' then 3 else 0 end"""

# Whether a guardian gave it: its kind carries a star.
BY_GUARDIAN_SQL: Final = "(w.guardian and coalesce(right(w.consents -> %(purpose_key)s ->> 1, 1) = '*', false))"
# Rank of what was said of the medium and topic asked for (1 strictest, 4 to 6 subscribed by its ground); null: not asked.
SUBSCRIPTION_RANK_SQL: Final = """case when %(message)s::text <> '' then case w.subscriptions -> %(message)s::text ->> 0
    when 'suppressed' then 1 when 'unsubscribed' then 2
    when 'subscribed' then case w.subscriptions -> %(message)s::text ->> 1
        when 'consent' then 6 when 'existing' then 5 else 4 end
    else 3 end end"""
# Whether nothing of this origin came in for longer than the purpose keeps.
OVER_SQL: Final = "w.last_act + %(retention_days)s < current_date"
# Whether an origin is of the grant g; null: none is in force.
IN_GRANT_SQL: Final = """case when g.subjects is not null then w.subject = any (g.subjects)
    when g.lets is not null then coalesce(w.packs & g.packs > 0, true) and coalesce(w.age = any (g.ages), true) end"""
# What few customers have is asked by functions (migration 0027).
# Separate consents in force for the purpose, as [event, recipient, country, fields, by a guardian].
SEPARATE_SQL: Final = """case when w.separate is not null
    then separate_in_force(w.separate -> %(purpose_key)s, %(purpose_version)s::int) end"""

# Of an origin of which something came from a source: its sources with what is to be said of each, as bits.
SUPPLY_SQL: Final = "case when w.supplied is not null then said_of_sources(w.supplied -> 'of', %(purpose)s::int) end"
# The same of a whole customer, each once, the least first; null: nothing came from a source.
SUPPLIES_SQL: Final = """case when bool_or(c.supply is not null)
    then said_of_all(jsonb_agg(c.supply) filter (where c.supply is not null)) end"""

# Of a whole customer (rows c of its origin subjects): the strictest counts.
# An origin that said nothing leaves only its own values out where another of the customer agreed (see `silent`).
# A separate consent counts where every origin has it; a grant, where one is named in it or all are of its segment.
# What few customers have stands behind the rest, as JSON.
STATE_SQL: Final = f"""concat_ws('|', max(c.kind), bit_or(c.packs),
    coalesce(min(c.consent) filter (where c.consent < 6), case when bool_or(c.consent = 7) then 7 else 6 end),
    coalesce(min(c.consent_kind) filter (where c.consent = 7), 0),
    coalesce(bool_and(c.covered) filter (where c.consent = 7), false)::int,
    bool_or(%(purpose)s = any (c.objections))::int, bool_or(c.restricted)::int, bool_or(c.opted_out)::int,
    bool_or(c.gpc)::int, coalesce(min(c.age) filter (where c.age > 0), 0), bool_and(c.guardian)::int,
    bool_or(c.deceased)::int, bool_or(c.kept)::int, bool_or(c.own)::int)
    || case when %(message)s::text = '' and not bool_or(c.by_guardian or c.separate is not null or c.supply is not null)
        and not bool_and(c.over) and not coalesce(bool_or(c.in_grant), false) then ''
    else '|' || jsonb_strip_nulls(jsonb_build_object(
        'by_guardian', case when bool_or(c.by_guardian) then true end,
        'over', case when bool_and(c.over) then true end,
        'supply', to_jsonb({SUPPLIES_SQL}),
        'supplied_only', case when bool_and(c.supplied_only) then true end,
        'refuses_public', case when bool_or(c.supply is not null and c.refuses_public) then true end,
        'grant', case when case when bool_or(c.by_name) then bool_or(c.in_grant) else bool_and(c.in_grant) end
            then (array_agg(c.lets))[1] end,
        'subscription', coalesce(min(c.written) filter (where c.written < 3), min(c.written) filter (where c.written > 3),
            min(c.written)),
        'separate', case when bool_and(c.separate is not null)
            then separate_of_all(jsonb_agg(c.separate)) end))::text end"""


class Separate(NamedTuple):
    """A separate consent: to what, to whom (as ``kehu.govern.separate`` writes it), where, which fields (None: all needed)."""

    event: str
    recipient: str
    country: str
    fields: frozenset[str] | None
    by_guardian: bool


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The projection of one customer for one purpose.

    ``subscription`` and its ground are empty where no message was asked for. ``over``: nothing came from them for longer
    than the purpose keeps. ``granted``: fields that the grant in use lets through, ``emergency`` what broke the glass.
    ``supply``: what is to be said of the sources something came from, as bits, each once; ``supplied_only``: nothing
    came from themselves; ``refuses_public``: they refuse the use of what is public.
    """

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
    by_guardian: bool = False
    subscription: str = ""
    subscription_ground: str = ""
    separate: tuple[Separate, ...] = ()
    over: bool = False
    granted: frozenset[str] = frozenset()
    emergency: str = ""
    supply: tuple[int, ...] = ()
    supplied_only: bool = False
    refuses_public: bool = False

    @classmethod
    def willing(cls, packs: frozenset[str], separate: tuple[Separate, ...] = ()) -> SubjectState:
        """A grown person under these laws who agreed and said nothing against it: what is denied then is no matter of theirs."""
        return cls(
            kind="person", packs=packs, consent="given", consent_kind="specific", version_covered=True, objected=False,
            restricted=False, opted_out=False, gpc=False, age="adult", guardian=False, deceased=False, kept=False,
            own=False, separate=separate,
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> SubjectState:
        """Read the text that STATE_SQL writes."""
        kind, packs, consent, consent_kind, covered, objected, restricted, out, gpc, age, guardian, dead, kept, own = (
            int(part) for part in text.split("|", _FIXED)[:_FIXED]
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
            **_more(text),
        )


def _more(text: str) -> dict[str, Any]:
    """What stands behind the fixed part, where something does."""
    behind = text.split("|", _FIXED)[_FIXED:]
    if not behind:
        return {}
    held = json.loads(behind[0])
    rank = held.get("subscription")
    return {
        "by_guardian": held.get("by_guardian", False),
        "over": held.get("over", False),
        "supply": tuple(held.get("supply", ())),
        "supplied_only": held.get("supplied_only", False),
        "refuses_public": held.get("refuses_public", False),
        "granted": frozenset(held.get("grant", {}).get("fields", ())),
        "emergency": held.get("grant", {}).get("emergency", ""),
        "subscription": SUBSCRIPTION[min(rank, _SUBSCRIBED) - 1] if rank else "",
        "subscription_ground": SUBSCRIPTION_GROUND[rank - _SUBSCRIBED] if rank and rank >= _SUBSCRIBED else "",
        "separate": tuple(_separate(held.get("separate", ()))),
    }


def _separate(terms: Iterable[list[Any]]) -> Iterable[Separate]:
    for event, recipient, country, fields, guardian in terms:
        yield Separate(event, recipient, country, frozenset(fields) if fields is not None else None, bool(guardian))


def packs_of(bits: int) -> frozenset[str]:
    """Law packs named by bits."""
    return frozenset(name for name, bit in PACKS.items() if bits & bit)


def bits_of(packs: frozenset[str]) -> int:
    """Bits of law packs."""
    return sum(PACKS[name] for name in packs)
