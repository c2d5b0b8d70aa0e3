"""Findings as a holder: which checks found somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from kehu.refine.quality.models import Finding


class FindingHolder:
    """Checks of data quality that found a customer in the latest run."""

    name: Final = "quality-findings"
    tables = frozenset({Finding._meta.db_table})

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """The names of the checks."""
        found = sorted(Finding.objects.filter(subject=subject).values_list("check_name", flat=True))
        return {"quality_checks": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete them."""
        return Finding.objects.filter(subject=subject).delete()[0]
