"""Corrections and who was told of them, as a holder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from kehu.guard.gate.actor import Actor
from kehu.serve.corrections.models import Correction, Telling


class CorrectionHolder:
    """What was corrected; the values themselves lie in the vault and stand in an export with it."""

    name: Final = "corrections"
    tables = frozenset({Correction._meta.db_table, Telling._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Which field, when, and who received the wrong value and was told."""
        rows = Correction.objects.filter(subject=subject).prefetch_related("tellings").order_by("at", "id")
        found = [
            {
                "field": row.field, "at": row.at.isoformat(),
                "recipients": [
                    {"recipient": one.recipient, "country": one.country or None, "state": one.state}
                    for one in row.tellings.all()
                ],
            }
            for row in rows
        ]  # fmt: skip
        return {"corrections": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return Correction.objects.filter(subject=subject).delete()[0]
