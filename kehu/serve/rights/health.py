"""Clocks of requests and incidents that have ended, or soon will: for the doctor; names nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.utils import timezone

from kehu.govern.deadlines import Clock
from kehu.host.checks import Finding, Said
from kehu.serve.rights.clocks import clocks_of_incident, clocks_of_request
from kehu.serve.rights.holds import kept_after_erasures, unseen_for_a_year
from kehu.serve.rights.models import Incident, Request

SOON: Final = timedelta(days=5)
"""Before the end of a request's clock."""
SOON_INCIDENT: Final = timedelta(hours=24)


def check_clocks() -> Iterator[Finding]:
    """What is overdue is an error: a promise to somebody does not hold; what is due soon or at once a warning."""
    now = timezone.now()
    asked = Request.objects.filter(state="open").prefetch_related("steps")
    of_requests = [
        clocks_of_request(row, sorted(row.steps.all(), key=lambda one: (one.at, one.id)), now=now) for row in asked
    ]
    yield from _findings("requests", of_requests, SOON, Said("requests"), Said("See: kehu request list --open"))
    of_incidents = [clocks_of_incident(row) for row in Incident.objects.all()]
    yield from _findings("incidents", of_incidents, SOON_INCIDENT, Said("incidents"), Said("See: kehu incident clocks"))


def check_held() -> Iterator[Finding]:
    """What holds without an end keep, of who is here and after an erasure, where the day to look at it again has come."""
    today = timezone.now().date()
    due = sum(one.by <= today for one in kept_after_erasures())
    if due:
        text = Said("{n} erasures left what a hold keeps, which nobody has looked at again within a year.", n=due)
        yield Finding(
            "holds.review", "warning", text, "The office's page Kept by holds, or kehu hold ID --again | --release"
        )
    if old := unseen_for_a_year().count():
        yield Finding(
            "holds.old", "warning",
            Said(
                "{n} holds without an end are older than a year; an erasure that waits on one waits for as long as it stands.",
                n=old,
            ),
            "The office's page Kept by holds names them. Release it where it is over: kehu hold ID --release; lay it anew where"
            " it is not, then release the old one",
        )  # fmt: skip


def check_informing() -> Iterator[Finding]:
    """People who were to be told where their data came from, and were not; and those who soon are."""
    from kehu.serve.sources.untold import figures  # noqa: PLC0415  (it uses this room)

    held = figures()
    remedy = Said("Run: kehu source inform; then by post: kehu source due --post")
    if held.overdue:
        text = Said("{n} customers have not been told in time where their data came from.", n=held.overdue)
        yield Finding("inform.overdue", "error", text, remedy)
    if held.soon:
        text = Said("{n} customers are to be told within ten days where their data came from.", n=held.soon)
        yield Finding("inform.due", "warning", text, remedy)


def _findings(id: str, rows: Sequence[Sequence[Clock]], soon: timedelta, what: Said, remedy: Said) -> Iterator[Finding]:
    now = timezone.now()
    over = sum(any(clock.overdue(now) for clock in clocks) for clocks in rows)
    near = sum(
        any(_ends(clock, soon) for clock in clocks)
        for clocks in rows
        if not any(clock.overdue(now) for clock in clocks)
    )
    if over:
        text = Said("{n} {what} have a clock that has ended.", n=over, what=what)
        yield Finding(f"{id}.overdue", "error", text, remedy)
    if near:
        text = Said("{n} {what} have something due soon or at once.", n=near, what=what)
        yield Finding(f"{id}.due", "warning", text, remedy)


def _ends(clock: Clock, soon: timedelta) -> bool:
    if clock.done is not None or clock.suspended:
        return False
    if clock.due is None:
        return clock.term.unit == "at-once"
    return clock.due.at - timezone.now() <= soon
