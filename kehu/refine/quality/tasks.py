"""Measuring as a job: every night, and when somebody asks; several wishes are one."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.refine.quality.models import Run

_KEPT: Final = timedelta(days=1_100)
"""Three years of a row a day; of a day's runs all but the last go after a week."""


@app.task(name="quality:measure", lock="quality_measure", queueing_lock="quality_measure")
def measure(human: str) -> None:
    """Measure for whoever asked, as the ledger then says."""
    from kehu.refine.quality.measure import MeasuringRuns, measure  # every process loads this module; few measure

    with contextlib.suppress(MeasuringRuns):
        measure(actor=_actor_for(UUID(human)))


@app.periodic(cron="51 2 * * *")
@app.task(name="quality:measure_nightly", queueing_lock="quality_measure_nightly", pass_context=False)
def measure_nightly(timestamp: int) -> None:
    """The day's scores; and what is too old goes."""
    from kehu.refine.quality.measure import MeasuringRuns, measure

    forget()
    with contextlib.suppress(MeasuringRuns):
        measure(actor=owner_actor())


def defer_measuring(human: UUID) -> None:
    """Have everybody measured; one that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        measure.defer(human=str(human))


def forget() -> int:
    """Forget runs of more than three years ago, failed ones, and all but a day's last after a week; returns how many."""
    now = timezone.now()
    gone = list(Run.objects.filter(started_at__lt=now - _KEPT).values_list("id", flat=True))
    older = (
        Run.objects.filter(started_at__lt=now - timedelta(days=7))
        .exclude(state="running")
        .order_by("day", "-started_at")
    )
    seen: set[object] = set()
    for id, day, state in older.values_list("id", "day", "state"):
        if state == "failed" or day in seen:
            gone.append(id)
        elif state == "done":
            seen.add(day)
    Run.objects.filter(id__in=gone).delete()
    return len(set(gone))


def _actor_for(human: UUID) -> Actor:
    """Their own standing; the home's owner's, where they have left since or do other work now."""
    staff = Staff.objects.filter(id=human, is_active=True).first()
    return actor_of(staff.email) if staff and staff.role in ACTS["measure"] else owner_actor()
