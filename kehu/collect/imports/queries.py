"""How imports stand: counts that grow with each chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, Sum

from kehu.collect.imports.write import Counts
from kehu.collect.models import Import, ImportChunk, Quarantined, Staged
from kehu.govern.models import Channel
from kehu.refine.models import LinkageRun


class UnknownImport(LookupError):
    """No import of that id."""


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """Where an import stands. ``review`` is null until linkage has looked at it; ``share`` runs from 0 to 1.

    ``half``: it is being taken back, and some of it is shown still; ``taken_back`` rows are not. ``fault``: why it broke off,
    where that is known.
    """

    id: UUID
    state: str
    kind: str
    channel: int
    rows: int
    accepted: int
    created: int
    updated: int
    merged: int
    duplicates: int
    quarantined: int
    review: int | None
    seconds: float
    share: float
    expected: int
    started_at: datetime
    ended_at: datetime | None
    half: bool = False
    taken_back: int = 0
    fault: str = ""

    @classmethod
    def of(cls, row: Import, counts: Counts, seconds: float = 0.0, review: int | None = None) -> ImportStatus:
        """From an import's row and what was counted so far."""
        half = row.state == "undone" and row.undone_at is None
        done, of = (row.taken_back, counts.accepted) if half else (counts.rows, row.expected)
        share = 1.0 if row.state == "done" else min(1.0, done / of) if of else 0.0
        return cls(
            id=row.id, state=row.state, kind=row.kind, channel=row.channel, rows=counts.rows, accepted=counts.accepted,
            created=counts.created, updated=counts.updated, merged=counts.merged, duplicates=counts.duplicates,
            quarantined=counts.quarantined, review=review, seconds=round(seconds, 3), share=share, expected=row.expected,
            started_at=row.started_at, ended_at=row.ended_at, half=half,
            taken_back=row.taken_back, fault=row.fault,
        )  # fmt: skip


def status(import_id: UUID) -> ImportStatus:
    """How one import stands.

    Raises:
        UnknownImport: there is none of that id.
    """
    row = Import.objects.filter(id=import_id).first()
    if row is None:
        raise UnknownImport(str(import_id))
    return replace(_status_of([row])[0], review=_review(row))


def uploads_here(import_id: UUID) -> bool:
    """Whether every upload that an import reads is here still: of one that broke off they are kept for a day."""
    staged = Import.objects.filter(id=import_id).values_list("staged", flat=True).first() or []
    return Staged.objects.filter(id__in=staged).count() == len(staged)


def imports(limit: int = 50, *, before: UUID | None = None) -> list[ImportStatus]:
    """The newest imports first, of those that began before one, if it is named."""
    rows = Import.objects.order_by("-started_at", "-id")
    if (last := Import.objects.filter(id=before).first() if before is not None else None) is not None:
        at = last.started_at
        rows = rows.filter(Q(started_at__lt=at) | Q(started_at=at, id__lt=last.id))
    return _status_of(list(rows[:limit]))


def channel_name(number: int) -> str:
    """The name of an import's channel."""
    return Channel.objects.get(id=number).name


def quarantined_total() -> int:
    """Refused rows that wait to be mended, of imports not taken back."""
    taken_back = Import.objects.filter(state__in=("undone", "erased")).values("id")
    return Quarantined.objects.filter(accepted=False, settled=None).exclude(batch__in=taken_back).count()


def _review(row: Import) -> int | None:
    """How many of its customers linkage asks about; null before a run has seen them."""
    if row.ended_at is None or not LinkageRun.objects.filter(state="done", started_at__gte=row.ended_at).exists():
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(distinct p.younger) from refine_proposal p join record r on r.subject = p.younger"
            " where p.state = 'open' and r.batch = %s",
            [row.id],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def _status_of(rows: list[Import]) -> list[ImportStatus]:
    names = ("rows", "created", "updated", "merged", "duplicates", "quarantined", "seconds")
    grouped = (
        ImportChunk.objects.filter(batch__in=[row.id for row in rows])
        .values("batch")
        .annotate(**{f"total_{name}": Sum(name) for name in names})
    )
    sums: dict[UUID, dict[str, Any]] = {found["batch"]: dict(found) for found in grouped}
    made = []
    for row in rows:
        found = sums.get(row.id, {})
        counts = Counts(*(int(found.get(f"total_{name}", 0)) for name in names[:-1]))
        made.append(ImportStatus.of(row, counts, float(found.get("total_seconds", 0.0))))
    return made
