"""What became of a consent: whether it stands now, what followed it, and its state in the words of the W3C DPV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils import timezone

from kehu.govern.models import Consent
from kehu.govern.separate import recipient_key

DPV: Final = {
    "given": "dpv:ConsentGiven",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
    "invalid": "dpv:ConsentInvalidated",
    "unknown": "dpv:ConsentUnknown",
    "expired": "dpv:ConsentExpired",
    "requested": "dpv:ConsentRequested",
}
_ENDING: Final = ("withdrawn", "refused", "invalid")


@dataclass(frozen=True, slots=True)
class Became:
    """A statement and what became of it.

    ``state``: ``given``, ``refused``, ``withdrawn``, ``invalid``, ``unknown``, ``requested`` as of now; ``expired`` where its
    own end has come; ``replaced`` where a newer consent stands in its place, ``answered`` for a request.
    """

    row: Consent
    state: str
    ended_at: datetime | None

    @property
    def in_force(self) -> bool:
        """Whether it is a consent that stands."""
        return self.state == "given"

    @property
    def dpv(self) -> str:
        """Its state as the vocabulary names it; what was replaced or answered is what it was."""
        return DPV.get(self.state, DPV[self.row.status])


def statements_of(part: Sequence[UUID]) -> list[Consent]:
    """Everything these origin subjects said of purposes, the oldest first."""
    return list(Consent.objects.filter(subject__in=list(part)).order_by("recorded_at", "id"))


def became(rows: Sequence[Consent], *, now: datetime | None = None) -> list[Became]:
    """What became of each of one person's statements, in their order (the oldest first)."""
    at = now or timezone.now()
    return [
        _became(row, [one for one in rows[n + 1 :] if one.purpose == row.purpose], at) for n, row in enumerate(rows)
    ]


def _became(row: Consent, later: Iterable[Consent], now: datetime) -> Became:
    if row.status == "requested":
        answer = next((one for one in later if one.status != "requested" and concerns(row, one)), None)
        return Became(row, "answered" if answer else "requested", answer.recorded_at if answer else None)
    if row.status != "given":
        return Became(row, row.status, None)
    follower = next((one for one in later if _ends(row, one)), None)
    if row.until is not None and row.until <= now and (follower is None or follower.recorded_at >= row.until):
        return Became(row, "expired", row.until)
    if follower is None:
        return Became(row, "given", None)
    return Became(row, "replaced" if follower.status == "given" else follower.status, follower.recorded_at)


def _ends(row: Consent, later: Consent) -> bool:
    """Whether a later statement on the same purpose ends a consent."""
    if later.status == "invalid":
        return later.follows == row.id
    if later.status not in ("given", *_ENDING):
        return False
    if not later.event:
        return not row.event or later.status != "given"
    if later.status == "withdrawn":
        return later.follows == row.id
    same = (later.event, recipient_key(later.recipient), later.country)
    return bool(row.event) and same == (row.event, recipient_key(row.recipient), row.country)


def concerns(row: Consent, later: Consent) -> bool:
    """Whether a later statement is about the same as a statement: its ends, answers and successors."""
    if later.purpose != row.purpose or (later.recorded_at, later.id) <= (row.recorded_at, row.id):
        return False
    if later.follows == row.id or not (row.event or later.event):
        return True
    if not later.event:
        return later.status in _ENDING
    same = (later.event, recipient_key(later.recipient), later.country)
    return same == (row.event, recipient_key(row.recipient), row.country)
