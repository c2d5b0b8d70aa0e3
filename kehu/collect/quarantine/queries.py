"""What is in quarantine: places and reasons, no value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from kehu.collect.imports.queries import UnknownImport
from kehu.collect.models import Import, Quarantined
from kehu.collect.quarantine.reasons import remedy
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act

_STEP = 5_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list. ``accepted``: the row came in, this value of it is kept as given but invalid."""

    id: UUID
    batch: UUID
    file: int
    line: int
    field: str
    reason: str
    remedy: str
    accepted: bool


def listed(
    import_id: UUID | None = None,
    *,
    actor: Actor,
    limit: int | None = None,
    language: str = "en",
    refused_first: bool = False,
) -> list[Listed]:
    """What waits to be mended, of one import or of all, in the order of the files; where that is asked, refused rows first.

    Raises:
        ActRefused: this role may not look.
        UnknownImport: there is none of that id.
    """
    require_act("quarantine", actor)
    if import_id is not None and not Import.objects.filter(id=import_id).exists():
        raise UnknownImport(str(import_id))
    rows = open_rows(import_id).order_by("batch", *(("accepted",) if refused_first else ()), "file", "line", "id")
    return [
        Listed(row.id, row.batch, row.file, row.line, row.field, row.reason, remedy(row.reason, language), row.accepted)
        for row in rows.defer("sealed", "token")[:limit].iterator(_STEP)
    ]


def open_rows(import_id: UUID | None = None) -> QuerySet[Quarantined]:
    """Lines that nothing has settled yet."""
    rows = Quarantined.objects.filter(settled=None)
    return rows if import_id is None else rows.filter(batch=import_id)


def refused_waits(import_id: UUID) -> bool:
    """Whether refused rows wait still: of an import, or of the one whose rows it brought again."""
    again = Import.objects.filter(id=import_id, replays__isnull=False).values("replays")
    return Quarantined.objects.filter(
        Q(batch=import_id) | Q(batch__in=again), settled=None, accepted=False
    ).exists()  # fmt: skip


def refused_of(import_id: UUID) -> dict[int, list[UUID]]:
    """Refused rows of an import by file, in order."""
    found: dict[int, list[UUID]] = {}
    rows = open_rows(import_id).filter(accepted=False).order_by("file", "line", "id")
    for file, id in rows.values_list("file", "id").iterator(_STEP):
        found.setdefault(file, []).append(id)
    return found


def imports_with_refused() -> list[UUID]:
    """Imports that have refused rows waiting, the oldest first; those taken back bring nothing any more."""
    back = Import.objects.filter(state__in=("undone", "erased"))
    rows = open_rows().filter(accepted=False).exclude(batch__in=back.values("id"))
    return list(rows.order_by("batch").values_list("batch", flat=True).distinct())


def in_steps(ids: list[UUID], size: int) -> Iterator[list[UUID]]:
    """A long list in pieces."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
