"""A scan as a job: when somebody asks; several wishes are one."""

from __future__ import annotations

import contextlib
from uuid import UUID

from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from kehu.guard.gate.acts import ACTS
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff


@app.task(name="classify:scan", lock="classify_scan", queueing_lock="classify_scan")
def scan(human: str) -> None:
    """Scan for whoever asked, as the ledger then says; for the home's owner where they have left since."""
    from kehu.refine.classify.scanning import ScanRuns  # every process loads this module; few scan
    from kehu.refine.classify.scanning import scan as look

    staff = Staff.objects.filter(id=UUID(human), is_active=True).first()
    with contextlib.suppress(ScanRuns):
        look(actor=actor_of(staff.email) if staff and staff.role in ACTS["classify"] else owner_actor())


def defer_scan(human: UUID) -> None:
    """Have all free text scanned; one that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        scan.defer(human=str(human))
