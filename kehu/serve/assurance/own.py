"""A person's own rows of the ledger: what staff did themselves is theirs to see, whatever their role."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.ledger import queries as ledger
from kehu.guard.ledger.record import record_act


def own_rows(
    *,
    actor: Actor,
    purpose: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Rows whose human is the asker, newest first; the reading is recorded like any other of the ledger."""
    found = ledger.rows(human=actor.human, purpose=purpose, since=since, until=until, before=before, limit=limit)
    with transaction.atomic():
        record_act("read-ledger", None, actor=actor)
    return found
