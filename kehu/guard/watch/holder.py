"""The watch as a holder of what it keeps on a customer: marks, and nothing else. Alerts name rows of the ledger by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.watch.kinds import MARKS


class WatchHolder:
    """Marks of customers whom few have a reason to look at."""

    name: Final = "watch"
    tables = frozenset({"watch_mark"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Since when the customer was marked, as what, and until when; not who set it."""
        with connection.cursor() as cursor:
            cursor.execute("select kind, at, ended_at from watch_mark where subject = %s order by at", [subject])
            found = [
                {"mark": name_of(MARKS, kind), "since": at.isoformat(), "until": end.isoformat() if end else None}
                for kind, at, end in cursor.fetchall()
            ]
        return {"marks": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete them."""
        with connection.cursor() as cursor:
            cursor.execute("delete from watch_mark where subject = %s", [subject])
            return int(cursor.rowcount)
