"""The checked read, as one statement: lock, project, decide by look-up, record, and only then hand out ciphertext.

One statement serves a single customer and a chunk of 2,000, so that both give the same answer by construction.
It commits by itself: nothing is decrypted before that commit is confirmed. Where a decision is missing it
records nothing, hands nothing out and returns the projections alone.

``LATERAL … OFFSET 0`` keeps each look-up on its key, whatever the planner believes of a table's size: the plan is kept, and
one that walks through a table of ten would walk through it when it holds millions. Whom a read reaches (``t``) is looked up
first, then locked one by one in the order of their ids, as everybody locks them. The planner takes every step here for one
row, so steps of as many rows as there are customers are never joined with each other (2,000 by
2,000 compared in a loop took 6 s): what a later step needs is carried along.

A grant counts where the credential was made to use it, it is in force and the row of the ledger names it (``detail``).

``own``: a credential that is bound to one origin subject (a customer's own) is told which customer is its own, and of
that one gets the certain part only; of any other, the policies see that it is not.

``provenance`` of a record: 0 covered by its notice or a later version of it, 1 collected on consent, 2 outside; plus 3 where its
origin subject said nothing on this purpose (its values are left out where another part of the customer agreed), or plus
6 where a message is asked for and its origin subject said nothing on that medium and topic. A record that came from a source
has 9 more for each place of what is said of that source in the customer's ``supply``; below 0 nothing is known of its source.

Whom the named ids reach is the statement's ``Reach``: their whole customers; or those with only the named ones of their orders
and interactions, so that a page costs what it shows; or, for the rights of a person, exactly the origin subjects named; or the
residue of an erasure. All else is the same text.
"""

from __future__ import annotations

from typing import Final, Literal

from kehu.guard.gate.actor import ACTOR_FACTS_SQL
from kehu.guard.gate.sending import numbered
from kehu.guard.gate.state import (
    BY_GUARDIAN_SQL,
    CONSENT_KIND_SQL,
    CONSENT_RANK_SQL,
    IN_GRANT_SQL,
    OVER_SQL,
    SEPARATE_SQL,
    STATE_SQL,
    SUBSCRIPTION_RANK_SQL,
    SUPPLIES_SQL,
    SUPPLY_SQL,
)

_PACK_COUNTS = ", ".join(f"(count(*) filter (where m.packs & {bit} > 0))::int" for bit in (1, 2, 4, 8, 16))
_JURISDICTIONS = ", ".join(
    f"case when bit_or(m.packs) & {bit} > 0 then {number}::smallint end"
    for number, bit in enumerate((1, 2, 4, 8, 16), 1)
)

_PROJECT: Final = f"""
with a as materialized (
    select s.actor, s.human, s.department, s.subject, s.grant_id, {ACTOR_FACTS_SQL} as facts
    from actor_state s where s.actor = %(actor)s for share
), g as materialized (
    select x.subjects, x.packs, x.ages, jsonb_strip_nulls(jsonb_build_object('fields', x.fields, 'emergency', x.emergency))
        as lets
    from a cross join lateral (select y.* from access_grant y
        where y.id = a.grant_id and y.id = %(detail)s::uuid and y.staff = a.human and y.purpose = %(purpose)s and y.approved
            and y.until > clock_timestamp() and y.ended_at is null for share) x
), t as materialized (
    %(reached)
), w as materialized (
    select s.* from (select t.* from t order by t.subject) r
        cross join lateral (select x.* from subject_state x where %(counted) for share) s
), own as materialized (
    select w.customer, w.core from w join a using (subject)
), c0 as (
    select w.subject, w.customer, w.core, own.core is not null as own, w.kind, w.packs, w.objections, w.restricted,
        w.opted_out, w.gpc, w.age, w.guardian, w.deceased, w.kept,
        {CONSENT_RANK_SQL} as said, {CONSENT_KIND_SQL} as consent_kind,
        coalesce((w.consents -> %(purpose_key)s ->> 3)::int >= %(purpose_version)s, false) as covered,
        {BY_GUARDIAN_SQL} as by_guardian, {SUBSCRIPTION_RANK_SQL} as said_of_it, {SEPARATE_SQL} as separate,
        {OVER_SQL} as over, g.lets, g.subjects is not null as by_name, {IN_GRANT_SQL} as in_grant, {SUPPLY_SQL} as supply,
        w.supplied is not null and not w.supplied ? 'own' as supplied_only, 0 = any (w.objections) as refuses_public
    from w left join own using (customer) left join g on true where own.core is null or own.core = w.core
), c as materialized (
    select c0.*, min(c0.said) over part as consent, min(c0.said_of_it) over part as written
    from c0 window part as (partition by c0.customer, c0.core)
), p as materialized (
    select q.customer, q.state, q.subjects, q.consents, q.packs, q.supplies, q.supply,
        sha256(convert_to(%(ask)s || chr(30) || a.facts || chr(30) || q.state, 'UTF8')) as decision
    from a, (select c.customer, {STATE_SQL} as state, array_agg(c.subject order by c.subject) as subjects,
        array_agg(case when c.written = 3 then 8 else c.consent end order by c.subject) as consents,
        array_agg(c.packs order by c.subject) as packs, array_agg(c.supply order by c.subject) as supplies,
        {SUPPLIES_SQL} as supply
        from c group by c.customer) q
), d as materialized (
    select p.*, g.id, g.categories, g.finds
    from p left join lateral (select x.* from gate_decision x where x.id = p.decision offset 0) g on true
), n as materialized (
    select d.id, row_number() over (order by d.id) as number from d where d.id is not null group by d.id
), ready as materialized (
    select (select digest from govern_rules order by version desc limit 1) = %(rules)s
        and not exists (select 1 from d where d.id is null)
        and (select count(*) from n) <= cardinality(%(entries)s::uuid[]) as yes
)
"""

_RECORD: Final = f""", m as materialized (
    select d.customer, d.state, d.decision, d.categories, d.finds, d.id, n.number,
        c.subject, c.consent, c.packs, c.supply, d.supply as places, k.epoch, k.wrapped, k.salt,
        row_number() over (partition by d.id order by c.subject) - 1 as position
    from d join n on n.id = d.id join ready on ready.yes
        cross join lateral unnest(d.subjects, d.consents, d.packs, d.supplies) as c (subject, consent, packs, supply)
        join lateral (select x.* from subject_key x where x.subject = c.subject offset 0) k on true
), e as (
    insert into ledger_entry (entry, actor, human, department, purpose, action, decision, detail, subjects,
        jurisdictions, reach, commitments, mac)
    select (%(entries)s::uuid[])[m.number], a.actor, a.human, a.department, %(purpose)s, %(action)s, m.id, %(detail)s,
        count(*), array_remove(array[{_JURISDICTIONS}], null),
        array[{_PACK_COUNTS}, (count(*) filter (where m.packs = 0))::int],
        string_agg(sha256(sha256(m.salt || uuid_send((%(entries)s::uuid[])[m.number])) || uuid_send(m.subject)),
            ''::bytea order by m.subject),
        (%(macs)s::bytea[])[m.number]
    from m, a group by m.id, m.number, a.actor, a.human, a.department
    returning seq, decision
), u as (
    insert into ledger_use (subject, seq, position)
    select m.subject, e.seq, m.position from m join e on e.decision = m.id
)
"""

_HAND_OUT: Final = """, o as (
    select m.customer, m.state, m.decision, m.categories, m.finds, m.id, m.subject, m.consent, m.epoch, m.wrapped, m.supply,
        m.places from m
    union all
    select d.customer, d.state, d.decision, d.categories, d.finds, null, null, null, null, null, null, null
    from d where d.customer not in (select m.customer from m)
)
select o.customer, o.state, o.decision, coalesce(o.finds, false) as finds, (select facts from a) as facts,
    (select yes from ready) as ready, e.seq, o.subject, o.epoch, o.wrapped,
    r.id as record, r.kind, r.channel, f.category, f.version, f.sealed,
    case when r.basis = %(consent_basis)s then 1
        when r.id is not null and r.notice <> all (array(select n.id from govern_notice n where exists (
            select 1 from govern_notice x where x.name = n.name and x.version >= n.version
            and x.in_force_from <= clock_timestamp() and x.purposes @> to_jsonb(%(purpose)s::int)))) then 2
        else 0 end + case o.consent when 6 then 3 when 8 then 6 else 0 end + case when r.supplier is null then 0
        else coalesce(9 * array_position(o.places, (o.supply -> r.supplier::text)::int), -9) end as provenance, r.said_at,
    coalesce(case when r.said_at is null then r.id < (%(oldest_ids)s::uuid[])[f.category]
        else r.said_at < (%(oldest_times)s::timestamptz[])[f.category] end, false) as stale
from o
    left join e on e.decision = o.id
    left join lateral (%(recorded)) r on true
    left join lateral (select x.* from facet x where x.subject = o.subject and x.record = r.id
        and x.category = any (o.categories) offset 0) f on true
order by o.customer, o.subject, r.id
"""

Reach = Literal["customer", "events", "origins", "residue"]
_BY_KIND: Final = """select x.* from record x where x.subject = o.subject and not x.hidden
        and x.kind = any (%(kinds)s::smallint[]) and cardinality(o.categories) > 0 offset 0"""
# a name only narrows: it counts for the origin subject that it stands beside and for what is shown of it at this moment; where
# nothing else is asked for, nothing else is walked through
_NAMED_EVENTS: Final = """select x.* from record x where cardinality(%(kinds)s::smallint[]) > 0
        and x.subject = o.subject and not x.hidden and x.kind = any (%(kinds)s::smallint[]) and cardinality(o.categories) > 0
    union all select y.* from unnest(%(event_subjects)s::uuid[], %(events)s::uuid[]) i (subject, id) cross join lateral (
        select x.* from record x where x.subject = i.subject and x.id = i.id and not x.hidden and x.kind in (3, 4) offset 0) y
        where i.subject = o.subject and cardinality(o.categories) > 0"""
_NAMED_ONES: Final = "select distinct i.subject from unnest(%(subjects)s::uuid[]) i (subject)"
# whom the named ids reach, which of those count once they are locked, and which of their records are handed out
_WHOLE: Final = (
    """select distinct o.subject, o.customer from unnest(%(subjects)s::uuid[]) i (subject)
        cross join lateral (select x.customer from subject_state x where x.subject = i.subject offset 0) n
        cross join lateral (select x.subject, x.customer from subject_state x where x.customer = n.customer offset 0) o""",
    "x.subject = r.subject and x.customer = r.customer and not x.hidden",
)
_REACHES: Final[dict[Reach, tuple[str, str, str]]] = {
    "customer": (*_WHOLE, _BY_KIND),
    "events": (*_WHOLE, _NAMED_EVENTS),
    "origins": (_NAMED_ONES, "x.subject = r.subject and not x.hidden", _BY_KIND),
    "residue": (_NAMED_ONES, "x.subject = r.subject and x.residue", _BY_KIND),
}
_TEXTS: Final = {
    reach: (_PROJECT + _RECORD + _HAND_OUT)
    .replace("%(reached)", reached)
    .replace("%(counted)", counted)
    .replace("%(recorded)", recorded)
    for reach, (reached, counted, recorded) in _REACHES.items()
}
_NUMBERED: Final = {reach: numbered(text) for reach, text in _TEXTS.items()}
PARAMETERS: Final[dict[Reach, tuple[str, ...]]] = {reach: names for reach, (_, names) in _NUMBERED.items()}
"""Names of each statement's parameters, in the order of their numbers."""
STATEMENTS: Final[dict[Reach, str]] = {reach: text for reach, (text, _) in _NUMBERED.items()}
CHECKED_READ: Final = STATEMENTS["customer"]
if len(set(STATEMENTS.values())) != len(_REACHES):  # a changed text that has no place for its reach would reach too far
    raise RuntimeError("the checked read has no place for its reach")
