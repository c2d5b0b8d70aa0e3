"""By which medium and on what a customer may be written to: recorded in the ledger with the change itself."""

from __future__ import annotations

from typing import Any

from kehu.govern.models import Subscription


def subscription_row(row: Subscription) -> dict[str, Any]:
    """One statement, as answers show it."""
    return {
        "id": str(row.id),
        "subject": str(row.subject),
        "medium": row.medium,
        "topic": row.topic,
        "status": row.status,
        "ground": row.ground or None,
        "at": row.at.isoformat(),
        "way": row.way,
        "notice": row.notice,
        "evidence": row.evidence is not None,
        "proof": row.proof or None,
    }
