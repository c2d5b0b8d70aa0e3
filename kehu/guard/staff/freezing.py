"""Accounts that a violation case froze: nobody signs in to one, and no credential of it is worth anything (migration 0023)."""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def is_frozen(staff: UUID) -> bool:
    """Whether a case has the account frozen now."""
    with connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from guard_staff where id = %s and frozen_at is not null)", [staff])
        [frozen] = cursor.fetchone()
    return bool(frozen)
