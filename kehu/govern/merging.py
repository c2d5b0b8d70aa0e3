"""What policies read of a customer when origin subjects become one customer, or two again.

Called by the log of links (:mod:`kehu.vault.assignment`), in its transaction, with the rows already locked.

States act on all origin subjects of a customer. Entered before a merge they act on the others only while it stands;
entered while merged they stay with all for ever; one that somebody lifts is lifted for all of them while it stands, and for those
alone who stay with whom it was lifted under. What a consent given while merged does is in :mod:`kehu.govern.parting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

_COVERS: Final = 6  # entries of a consent that stands for another origin subject's
_OVER: Final = 5  # entries of a word that is another's, or that came over another's

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
        left join subject_state m on m.customer = t.customer
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
insert into govern_stateentry (id, subject, kind, purpose, categories, since, until, by, entered_at)
select %(id)s, %(subject)s, kind, purpose, categories, since, until, by, entered_at from govern_stateentry
where id = %(state)s
"""

_AGAIN = (
    "update govern_stateentry set ended_at = null, lifted_under = null, lifted_because = null, told = '' where id = %s"
)


@dataclass(frozen=True, slots=True)
class State:
    """A state in force, or one that somebody lifted under an origin subject; when it was put down."""

    id: UUID
    subject: UUID
    entered_at: datetime
    ended_at: datetime | None
    lifted_under: UUID | None


def projected(row: str) -> str:
    """SQL: some word in this row of ``subject_state`` may stand for another origin subject's, or is set aside for one."""
    return (
        f"(jsonb_path_exists({row}.consents, 'strict $.* ? (@.size() == {_COVERS} || @.size() == {_OVER})')"
        f" or {row}.separate is not null or {row}.subscriptions is not null or {row}.lifted is not null or {row}.guardian)"
    )


def unite_states(connection: Connection[Any], customers: Sequence[UUID]) -> None:
    """Let the states of any origin subject of these customers act on all of them."""
    if customers:
        connection.execute(_UNITE, (list(customers),))


def states_to_part(connection: Connection[Any], subjects: Sequence[UUID]) -> list[State]:
    """The states of these origin subjects that an un-merge has to look at: in force, or lifted by somebody."""
    if not subjects:
        return []
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "select e.id, e.subject, e.entered_at, e.ended_at, e.lifted_under from govern_stateentry e"
            " where e.subject = any (%b::uuid[]) and (e.ended_at is null or e.lifted_under is not null)"
            " and (e.until is null or e.until > clock_timestamp()) order by e.id",
            (list(subjects),),
        )
        return [State(*row) for row in cursor.fetchall()]


def part_states(
    connection: Connection[Any],
    states: Sequence[State],
    together: Mapping[UUID, Mapping[UUID, datetime]],
    new_id: Callable[[], UUID],
) -> None:
    """After customers were divided: each part keeps the states that were put down when it belonged to them.

    Such a part gets a row of its own (without the reason, which is sealed for the other), so that it can be lifted there. What
    was lifted under one part stands on the others again: a word that lets more happen is its speaker's alone.

    Args:
        together: for each origin subject with such a state, who was one customer with it until now, and since when.
    """
    if not states:
        return
    subjects = sorted({state.subject for state in states}.union(*together.values()))
    customer_of: dict[UUID, UUID] = dict(
        connection.execute(
            "select subject, customer from subject_state where subject = any (%s)", (subjects,)
        ).fetchall()
    )
    for state in states:
        since, under = together[state.subject], state.lifted_under
        own = customer_of.get(state.subject)
        lifted = None
        if under is not None and state.ended_at is not None:
            if under != state.subject and since.get(under, state.ended_at) >= state.ended_at:
                continue  # lifted when they were one before, and parted since
            lifted = customer_of.get(under)
            if own is not None and own != lifted:
                connection.execute(_AGAIN, (state.id,))
        reached = [one for one, joined in since.items() if joined <= state.entered_at]
        parts: dict[UUID, UUID] = {}
        for one in sorted(reached):
            if one in customer_of:
                parts.setdefault(customer_of[one], one)
        for part, subject in parts.items():
            if part not in (own, lifted):
                connection.execute(_COPY, {"id": new_id(), "subject": subject, "state": state.id})
    connection.execute(_PROJECT, (subjects,))
