"""An answer of the review queue taken back, with what has to follow where it had made two customers one meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kehu.govern.parts import part_of, retried
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.together import shown_together
from kehu.guard.staff.models import Staff
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review.answers import TakenBack
from kehu.serve.rights.incidents import wrong_merge


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, and the incident where somebody had seen both as one meanwhile."""

    taken: TakenBack
    incident: UUID | None


def take_back(*, actor: Actor, language: str = "en") -> Undone:
    """Take back one's own newest answer. A merge is parted exactly; whoever was shown both meanwhile is an incident.

    Raises:
        ActRefused: the role may not.
        NothingToTakeBack: none of theirs of the last day stands, or (SettledMeanwhile) the newest one's question is gone.
        AnsweredMeanwhile: somebody else answered the same question after them.
    """

    def work() -> Undone:
        taken = review.take_back(actor=actor)
        if taken.since is None:
            return Undone(taken, None)
        sides = part_of(taken.older, whole=True), part_of(taken.younger, whole=True)
        seen = shown_together(*sides, since=taken.since)
        # the same report as of a merge that is parted otherwise
        entered = (
            wrong_merge.enter_wrong_merge(seen, (taken.older, taken.younger), sides, actor, language) if seen else None
        )
        return Undone(taken, entered)

    return retried(work)


def name_of(staff: UUID) -> str:
    """How colleagues know somebody: by their name, or by the part of their address before the @."""
    held = Staff.objects.filter(id=staff).first()
    return (held.name or held.email.partition("@")[0]) if held else "—"


def names_of(staff: set[UUID]) -> dict[UUID, str]:
    """How colleagues know these."""
    return {one.id: one.name or one.email.partition("@")[0] for one in Staff.objects.filter(id__in=staff)}
