"""What waits outside the vault as a holder: refused rows of a customer, found by the key they came under.

An uploaded file that still waits is not searched: it is sealed, goes when its import ends, and a row in it of somebody
erased meanwhile meets the tombstone of its key. So it is with what a channel sent a moment ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from kehu.collect.models import Quarantined, Staged
from kehu.guard.aside import forget_aside, open_aside
from kehu.guard.gate.actor import Actor


class QuarantineHolder:
    """Refused rows under a key of this customer's records."""

    name: Final = "quarantine"
    tables = frozenset({Quarantined._meta.db_table, Staged._meta.db_table, "inbox", "form_waiting"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """The rows as they came, and why they were refused."""
        rows = list(_of(subject).exclude(sealed=None))
        if not rows:
            return None
        sealed = {row.id: bytes(row.sealed or b"") for row in rows}
        opened = open_aside(sealed, actor=actor, act="export", detail=None)
        return {
            "refused_rows": [
                {"reason": row.reason, "field": row.field or None, "row": opened[row.id].decode(errors="replace")}
                for row in rows
                if row.id in opened
            ]
        }

    def erase(self, subject: UUID) -> int:
        """Destroy their keys, then the rows."""
        connection.ensure_connection()
        found = _of(subject)
        forget_aside(connection.connection, list(found.values_list("id", flat=True)))
        return found.delete()[0]


def _of(subject: UUID) -> QuerySet[Quarantined]:
    """By the keys of all records, those of an import that was taken back among them: these stand under no key any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select token from source_key where subject = %s union select source from record where subject = %s"
            " and source is not null",
            [subject, subject],
        )
        return Quarantined.objects.filter(token__in=[row[0] for row in cursor.fetchall()])
