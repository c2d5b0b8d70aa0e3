"""What is in quarantine: places and reasons, no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice, starmap
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where one refused row stood."""

    id: UUID
    batch: UUID
    file: int
    line: int

    @property
    def at(self) -> datetime:
        """When it was refused."""
        return moment_of(self.id)


def moment_of(id: UUID) -> datetime:
    """When a row was refused: its id says so (UUIDv7)."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


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
        as :func:`listed_by_page`.
    """
    pages = listed_by_page(import_id, actor=actor, limit=limit, language=language, refused_first=refused_first)
    return list(chain.from_iterable(pages))


def listed_by_page(
    import_id: UUID | None = None,
    *,
    actor: Actor,
    limit: int | None = None,
    language: str = "en",
    refused_first: bool = False,
) -> Iterator[list[Listed]]:
    """The same, some at a time, so that a file of which everything was refused passes through little memory.

    Raises:
        ActRefused: this role may not look.
        UnknownImport: there is none of that id.
    """
    require_act("quarantine", actor)
    require_known(import_id)
    rows = open_rows(import_id).order_by("batch", *(("accepted",) if refused_first else ()), "file", "line", "id")
    found = (
        Listed(row.id, row.batch, row.file, row.line, row.field, row.reason, remedy(row.reason, language), row.accepted)
        for row in rows.defer("sealed", "token")[:limit].iterator(_STEP)
    )
    return iter(lambda: list(islice(found, _STEP)), [])


def require_known(import_id: UUID | None) -> None:
    """See that there is such an import, for of another nothing was refused either; None: all are meant.

    Raises:
        UnknownImport: there is none of that id.
    """
    if import_id is not None and not Import.objects.filter(id=import_id).exists():
        raise UnknownImport(str(import_id))


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


def any_refused(imports: Iterable[UUID]) -> bool:
    """Whether a refused row of one of these waits."""
    return open_rows().filter(accepted=False, batch__in=list(imports)).exists()


def refused_in_steps(imports: Iterable[UUID], size: int) -> Iterator[list[Place]]:
    """Where refused rows of imports stood, in order, so many at a time: never all of them in memory."""
    for one in imports:
        rows = open_rows(one).filter(accepted=False).order_by("file", "line", "id")
        places = starmap(Place, rows.values_list("id", "batch", "file", "line").iterator(size))
        while part := list(islice(places, size)):
            yield part
