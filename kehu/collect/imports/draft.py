"""How far somebody has come with an upload: what the form said and cells put right, sealed beside it and gone with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection as django_connection
from django.db import transaction
from django.db.models import QuerySet

from kehu.collect.imports.abandoned import KEPT
from kehu.collect.imports.recipe import Known
from kehu.collect.imports.staging import draft_id, staged_name
from kehu.collect.models import Import, Staged
from kehu.guard.aside import AsideDoesNotOpen, forget_aside, open_aside, seal_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act

MOST_MENDS: Final = 1_000
"""Cells put right before an import: what is more than that is put right in the file itself."""
_LONGEST: Final = 20_000


@dataclass(slots=True)
class Draft:
    """What was said so far.

    Attributes:
        form: each field of the form with its values, as they were sent.
        mends: line to column to the value that stands there.
        known: what looks at the file have told of it.
    """

    form: dict[str, list[str]] = field(default_factory=dict, repr=False)
    mends: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    known: Known = field(default_factory=Known, repr=False)

    def mend(self, line: int, column: str, value: str) -> bool:
        """Put a cell right; False: it would be one more than :data:`MOST_MENDS`, and stays as it came."""
        if sum(map(len, self.mends.values())) >= MOST_MENDS and column not in self.mends.get(str(line), {}):
            return False
        self.mends.setdefault(str(line), {})[column] = value.strip()[:_LONGEST]
        return True


@dataclass(frozen=True, slots=True)
class Left:
    """An upload that waits for its owner to go on, until it is destroyed."""

    id: UUID
    name: str = field(repr=False)
    size: int
    at: datetime
    until: datetime


def draft_of(staged: UUID, *, actor: Actor) -> Draft:
    """How far its owner has come; nothing yet: an empty one.

    Raises:
        Staged.DoesNotExist: it is somebody else's, or not here (any more).
    """
    return _read(staged, actor)[1]


def change_draft(staged: UUID, change: Callable[[Draft], None], *, actor: Actor) -> Draft:
    """Change it and keep it, sealed under a key that goes with the upload's; what another page says meanwhile stays.

    Args:
        change: done to the draft as it is; done anew where another page was faster.
    Raises:
        ActRefused: this role may not import.
        Staged.DoesNotExist: it is somebody else's, or not here (any more).
    """
    require_act("collect", actor)
    while True:
        before, draft = _read(staged, actor)
        change(draft)
        with transaction.atomic():
            row = _mine(actor).select_for_update().get(id=staged)
            if bytes(row.draft or b"") != before:
                continue
            content = orjson.dumps(asdict(draft))
            forget_aside(django_connection.connection, [draft_id(staged)])
            [row.draft] = seal_aside(django_connection.connection, [(draft_id(staged), content)])
            row.save(update_fields=["draft"])
        return draft


def _mine(actor: Actor) -> QuerySet[Staged]:
    return Staged.objects.filter(staff=actor.staff, use="import")


def _read(staged: UUID, actor: Actor) -> tuple[bytes, Draft]:
    """A draft, and its seal by which a later one is told from it."""
    sealed = bytes(_mine(actor).get(id=staged).draft or b"")
    if not sealed:
        return sealed, Draft()
    try:
        opened = open_aside({draft_id(staged): sealed}, actor=actor, act="collect", detail=staged)
    except AsideDoesNotOpen:
        if bytes(_mine(actor).get(id=staged).draft or b"") == sealed:
            raise
        return _read(staged, actor)  # another page sealed it anew meanwhile
    held: Mapping[str, Any] = orjson.loads(opened.get(draft_id(staged), b"{}"))
    return sealed, Draft(held.get("form", {}), held.get("mends", {}), Known(**held.get("known", {})))


def left_of(*, actor: Actor) -> Sequence[Left]:
    """Uploads that this person has begun with and no import reads yet, the newest first.

    Raises:
        ActRefused: this role may not import.
    """
    require_act("collect", actor)
    taken = {UUID(id) for row in Import.objects.filter(state__in=("waiting", "running", "failed")) for id in row.staged}
    rows = _mine(actor).exclude(id__in=taken).order_by("-at")[:20]
    return [Left(row.id, staged_name(row, actor=actor), row.size, row.at, row.at + KEPT) for row in rows]
