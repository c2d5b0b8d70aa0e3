"""Linkage as jobs: what came is linked after an import or a message, one job at a time, several wishes are one.

A wish that comes while a job runs waits as a job of its own; one that comes while one waits is that one's, for it has not
looked yet. What a job that died has not linked the next one finds, for it looks at all that the last finished run has not
seen.
"""

from __future__ import annotations

import contextlib
from uuid import UUID

from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff


@app.task(name="refine:link", lock="linkage", queueing_lock="linkage")
def link(human: str) -> None:
    """Link what is new for whoever brought it in, as the ledger then says; what that touched is grouped anew next."""
    from kehu.refine.resolve.regroup import touched  # every process loads this module; few link
    from kehu.refine.resolve.runs import resolve

    run = resolve(actor=_actor_for(UUID(human)), everything=False, counted=False)
    if touched(run.id):
        regroup.defer(run=str(run.id), human=human)


@app.task(name="refine:regroup", lock="regroup")
def regroup(run: str, human: str) -> None:
    """Group anew what a run of what was new touched."""
    from kehu.refine.resolve.regroup import regroup as work

    work(UUID(run), actor=_actor_for(UUID(human)))


@app.task(name="refine:weigh", lock="weighing")
def weigh(version: str, human: str) -> None:
    """Compare weights that were learned with those in force; where next to nothing changes they come in force."""
    from kehu.refine.resolve.weighing import compare
    from kehu.refine.resolve.weights import UnknownWeights, put_in_force_by_itself

    actor = _actor_for(UUID(human))
    with contextlib.suppress(UnknownWeights):  # another version came in force, or was learned, meanwhile
        put_in_force_by_itself(compare(UUID(version), actor=actor).id, actor=actor)


def defer_weighing(version: UUID, human: UUID) -> None:
    """Have a version of weights compared with the one in force."""
    weigh.defer(version=str(version), human=str(human))


def defer_linkage(human: UUID) -> None:
    """Have what is new linked; one run that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        link.defer(human=str(human))


def _actor_for(human: UUID) -> Actor:
    """Their own standing; the home's owner's, where they have left since or do other work now."""
    staff = Staff.objects.filter(id=human, is_active=True).first()
    return actor_of(staff.email) if staff and staff.role in ACTS["link"] else owner_actor()
