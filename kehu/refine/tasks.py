"""Linkage as a job: deferred after an import, one at a time, several wishes are one."""

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
    """Run linkage of what is new for whoever brought it in, as the ledger then says."""
    from kehu.refine.resolve.runs import resolve  # every process loads this module; few link

    resolve(actor=_actor_for(UUID(human)), everything=False)


def defer_linkage(human: UUID) -> None:
    """Have what is new linked; one run that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        link.defer(human=str(human))


def _actor_for(human: UUID) -> Actor:
    """Their own standing; the home's owner's, where they have left since or do other work now."""
    staff = Staff.objects.filter(id=human, is_active=True).first()
    return actor_of(staff.email) if staff and staff.role in ACTS["link"] else owner_actor()
