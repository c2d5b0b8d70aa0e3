"""What stands beside a value on the record page: when it was last confirmed, by whom, and how far it can be relied on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.utils import timezone

from kehu.guard.gate.read import Contribution
from kehu.refine.quality.tally import moment_of
from kehu.refine.tokens import tokens_of
from kehu.serve.upkeep.confidence import band, confidence
from kehu.serve.upkeep.models import Confirmation, ContactEvent, Task

CONTACTS: Final = frozenset({"email", "phone", "landline", "address", "delivery_address", "street", "wechat_id"})
STALE_MONTHS: Final = 12
"""From here on a page says how old it is."""


@dataclass(frozen=True, slots=True)
class Reliance:
    """Of one value: when it was last said or confirmed, by whom it was confirmed (``customer``, ``staff`` or nobody).

    ``share`` and ``band`` are set for contact points. ``bounces``: what did not arrive since.
    """

    since: datetime
    confirmed_by: str
    share: float | None
    band: str
    bounces: int
    task: UUID | None

    @property
    def months(self) -> int:
        """Whole months since then."""
        return int((timezone.now() - self.since).days / 30.44)

    @property
    def stale(self) -> bool:
        """Whether a page should say so."""
        return self.months >= STALE_MONTHS


def reliance_of(winners: Iterable[Contribution], origins: Iterable[UUID]) -> dict[str, Reliance]:
    """The same of each surviving value that may be seen, by field; two statements, whatever their number."""
    now, subjects = timezone.now(), list(origins)
    held = list(winners)
    confirmed = {one.id: one for one in Confirmation.objects.filter(id__in=[one.record for one in held])}
    events: dict[str, list[ContactEvent]] = {}
    for event in ContactEvent.objects.filter(subject__in=subjects).order_by("at"):
        events.setdefault(event.field, []).append(event)
    tasks = dict(Task.objects.filter(subject__in=subjects, state__in=["open", "taken"]).values_list("field", "id"))
    found: dict[str, Reliance] = {}
    for one in held:
        since = datetime.fromtimestamp(moment_of(one) / 1000, UTC)
        by = confirmed.get(one.record)
        of_it = [event for event in events.get(one.field, []) if event.at >= since and _same(event, one)]
        share = None
        if one.field in CONTACTS:
            share = confidence(
                status=one.status, confirmed=one.verified_at is not None, since=since, now=now,
                events=[(event.at, event.kind) for event in of_it],
            )  # fmt: skip
        who = "" if by is None else "staff" if by.staff else "customer"
        fails = sum(event.kind != "delivered" for event in of_it)
        found[one.field] = Reliance(
            since, who, share, band(share) if share is not None else "", fails, tasks.get(one.field)
        )
    return found


def _same(event: ContactEvent, one: Contribution) -> bool:
    """Whether an event is about this value; of a masked one that cannot be told, and it is taken to be."""
    if event.token is None or one.answer != "clear" or not one.normal:
        return True
    return event.token in tokens_of(one.field, one.normal).every
