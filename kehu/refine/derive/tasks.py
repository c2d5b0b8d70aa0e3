"""Traits as jobs: soon after something came or changed, and everything anew each night."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from kehu.guard.staff.actions import owner_actor

if TYPE_CHECKING:
    from kehu.refine.derive.runs import Computed

_log = logging.getLogger("kehu.derive")


@app.task(name="derive:catch_up", lock="derive", queueing_lock="derive_catch_up")
def catch_up() -> None:
    """Compute the traits of whom something came or changed."""
    from kehu.refine.derive import runs  # every process loads this module; few compute

    _tell(runs.catch_up())


def defer_catch_up() -> None:
    """Have what is due computed; one run that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        catch_up.defer()


@app.periodic(cron="* * * * *")
@app.task(name="derive:look", queueing_lock="derive_look", pass_context=False)
def look(timestamp: int) -> None:
    """Once a minute: whatever is due by whatever way."""
    from kehu.refine.derive import runs

    if runs.anything_due():
        defer_catch_up()


@app.task(name="derive:compute", lock="derive", queueing_lock="derive_compute")
def compute() -> None:
    """Compute everything anew, because somebody asked for it or declared something."""
    from kehu.refine.derive import runs

    _tell(runs.compute(actor=owner_actor()))


def defer_compute() -> None:
    """Have everything computed anew; one run that waits already will do."""
    with contextlib.suppress(AlreadyEnqueued):
        compute.defer()


@app.periodic(cron="17 1 * * *")
@app.task(name="derive:nightly", lock="derive", queueing_lock="derive_nightly", pass_context=False)
def nightly(timestamp: int) -> None:
    """Each night: days pass and notices change, so everything is computed anew."""
    from kehu.refine.derive import runs
    from kehu.refine.derive.register import groups

    if groups():
        compute()
    else:
        runs.forget_unheld()


def _tell(done: Computed) -> None:
    if done.stopped:
        _log.warning("derive.waits", {"purposes": len(done.stopped)})
