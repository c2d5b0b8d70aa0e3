"""Traits as a holder: what was derived of somebody goes with them, and is in the copy they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.refine.derive.queries import derived_of


class TraitHolder:
    """States of an origin subject, values of its customer, and the wish to compute them."""

    name: Final = "traits"
    tables = frozenset({"derive_state", "derive_value", "derive_due"})

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """What was derived from the events of this origin subject, with names, purpose and what it was derived from."""
        found = derived_of([subject])
        if not found:
            return None
        return {"derived": [{"trait": one.slug, "purpose": one.purpose, "value": one.value, "day": one.day.isoformat(),
            "from": sorted(one.inputs), "meaning": dict(one.descriptions)} for one in found]}  # fmt: skip

    def erase(self, subject: UUID) -> int:
        """Delete them; what is left of the customer is computed anew."""
        with connection.cursor() as cursor:
            cursor.execute("delete from derive_due where subject = %s", [subject])
            cursor.execute("delete from derive_state where subject = %s", [subject])
            gone = int(cursor.rowcount)
            cursor.execute(
                "delete from derive_value where customer = %s"
                " or customer in (select s.customer from subject_state s where s.subject = %s)",
                [subject, subject],
            )
            return gone + int(cursor.rowcount)
