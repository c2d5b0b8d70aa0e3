"""Links that wait on a customer's phone, as a holder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from kehu.guard.gate.actor import Actor
from kehu.serve.counter.models import Asked


class AskedHolder:
    """Questions handed to a customer's phone: gone after a day, with the customer at once."""

    name: Final = "counter-asked"
    tables = frozenset({Asked._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """When they were asked; what they answered stands among the consents."""
        rows = Asked.objects.filter(subject=subject).order_by("at")
        found = [{"asked_at": row.at.isoformat(), "expires_at": row.expires_at.isoformat()} for row in rows]
        return {"asked_by_link": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return Asked.objects.filter(subject=subject).delete()[0]
