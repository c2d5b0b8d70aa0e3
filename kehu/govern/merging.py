"""What policies read of a customer when origin subjects become one customer, or two again.

Called by the log of links (:mod:`kehu.vault.assignment`), in its transaction, with the rows already locked.

States act on all origin subjects of a customer. Entered before a merge they act on the others only while it stands;
entered while merged they stay with all for ever. A consent given while merged stands on the rest of the certain part
as a projection: ``[status, kind, until, version, anchor, what it covers]``; an un-merge takes it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

_V7: Final = 7
_PROJECTED: Final = 6  # entries of a consent that stands for another origin subject's
_SUBSCRIBED_FOR: Final = 4  # the same of a subscription: [status, ground, anchor, what it covers]

_UNITE = """
with united as (
    select s.customer, bool_or(s.restricted) as restricted, bool_or(s.opted_out) as opted_out, bool_or(s.gpc) as gpc,
        bool_or(s.deceased) as deceased, bool_or(s.kept) as kept, bool_or(s.held) as held,
        bit_or(s.held_categories) as held_categories,
        array(select distinct o from subject_state m, unnest(m.objections) as o where m.customer = s.customer
            order by o) as objections
    from unnest(%s::uuid[]) as t (customer) join subject_state s using (customer) group by s.customer
)
update subject_state s set restricted = u.restricted, opted_out = u.opted_out, gpc = u.gpc, deceased = u.deceased,
    kept = u.kept, held = u.held, held_categories = u.held_categories, objections = u.objections
from united u where s.customer = u.customer and (s.restricted, s.opted_out, s.gpc, s.deceased, s.kept, s.held,
    s.held_categories, s.objections) is distinct from (u.restricted, u.opted_out, u.gpc, u.deceased, u.kept, u.held,
    u.held_categories, u.objections)
"""

_IN_FORCE = "e.ended_at is null and (e.until is null or e.until > clock_timestamp())"

_PROJECT = f"""
with said as (
    select t.customer, e.* from (select distinct n.customer from unnest(%s::uuid[]) as w (subject)
        join subject_state n using (subject)) t
        left join subject_state m on m.customer = t.customer and not m.hidden
        left join govern_stateentry e on e.subject = m.subject and {_IN_FORCE}
), now as (
    select customer, coalesce(bool_or(kind = 'restriction'), false) as restricted,
        coalesce(bool_or(kind = 'optout'), false) as opted_out, coalesce(bool_or(kind = 'gpc'), false) as gpc,
        coalesce(bool_or(kind = 'deceased'), false) as deceased, coalesce(bool_or(kind = 'erasure'), false) as kept,
        coalesce(bool_or(kind = 'hold' and categories = 0), false) as held,
        coalesce(bit_or(categories) filter (where kind = 'hold'), 0) as held_categories,
        coalesce(array_agg(distinct purpose order by purpose) filter (where kind = 'objection'), '{{}}') as objections
    from said group by customer
)
update subject_state s set restricted = n.restricted, opted_out = n.opted_out, gpc = n.gpc, deceased = n.deceased,
    kept = n.kept, held = n.held, held_categories = n.held_categories, objections = n.objections
from now n where s.customer = n.customer
"""

_COPY = """
insert into govern_stateentry (id, subject, kind, purpose, categories, since, until, by)
select %(id)s, %(subject)s, kind, purpose, categories, since, until, by from govern_stateentry where id = %(state)s
"""

_TAKE_BACK = f"""
update subject_state s set
    consents = (select coalesce(jsonb_object_agg(v.key, case when v.gone then v.value -> 5 else v.value end)
        filter (where not v.gone or v.value -> 5 <> 'null'), '{{}}')
        from (select c.key, c.value, jsonb_array_length(c.value) = {_PROJECTED} and not exists (select 1
            from subject_state a where a.subject = (c.value ->> 4)::uuid and a.core = s.core) as gone
            from jsonb_each(s.consents) c) v),
    guardian = s.guardian and exists (select 1 from govern_consent g join subject_state a using (subject)
        where a.customer = s.customer and a.core = s.core and (g.by_subject is not null or g.guardian <> '')),
    separate = (select jsonb_object_agg(v.key, v.held) from (select p.key, jsonb_agg(e) as held
        from jsonb_each(s.separate) p, jsonb_array_elements(p.value) e where exists (select 1 from subject_state a
            where a.subject = (e ->> 'anchor')::uuid and a.core = s.core) group by p.key) v),
    subscriptions = (select jsonb_object_agg(v.key, case when v.gone then v.value -> 3 else v.value end)
        filter (where not v.gone or v.value -> 3 <> 'null')
        from (select c.key, c.value, jsonb_array_length(c.value) = {_SUBSCRIBED_FOR} and not exists (select 1
            from subject_state a where a.subject = (c.value ->> 2)::uuid and a.core = s.core) as gone
            from jsonb_each(s.subscriptions) c) v)
where s.subject = any (%(subjects)s)
"""


@dataclass(frozen=True, slots=True)
class State:
    """A state in force, its own origin subject, and when it was entered."""

    id: UUID
    subject: UUID
    entered_at: datetime


def projected(row: str) -> str:
    """SQL: some consent or subscription in this row of ``subject_state`` may stand for another origin subject's."""
    return (
        f"(jsonb_path_exists({row}.consents, 'strict $.* ? (@.size() == {_PROJECTED})') or {row}.separate is not null"
        f" or {row}.subscriptions is not null)"
    )


def unite_states(connection: Connection[Any], customers: Sequence[UUID]) -> None:
    """Let the states of any origin subject of these customers act on all of them."""
    if customers:
        connection.execute(_UNITE, (list(customers),))


def states_in_force(connection: Connection[Any], subjects: Sequence[UUID]) -> list[State]:
    """The states in force that were entered on these origin subjects."""
    if not subjects:
        return []
    rows = connection.execute(
        f"select e.id, e.subject, e.since from govern_stateentry e where e.subject = any (%s) and {_IN_FORCE}",
        (list(subjects),),
    ).fetchall()
    return [State(row[0], row[1], _entered(row[0], row[2])) for row in rows]


def _entered(id: UUID, since: datetime) -> datetime:
    """An id carries the time it was made; ``since`` can lie before the day somebody entered it."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC) if id.version == _V7 else since


def carry_states(
    connection: Connection[Any],
    states: Sequence[State],
    reached: Mapping[UUID, set[UUID]],
    new_id: Callable[[], UUID],
) -> None:
    """After customers were divided: each part keeps the states that were entered when it belonged to them.

    Such a part gets a row of its own (without the reason, which is sealed for the other), so that it can be lifted there.

    Args:
        reached: for each state, the origin subjects that were one customer with its own when it was entered.
    """
    subjects = sorted({state.subject for state in states}.union(*(reached[state.id] for state in states)))
    customer_of: dict[UUID, UUID] = dict(
        connection.execute(
            "select subject, customer from subject_state where subject = any (%s)", (subjects,)
        ).fetchall()
    )
    for state in states:
        parts = {customer_of[subject] for subject in reached[state.id] if subject in customer_of}
        for part in sorted(parts - {customer_of.get(state.subject)}):
            connection.execute(_COPY, {"id": new_id(), "subject": part, "state": state.id})
    connection.execute(_PROJECT, (subjects,))


def take_back_consents(connection: Connection[Any], subjects: Sequence[UUID]) -> None:
    """Where a consent stands for an origin subject that left the certain part, what it covered counts again."""
    if subjects:
        connection.execute(_TAKE_BACK, {"subjects": list(subjects)})
