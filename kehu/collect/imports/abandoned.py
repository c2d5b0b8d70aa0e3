"""What was left behind on the way in: uploads nobody imports, half of one whose server was killed, imports that failed for good.

They mix many people under one key, so none of them outlives a day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.collect.imports import staging
from kehu.collect.imports.actions import forget_values
from kehu.collect.imports.recipe import Recipe
from kehu.collect.models import Import, Staged
from kehu.guard.aside import open_aside
from kehu.guard.gate.actor import Actor

KEPT: Final = timedelta(days=1)


def forget_left(*, actor: Actor) -> int:
    """Destroy what was left over a day ago; returns how many uploads. An import that works or waits for its turn keeps its own."""
    end = timezone.now() - KEPT
    _give_up_failed(actor)
    needed = {UUID(id) for row in Import.objects.filter(state__in=("waiting", "running")) for id in row.staged}
    listed = dict(Staged.objects.values_list("id", "at"))
    left = {id for id, at in listed.items() if at < end}
    left |= {id for id in staging.spooled() if id not in listed and _made_before(id, end.timestamp())}
    for id in left - needed:
        staging.discard(id)
    return len(left - needed)


def _give_up_failed(actor: Actor) -> None:
    """What failed a day ago is begun anew, from the files: cells put right for it are not kept for that.

    Each is looked at once: then it has an end (``ended_at``), until its files are sent again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select i.id from collect_import i where i.state = 'failed' and i.ended_at is null and greatest(i.started_at,"
            " (select max(c.at) from collect_importchunk c where c.batch = i.id)) < now() - make_interval(secs => %s)",
            [KEPT.total_seconds()],
        )
        ids = [row[0] for row in cursor.fetchall()]
    for row in Import.objects.filter(id__in=ids):
        opened = open_aside({row.id: bytes(row.sealed)}, actor=actor, act="collect", detail=row.id)
        if row.id in opened:
            forget_values(row, Recipe.unpack(opened[row.id]))
        Import.objects.filter(id=row.id, state="failed").update(ended_at=timezone.now())


def _made_before(id: UUID, end: float) -> bool:
    return (id.int >> 80) / 1000 < end
