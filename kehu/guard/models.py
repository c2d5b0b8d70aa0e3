"""Models of the guard: staff. Gate and ledger are plain SQL (migration 0002)."""

from kehu.guard.staff.models import Department, Staff

__all__ = ["Department", "Staff"]
