"""Corrections and who was told of them, as a holder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.texts import Sealed, open_texts
from kehu.serve.corrections.models import Correction, Telling


class CorrectionHolder:
    """What was corrected; the values themselves lie in the vault and stand in an export with it."""

    name: Final = "corrections"
    tables = frozenset({Correction._meta.db_table, Telling._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Which field, when and why, and who received the wrong value and was told."""
        rows = list(Correction.objects.filter(subject=subject).prefetch_related("tellings").order_by("at", "id"))
        sealed = [Sealed(row.subject, row.id, bytes(row.reason)) for row in rows]
        reasons = open_texts(sealed, subject, actor=actor, act="export", purpose=PURPOSES["rights-request"])
        found = [
            {
                "record": str(row.record), "field": row.field, "at": row.at.isoformat(), "reason": why,
                "recipients": [
                    {"recipient": one.recipient, "country": one.country or None, "state": one.state}
                    for one in row.tellings.all()
                ],
            }
            for row, why in zip(rows, reasons, strict=True)
        ]  # fmt: skip
        return {"corrections": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return Correction.objects.filter(subject=subject).delete()[0]
