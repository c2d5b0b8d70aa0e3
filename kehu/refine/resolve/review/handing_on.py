"""A "no" outlives the record it was said of: when that one's import is taken back, it is handed to others of the same customer.

Whoever said that two are two customers had both of them before their eyes, not two records. The question it was said to goes
with its record, thirty days later; so a question decided alike is kept for whoever stays. It follows the first: it ends when
that answer is taken back, and with the erasure of either customer, as every question does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.refine.resolve.review import queue
from kehu.vault.ids import in_order, new_ids

_SAID: Final = """
select p.id, p.older, p.younger from refine_proposal p
where p.state = 'rejected' and (p.older = any (%(leaving)s) or p.younger = any (%(leaving)s))
order by p.id
"""
_STAY: Final = """
select s.subject, m.subject from subject_state s join subject_state m on m.customer = s.customer
where s.subject = any (%s) and not m.hidden order by 1, 2
"""
_HAND_ON: Final = """
insert into refine_proposal (id, older, younger, weight, state, run, found_at, decided_at, decided_by, follows)
select n.id, n.older, n.younger, p.weight, 'rejected', p.run, p.found_at, p.decided_at, p.decided_by, coalesce(p.follows, p.id)
from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[]) as n (id, older, younger, said)
    join refine_proposal p on p.id = n.said
on conflict (older, younger) do nothing
"""


@dataclass(frozen=True, slots=True)
class No:
    """That two are two customers; ``sides``: who of each is here still, the record it was said of first if it is."""

    id: UUID
    sides: tuple[Sequence[UUID], Sequence[UUID]]


def said_of(leaving: Iterable[UUID]) -> list[No]:
    """What was said of records that are hidden and not parted from their customers yet; the log of links is locked."""
    named = in_order(leaving)
    with connection.cursor() as cursor:
        cursor.execute(_SAID, {"leaving": named})
        said = cursor.fetchall()
        if not said:
            return []
        ends = in_order({end for _, *pair in said for end in pair})
        cursor.execute(_STAY, [ends])
        stay: dict[UUID, list[UUID]] = {}
        for end, other in cursor.fetchall():
            stay.setdefault(end, []).append(other)
    queue.settle(of=ends)  # what waits of them is answered by it as long as they are one customer
    return [No(id, (_heirs(older, stay), _heirs(younger, stay))) for id, older, younger in said]


def hand_on(said: Sequence[No]) -> None:
    """Say it of whoever stayed, after the parting: one record of each customer that they are now."""
    customer_of = queue.customers_by_origin({one for no in said for side in no.sides for one in side})
    pairs = {
        (min(one, other), max(one, other)): no.id
        for no in said
        for one in _one_each(no.sides[0], customer_of)
        for other in _one_each(no.sides[1], customer_of)
        if customer_of[one] != customer_of[other]
    }
    if not pairs:
        return
    ids = [UUID(bytes=id) for id in new_ids(len(pairs))]
    older, younger = ([pair[end] for pair in pairs] for end in (0, 1))
    with connection.cursor() as cursor:
        cursor.execute(_HAND_ON, [ids, older, younger, list(pairs.values())])


def _heirs(end: UUID, stay: dict[UUID, list[UUID]]) -> list[UUID]:
    found = stay.get(end, [])
    return [end] if end in found else found


def _one_each(side: Sequence[UUID], customer_of: dict[UUID, UUID]) -> list[UUID]:
    return list({customer_of[one]: one for one in reversed(side)}.values())
