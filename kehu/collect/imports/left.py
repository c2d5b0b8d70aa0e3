"""Whoever an import left behind that was taken back: seen by a correction alone, or kept by one that is hidden.

An older program let corrections be. They go with the import that had brought their customer; where that is erased already, so
are they.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import connection as django_connection
from django.db import transaction
from psycopg import Connection

from kehu.collect.imports.undo import leave
from kehu.govern.holders import holders
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_acts
from kehu.vault.assignment import lock
from kehu.vault.erasure import destroy, lock_subjects
from kehu.vault.ids import in_order

_STEP: Final = 500
# What no import brought and none took along yet stands in an index; of them those of whom nothing else is shown.
_LEFT: Final = """
select distinct e.subject from record e join subject_state s using (subject)
where e.batch is null and e.kind = 5 and e.subject > %s and not s.residue and not exists
    (select 1 from record r where r.subject = e.subject and r.kind <= 4 and not r.hidden) order by 1 limit %s
"""
_WITH: Final = """
select distinct on (e.subject) e.subject, r.batch from record e left join record r
    on r.subject = e.subject and r.hidden and r.kind <= 4 and r.batch is not null
where e.subject = any (%(subjects)s) and e.batch is null and e.kind = 5 and not exists
    (select 1 from record o where o.subject = e.subject and o.kind <= 4 and not o.hidden) order by e.subject, r.id desc
"""
_GO: Final = """
update record e set hidden = true, batch = t.batch from unnest(%s::uuid[], %s::uuid[]) as t (subject, batch)
where e.subject = t.subject and e.kind = 5 and e.batch is null
"""
_OVER: Final = """
select subject from subject_state where subject = any (%s) and hidden and not held and held_categories = 0
"""


def take_along(*, actor: Actor) -> None:
    """Hide everybody who was left behind, and erase them with the import that had brought them. Under a hold they wait on."""
    after = UUID(int=0)
    while (last := _step(after, actor)) is not None:
        after = last


def _step(after: UUID, actor: Actor) -> UUID | None:
    with transaction.atomic():
        raw: Connection[Any] = django_connection.connection
        found = [row[0] for row in raw.execute(_LEFT, (after, _STEP)).fetchall()]
        if not found:
            return None
        lock(raw)
        lock_subjects(raw, found)
        batches = dict(raw.execute(_WITH, {"subjects": found}).fetchall())
        raw.execute(_GO, (list(batches), list(batches.values())))
        for batch in set(batches.values()):
            leave(raw, [subject for subject, with_ in batches.items() if with_ == batch], batch=batch, actor=actor)
        _erase(raw, in_order(subject for subject, batch in batches.items() if batch is None), actor)
        return UUID(str(found[-1]))


def _erase(raw: Connection[Any], subjects: list[UUID], actor: Actor) -> None:
    """Their import is erased: nothing waits for its thirty days any more."""
    over = [row[0] for row in raw.execute(_OVER, (subjects,)).fetchall()]
    if not over:
        return
    record_acts("erase", over, actor=actor)
    for holder in holders():
        for subject in over:
            holder.erase(subject)
    destroy(raw, over)
