"""The demonstration's staff: one member per role, each in a department, with a new password at each start."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import SignIn, actor_of, add_staff, owner_actor, renew_password
from kehu.guard.staff.models import Staff

DOMAIN: Final = "demo.example"
DEPARTMENTS: Final = {
    "manager": "management", "marketing": "marketing", "service": "service-desk", "analyst": "analysis",
    "engineer": "engineering", "privacy": "privacy-office", "legal": "legal-affairs", "auditor": "audit",
}  # fmt: skip


def member(role: str) -> Actor:
    """The member of staff of a role."""
    return actor_of(f"{role}@{DOMAIN}")


def add_members() -> None:
    """Make who is not there yet; the owner vouches for them."""
    here = set(Staff.objects.values_list("email", flat=True))
    for role, department in DEPARTMENTS.items():
        email = f"{role}@{DOMAIN}"
        if email not in here:
            with transaction.atomic():
                add_staff(email=email, role=role, department=department, attest=True)
                record_act("attest", None, actor=owner_actor())


def sign_ins() -> list[tuple[str, str, SignIn]]:
    """One sign-in per role (role, department), each with a new random password: none is ever kept in clear."""
    made = []
    for role, department in DEPARTMENTS.items():
        with transaction.atomic():
            made.append((role, department, renew_password(f"{role}@{DOMAIN}")))
            record_act("staff", None, actor=owner_actor())
    return made
