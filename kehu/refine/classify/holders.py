"""Sightings as a holder: that something sensitive was seen in somebody's texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from kehu.refine.classify.models import Sighting


class SightingHolder:
    """Kinds of data that the last scan found in a customer's free text."""

    name: Final = "classify-sightings"
    tables = frozenset({Sighting._meta.db_table})

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """Field and kind of each."""
        rows = Sighting.objects.filter(subject=subject).values_list("finding__field", "finding__kind")
        found = [{"field": field, "kind": kind} for field, kind in sorted(set(rows))]
        return {"found_in_text": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete them."""
        return Sighting.objects.filter(subject=subject).delete()[0]
