"""The review queue decided by people: a proposal accepted or rejected, a wrong merge undone.

What somebody decided stands: a rejected pair is never proposed again nor joined by linkage, by whatever chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.govern.consent import UnknownSubject, retried
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.refine.models import ACCEPTED, OPEN, REJECTED
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve import queue
from kehu.refine.resolve.opening import PURPOSE
from kehu.vault import assignment
from kehu.vault.assignment import CONFIRMED, PROBABLE, WHY
from kehu.vault.ids import new_id


class UnknownProposal(LookupError):
    """No such proposal waits: decided, settled by itself, or never there."""


class NotOneCustomer(LookupError):
    """These two are not one customer, so there is no merge to undo."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question: are these two customers one? ``weight`` in bits: 0 is even odds of the model, 10 is a thousand to one.

    ``older`` and ``younger`` are the customers as they are now; opening them goes through the gate like any read.
    """

    id: UUID
    older: UUID
    younger: UUID
    weight: float
    found_at: datetime


def open_proposals(*, limit: int = 100, after: tuple[float, UUID] | None = None) -> list[Proposal]:
    """What waits, surest first.

    Args:
        after: weight and id of the last one of the page before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select p.id, a.customer, b.customer, p.weight, p.found_at from refine_proposal p"
            " join subject_state a on a.subject = p.older join subject_state b on b.subject = p.younger"
            " where p.state = 'open' and a.customer <> b.customer and not a.hidden and not b.hidden"
            " and (%s::float8 is null or (-p.weight, p.id) > (-%s::float8, %s::uuid))"
            " order by -p.weight, p.id limit %s",
            [*((after[0], after[0], after[1]) if after else (None, None, None)), limit],
        )
        return [Proposal(*row) for row in cursor.fetchall()]


def accept(proposal: UUID, *, actor: Actor) -> UUID:
    """The two are one customer: join them for certain; returns that customer.

    Raises:
        ActRefused: the role may not.
        UnknownProposal: it does not wait.
    """
    require_act("review", actor)

    def work() -> UUID:
        row = _take(proposal)
        assignment.assign(
            _raw(), [(row.older, row.younger)], certainty=CONFIRMED, why=WHY["review"], run=None, by=actor.staff
        )
        customer = _customer(row.older)
        if _customer(row.younger) != customer:  # one of them was erased meanwhile
            raise UnknownProposal(str(proposal))
        _decide(row, ACCEPTED, actor)
        record_act("review", customer, actor=actor, purpose=PURPOSES[PURPOSE], detail=row.id)
        return customer

    return retried(work)


def reject(proposal: UUID, *, actor: Actor) -> None:
    """The two are two customers, now and for good.

    Raises:
        ActRefused: the role may not.
        UnknownProposal: it does not wait.
    """
    require_act("review", actor)

    def work() -> None:
        row = _take(proposal)
        _decide(row, REJECTED, actor)
        for subject in (row.older, row.younger):
            record_act("review", subject, actor=actor, purpose=PURPOSES[PURPOSE], detail=row.id)

    retried(work)


def undo(subject: UUID, other: UUID, *, actor: Actor) -> datetime:
    """A wrong merge: part these two origin subjects of one customer, and keep them apart; returns since when they were one.

    Takes back what joins the two directly; then, if a chain still does, every probable link of ``other``'s certain part;
    and then every link of ``other`` itself. Consents given while merged go back to whom they were given by.

    Acts in the caller's transaction, for whoever saw one of them meanwhile was shown the other:
    :mod:`kehu.serve.rights.wrong_merge` looks and opens the incident in the same transaction.

    Raises:
        ActRefused: the role may not.
        UnknownSubject: one of them is not here.
        NotOneCustomer: they are two already.
    """
    require_act("review", actor)
    assignment.lock(_raw())
    since = assignment.joined_since(_raw(), subject, other)
    if subject == other or _customer(subject) != _customer(other) or since is None:
        raise NotOneCustomer(str(other))
    record_act("undo", subject, actor=actor, purpose=PURPOSES[PURPOSE])  # commits to all who were one until now
    steps: tuple[Callable[[], object], ...] = (
        lambda: assignment.unassign(_raw(), [(subject, other)], run=None, by=actor.staff),
        lambda: assignment.unassign(_raw(), _probable_links(other), run=None, by=actor.staff),
        lambda: assignment.detach(_raw(), [other], by=actor.staff),
    )
    for step in steps:
        step()
        if _customer(subject) != _customer(other):
            break
    pair = queue.Pair.of(subject, other, 0.0)
    row, _ = Row.objects.get_or_create(older=pair.older, younger=pair.younger, defaults={"id": new_id()})
    _decide(row, REJECTED, actor)
    return since


def undo_run(run: UUID, *, actor: Actor) -> int:
    """Take a whole run of linkage back; returns how many links stood. What people confirmed stays.

    Raises:
        ActRefused: the role may not.
    """
    require_act("review", actor)

    def work() -> int:
        gone = assignment.unassign_run(_raw(), run, by=actor.staff)
        record_act("undo", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=run)
        return gone

    return retried(work)


def _probable_links(subject: UUID) -> list[tuple[UUID, UUID]]:
    """Links that join the subject's certain part to the rest of its customer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.subject from subject_state s where (s.customer, s.core) ="
            " (select n.customer, n.core from subject_state n where n.subject = %s)",
            [subject],
        )
        part = {row[0] for row in cursor.fetchall()}
    links = assignment.standing_links(_raw(), part)
    return [
        (link.older, link.younger)
        for link in links
        if link.certainty == PROBABLE and not {link.older, link.younger} <= part
    ]


def _take(proposal: UUID) -> Row:
    assignment.lock(_raw())
    row = Row.objects.select_for_update().filter(id=proposal, state=OPEN).first()
    if row is None:
        raise UnknownProposal(str(proposal))
    return row


def _decide(row: Row, state: str, actor: Actor) -> None:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor.staff
    row.save()


def _customer(subject: UUID) -> UUID:
    found = queue.customers_by_origin([subject])
    if subject not in found:
        raise UnknownSubject(str(subject))
    return found[subject]


def _raw() -> Any:
    connection.ensure_connection()
    return connection.connection
