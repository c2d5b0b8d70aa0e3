"""The review queue answered by people: what one says, who is asked next, what is decided, and how it is taken back.

What was decided stands: a rejected pair is never proposed again nor joined by linkage, by whatever chain. An answer can
be taken back by whoever gave it, as long as it is the last one to its question: then all is as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.govern.parts import UnknownSubject, part_of, retried
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ActRefused, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.ledger.record import record_act
from kehu.refine.models import ACCEPTED, NO, PRIVACY, REJECTED, UNSURE, WAITING, YES, Answer, LinkageRun
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve.opening import KIND_NUMBERS, PURPOSE, Group
from kehu.refine.resolve.review import queue
from kehu.refine.resolve.review.labels import odds
from kehu.refine.resolve.review.votes import stands_alone, state_after
from kehu.refine.resolve.review.waiting import PRIVACY_ROLES, Proposal, open_proposals
from kehu.refine.resolve.review.worth import revalue
from kehu.refine.resolve.weights import weighed_by
from kehu.vault import assignment
from kehu.vault.assignment import CONFIRMED, WHY
from kehu.vault.ids import new_id
from kehu.vault.parted import Together

__all__ = [
    "AnsweredMeanwhile", "MayNotBeJoined", "MustDecide", "NotOneCustomer", "NothingToTakeBack", "Outcome", "Proposal",
    "SettledMeanwhile", "TakenBack", "UnknownProposal", "UnknownRun", "accept", "answer", "answered", "open_proposals",
    "reject", "take_back", "undo", "undo_run",
]  # fmt: skip

TAKEN_BACK_FOR: Final = timedelta(days=1)
"""An older answer is corrected by a merge undone, which keeps the two apart for good."""
_LINKS_AT_ONCE: Final = 500
Evidence = Mapping[str, Sequence[Any]]


class UnknownProposal(LookupError):
    """No such proposal waits: settled by itself, or never there."""


class UnknownRun(LookupError):
    """No run of linkage of that id is over."""


class AnsweredMeanwhile(Exception):
    """Somebody else said something to this question since it was shown; ``by`` and ``at`` say who and when."""

    def __init__(self, by: UUID, at: datetime) -> None:
        super().__init__("answered meanwhile")
        self.by = by
        self.at = at


class MustDecide(ValueError):
    """Three people did not settle it, so whoever does says yes or no."""


class MayNotBeJoined(ValueError):
    """One objects to linkage or is restricted, or somebody found that two of theirs are two customers."""


class NothingToTakeBack(LookupError):
    """Nothing of theirs can be taken back any more: too long ago, or none."""


class SettledMeanwhile(NothingToTakeBack):
    """What they said last was settled otherwise since, or is about somebody who is gone; an older answer is not meant."""


class NotOneCustomer(LookupError):
    """These two are not one customer, so there is no merge to undo."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an answer. ``customer``: of a merge; ``repeated``: it had been given already, by the same person."""

    proposal: UUID
    verdict: str
    state: str
    customer: UUID | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An answer that counts no more. ``since``: when it had made the two one; None where it had not."""

    proposal: UUID
    verdict: str
    older: UUID
    younger: UUID
    since: datetime | None


def answer(
    proposal: UUID,
    verdict: str,
    *,
    actor: Actor,
    sure: bool = True,
    round: int | None = None,
    evidence: Evidence | None = None,
) -> Outcome:
    """Say whether the two are one: ``yes``, ``no`` or ``unsure``. A low-confidence answer asks another person first.

    Args:
        sure: False asks a second person, whatever the verdict.
        round: which answer was wanted when the question was shown; None: whichever is.
        evidence: degrees of agreement and their bits at the time, no values.
    Raises:
        ActRefused: the role may not, or may not settle for others.
        UnknownProposal: it does not wait.
        AnsweredMeanwhile: somebody else answered it since.
        MustDecide: unsure, where others were.
        MayNotBeJoined: one objects to linkage or is restricted, or they were found to be two by a chain.
        ValueError: no such verdict.
    """
    require_act("review", actor)
    require_standing(actor)
    if verdict not in (YES, NO, UNSURE):
        raise ValueError("verdict: yes, no or unsure")
    read = odds()

    def work() -> Outcome:
        row, said = _taken(proposal)
        mine = next((one for one in said if one.by == actor.human), None)
        if mine is not None and mine.verdict == verdict and round in (None, mine.round):
            return Outcome(row.id, verdict, row.state, _one_of(row), repeated=True)  # the key was pressed twice
        _still_wanted(row, said, mine, round)
        if len(set(queue.customers_by_origin((row.older, row.younger)).values())) < 2:
            raise UnknownProposal(str(row.id))  # they became one meanwhile, or one of them is gone
        if row.state == PRIVACY and actor.role not in PRIVACY_ROLES:
            raise ActRefused("review", actor.role)
        if row.state == PRIVACY and verdict == UNSURE:
            raise MustDecide
        alone = stands_alone(verdict, sure=sure, probability=read.of(row.weight))
        state = state_after([*((one.verdict, one.sure) for one in said), (verdict, alone)])
        group = _group(row.older)
        by = weighed_by(group, row.run)  # not what is in force: the queue keeps its weights until a run weighs anew
        made = Answer(
            id=new_id(), proposal=row.id, round=len(said) + 1, verdict=verdict, sure=alone, by=actor.human, weight=row.weight,
            controller=group.controller, kind=KIND_NUMBERS[group.kind],
            evidence={name: list(degree) for name, degree in (evidence or {}).items()}, weights=by.id if by else None,
            decided=state not in WAITING,
        )  # fmt: skip
        made.save(force_insert=True)
        customer = _carry_out(row, state, actor)
        return Outcome(row.id, verdict, state, customer)

    return retried(work)


def accept(proposal: UUID, *, actor: Actor) -> UUID | None:
    """The two are one customer: joined for certain, if nobody else need say so; returns that customer.

    Raises:
        as :func:`answer`.
    """
    return answer(proposal, YES, actor=actor).customer


def reject(proposal: UUID, *, actor: Actor) -> None:
    """The two are two customers, now and for good, if nobody else need say so.

    Raises:
        as :func:`answer`.
    """
    answer(proposal, NO, actor=actor)


def take_back(*, actor: Actor) -> TakenBack:
    """Take back one's own newest answer: an accepted merge is parted exactly, a rejection counts no more.

    Acts in the caller's transaction, as :func:`undo` does and for the same reason.

    Raises:
        ActRefused: the role may not.
        NothingToTakeBack: none of theirs of the last day stands.
        SettledMeanwhile: the newest one's question is gone.
        AnsweredMeanwhile: somebody else answered the same question after them.
    """
    require_act("review", actor)
    require_standing(actor)
    assignment.lock(_raw())
    mine = (
        Answer.objects.filter(by=actor.human, withdrawn_at=None)
        .filter(at__gte=timezone.now() - TAKEN_BACK_FOR)
        .order_by("-at")
        .first()
    )
    if mine is None:
        raise NothingToTakeBack
    if mine.proposal is None:
        raise SettledMeanwhile
    row = Row.objects.select_for_update().get(id=mine.proposal)
    said = _live(row.id)
    if said[-1].id != mine.id:
        raise AnsweredMeanwhile(said[-1].by, said[-1].at)
    since = assignment.joined_since(_raw(), row.older, row.younger) if row.state == ACCEPTED else None
    for subject in (row.older,) if since else (row.older, row.younger):
        record_act("undo", subject, actor=actor, purpose=PURPOSES[PURPOSE], detail=row.id)
    if since:
        # what joins them besides (an exact key that came since) is not this answer's
        assignment.unassign(_raw(), [(row.older, row.younger)], run=None, by=actor.staff, certainty=CONFIRMED)
        since = since if _customer(row.older) != _customer(row.younger) else None
    Answer.objects.filter(id=mine.id).update(withdrawn_at=timezone.now(), decided=False)
    row.state = state_after([(one.verdict, one.sure) for one in said[:-1]])
    row.decided_at = row.decided_by = None
    row.save()
    Row.objects.filter(follows=row.id).delete()  # what was said of these records was said of others since
    queue.settle(of=(row.older, row.younger))  # of other records of theirs it may be decided by now
    revalue(only=[row.id])
    return TakenBack(row.id, mine.verdict, row.older, row.younger, since)


def undo(subject: UUID, other: UUID, *, actor: Actor) -> datetime:
    """A wrong merge: part these two origin subjects of one customer, and keep them apart; returns since when they were one.

    Takes back what joins the two directly; then, if a chain still does, the probable links by which ``other``'s certain part
    hangs together with ``subject``, unless that is of it; and then such links of ``other`` itself. Who holds to ``other``
    alone goes with it. Consents given while merged go back to whom they were given by.

    Acts in the caller's transaction, for whoever saw one of them meanwhile was shown the other:
    :mod:`kehu.serve.rights.incidents.wrong_merge` looks and opens the incident in the same transaction.

    Raises:
        ActRefused: the role may not.
        UnknownSubject: one of them is not here.
        NotOneCustomer: they are two already.
    """
    require_act("review", actor)
    require_standing(actor)
    assignment.lock(_raw())
    since = assignment.joined_since(_raw(), subject, other)
    if subject == other or _customer(subject) != _customer(other) or since is None:
        raise NotOneCustomer(str(other))
    record_act("undo", subject, actor=actor, purpose=PURPOSES[PURPOSE])  # commits to all who were one until now
    steps: tuple[Callable[[], list[tuple[UUID, UUID]]], ...] = (
        lambda: [(subject, other)],
        lambda: _links_towards(subject, part=set(part_of(other, whole=False))),
        lambda: _links_towards(subject, part={other}),
    )
    for links in steps:
        assignment.unassign(_raw(), links(), run=None, by=actor.staff)
        if _customer(subject) != _customer(other):
            break
    pair = queue.Pair.of(subject, other, 0.0)
    row, _ = Row.objects.get_or_create(older=pair.older, younger=pair.younger, defaults={"id": new_id()})
    _decide(row, REJECTED, actor)
    # whoever had said that they are one was wrong: that teaches nothing any more
    Answer.objects.filter(proposal=row.id, withdrawn_at=None).update(withdrawn_at=timezone.now(), decided=False)
    return since


def undo_run(
    run: UUID, *, actor: Actor, parted: Callable[[Together], list[UUID]] = lambda _: []
) -> tuple[int, list[UUID]]:
    """Take a whole run of linkage back, some customers a transaction; asked again it goes on where it broke off.

    What people confirmed stays.

    Args:
        parted: is given each customer that came apart, in the transaction that parts them.
    Returns:
        how many links stood, and all that ``parted`` returned.
    Raises:
        ActRefused: the role may not.
        UnknownRun: none of that id is over.
    """
    require_act("undo-run", actor)
    require_standing(actor)
    if not LinkageRun.objects.filter(id=run).exclude(state="running").exists():  # an import is taken back otherwise
        raise UnknownRun(str(run))

    def begun() -> None:
        LinkageRun.objects.filter(id=run, undone_at=None).update(undone_at=timezone.now())
        record_act("undo", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=run)

    retried(begun)
    gone, made = 0, list[UUID]()
    for share in _shares(assignment.links_of_run(_raw(), run)):
        taken, told = retried(partial(_take_back_share, share, run, actor, parted))
        gone, made = gone + taken, made + told
    return gone, made


def _shares(links: Iterable[list[assignment.Link]]) -> Iterator[list[assignment.Link]]:
    """Links of whole customers, at least some hundreds at a time, so that no transaction lasts long."""
    share: list[assignment.Link] = []
    for one in links:
        share += one
        if len(share) >= _LINKS_AT_ONCE:
            yield share
            share = []
    if share:
        yield share


def _take_back_share(
    share: Sequence[assignment.Link], run: UUID, actor: Actor, parted: Callable[[Together], list[UUID]]
) -> tuple[int, list[UUID]]:
    assignment.lock(_raw())
    pairs = [(link.older, link.younger) for link in share]
    links = [link for link in assignment.standing_links(_raw(), {end for pair in pairs for end in pair})
             if link.run == run]  # fmt: skip
    was = assignment.held_by(_raw(), links)
    gone = assignment.unassign(_raw(), pairs, run=run, by=actor.staff)
    return gone, [made for together in was for made in parted(together)]


def answered(proposal: UUID, *, by: UUID) -> bool:
    """Whether a live answer to this question is theirs."""
    return Answer.objects.filter(proposal=proposal, by=by, withdrawn_at=None).exists()


def _links_towards(subject: UUID, *, part: set[UUID]) -> list[tuple[UUID, UUID]]:
    """Links by which a part of a customer hangs together with a subject of it; none where that is of the part itself."""
    if subject in part:
        return []
    links = [(link.older, link.younger) for link in assignment.standing_links(_raw(), part_of(subject, whole=True))]
    without = queue.Union({})
    for one, other in links:
        if one not in part and other not in part:
            without.join(one, other)
    return [
        (one, other)
        for one, other in links
        if (one in part) != (other in part) and without.root(other if one in part else one) == without.root(subject)
    ]


def _taken(proposal: UUID) -> tuple[Row, list[Answer]]:
    """The question and its live answers in their order, nobody else's until the transaction ends."""
    assignment.lock(_raw())
    row = Row.objects.select_for_update().filter(id=proposal).first()
    if row is None:
        raise UnknownProposal(str(proposal))
    return row, _live(proposal)


def _live(proposal: UUID) -> list[Answer]:
    return list(Answer.objects.filter(proposal=proposal, withdrawn_at=None).order_by("round"))


def _still_wanted(row: Row, said: Sequence[Answer], mine: Answer | None, round: int | None) -> None:
    """Let on an answer to what was asked."""
    changed = row.state not in WAITING or round not in (None, len(said) + 1)
    last = said[-1] if said else None
    if last is not None and last.by != (mine.by if mine else None) and (changed or mine is not None):
        raise AnsweredMeanwhile(last.by, last.at)
    if changed or mine is not None:  # decided without an answer, or they said something else themselves
        raise UnknownProposal(str(row.id))


def _carry_out(row: Row, state: str, actor: Actor) -> UUID | None:
    """Write what was decided, or who is asked next; returns the customer that the two became."""
    customer = None
    if state == ACCEPTED:
        barred = assignment.assign(
            _raw(), [(row.older, row.younger)], certainty=CONFIRMED, why=WHY["review"], run=None, by=actor.staff
        )
        if barred:
            raise MayNotBeJoined(str(row.id))
        customer = _customer(row.older)
        if _customer(row.younger) != customer:  # one of them was erased meanwhile
            raise UnknownProposal(str(row.id))
    if state in WAITING:
        row.state = state
        row.save()
    else:
        _decide(row, state, actor)
    for subject in (row.older,) if customer else (row.older, row.younger):
        record_act("review", subject, actor=actor, purpose=PURPOSES[PURPOSE], detail=row.id)
    return customer


def _group(subject: UUID) -> Group:
    """Whose customers, and of which kind: weights are learned for each apart."""
    with connection.cursor() as cursor:
        cursor.execute("select controller, kind from subject_state where subject = %s", [subject])
        found = cursor.fetchone()
    if found is None:
        raise UnknownSubject(str(subject))
    return Group(found[0], "person" if found[1] == KIND_NUMBERS["person"] else "organisation")


def _one_of(row: Row) -> UUID | None:
    return _customer(row.older) if row.state == ACCEPTED else None


def _decide(row: Row, state: str, actor: Actor) -> None:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor.staff
    row.save()
    queue.settle(of=(row.older, row.younger))  # the same may wait of other records of these two


def _customer(subject: UUID) -> UUID:
    found = queue.customers_by_origin([subject])
    if subject not in found:
        raise UnknownSubject(str(subject))
    return found[subject]


def _raw() -> Any:
    connection.ensure_connection()
    return connection.connection
