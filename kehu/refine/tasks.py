"""Linkage as a job: deferred after an import, one at a time, several wishes are one."""

from __future__ import annotations

import contextlib
import dataclasses
from uuid import UUID

from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from kehu.guard.staff.actions import owner_actor
from kehu.refine.resolve.runs import resolve


@app.task(name="refine:link", lock="linkage", queueing_lock="linkage")
def link(human: str) -> None:
    """Run linkage of what is new, for the home's owner; the ledger names the ``human`` who brought the new records in."""
    resolve(actor=dataclasses.replace(owner_actor(), human=UUID(human)), everything=False)


def defer_linkage(human: UUID) -> None:
    """Have what is new linked; one run that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        link.defer(human=str(human))
