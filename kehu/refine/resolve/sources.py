"""Which record of a channel belongs to which customer: the channel's own ids, opened through the gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from kehu.govern.models import Channel
from kehu.govern.slugs import RECORD_KINDS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import gate
from kehu.refine.resolve.opening import PURPOSE
from kehu.refine.resolve.review import queue

_FIELD = "external_id"
_PROFILES = (RECORD_KINDS["person"], RECORD_KINDS["organisation"])


class UnknownChannel(LookupError):
    """There is no channel of that name."""


@dataclass(frozen=True, slots=True)
class Source:
    """A channel's record and the customer it belongs to."""

    external_id: str
    subject: UUID


def sources(channel: str, *, actor: Actor, with_proposals: bool = False) -> Iterator[Source]:
    """The records of a channel that have an id of their own there, by customer.

    Customers whom the gate denies for this (restricted, objecting to linkage) are left out.

    Args:
        with_proposals: as if every open proposal were accepted.
    Raises:
        ActRefused: the role may not.
        UnknownChannel: no such channel.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    require_act("sources", actor)
    row = Channel.objects.filter(name=channel).first()
    if row is None:
        raise UnknownChannel(channel)
    return _listed(row.id, actor, _joined() if with_proposals else queue.Union({}, ()))


def _listed(channel: int, actor: Actor, union: queue.Union) -> Iterator[Source]:
    told: set[tuple[UUID, str]] = set()
    for chunk in gate().stream(
        _customers(channel), actor=actor, purpose=PURPOSE, fields=(_FIELD,), use="sources", kinds=_PROFILES
    ):
        for opened in chunk:
            told.clear()
            for one in opened.contributions:
                own = one.normal or one.given
                if one.answer == "clear" and one.channel == channel and own and (one.subject, own) not in told:
                    told.add((one.subject, own))
                    yield Source(own, union.root(opened.customer))


def _customers(channel: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct s.customer from record r join subject_state s using (subject)"
            " where r.channel = %s and r.kind = any (%s) and not r.hidden and not s.hidden order by 1",
            [channel, list(_PROFILES)],
        )
        return [row[0] for row in cursor.fetchall()]


def _joined() -> queue.Union:
    pairs = queue.open_pairs()
    union = queue.Union(queue.customers_by_origin(end for pair in pairs for end in pair), queue.decided_apart())
    for pair in pairs:
        union.join(*pair)
    return union
