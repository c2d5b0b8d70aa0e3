"""A customer's requests that wait for an answer, without their texts: nothing sealed is opened to count them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from kehu.govern.parts import part_of
from kehu.guard.guests.credentials import Guest
from kehu.serve.rights.clocks import end_of_request
from kehu.serve.rights.models import Request


@dataclass(frozen=True, slots=True)
class Waiting:
    """A right that was exercised and is not answered yet. ``due``: the end of its clock, where one runs."""

    right: str
    received_at: datetime
    due: datetime | None


def waiting(guest: Guest) -> list[Waiting]:
    """Open requests of the certain part, the oldest first.

    Raises:
        UnknownSubject: not here any more.
    """
    part = part_of(guest.subject, whole=False)
    rows = Request.objects.filter(subject__in=part, state="open").order_by("received_at", "id")
    now = timezone.now()
    return [Waiting(row.right, row.received_at, end_of_request(row, now=now)) for row in rows]
