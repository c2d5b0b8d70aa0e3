"""Upkeep as a holder: tasks about somebody, what they or others confirmed, and what did not reach them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from kehu.serve.upkeep.models import Confirmation, ContactEvent, Task


class UpkeepHolder:
    """Questions of verification, confirmations, and messages that did not arrive."""

    name: Final = "upkeep"
    tables = frozenset({one._meta.db_table for one in (Task, Confirmation, ContactEvent)})

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """All of it, without the names of staff."""
        tasks = [
            {"field": one.field, "why": one.why, "state": one.state, "due": one.due.isoformat(), "outcome": one.outcome}
            for one in Task.objects.filter(subject=subject).order_by("id")
        ]
        confirmed = [
            {"field": one.field, "at": one.at.isoformat(), "how": one.how, "by": "staff" if one.staff else "customer",
             "changed": one.changed}
            for one in Confirmation.objects.filter(subject=subject).order_by("id")
        ]  # fmt: skip
        events = [
            {"field": one.field, "kind": one.kind, "at": one.at.isoformat()}
            for one in ContactEvent.objects.filter(subject=subject).order_by("at")
        ]
        held = {"verification_tasks": tasks, "confirmations": confirmed, "contact_events": events}
        return {name: rows for name, rows in held.items() if rows} or None

    def erase(self, subject: UUID) -> int:
        """Delete them."""
        return sum(one.objects.filter(subject=subject).delete()[0] for one in (Task, Confirmation, ContactEvent))
