"""The demonstration's staff: one member per role, each in a department, with a new password at each start."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import SignIn, actor_of, add_staff, owner_actor, renew_password
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import enrol
from kehu.guard.staff.step_up import compulsory

DOMAIN: Final = "demo.example"
DEPARTMENTS: Final = {
    "manager": "management", "marketing": "marketing", "service": "service-desk", "analyst": "analysis",
    "engineer": "engineering", "privacy": "privacy-office", "legal": "legal-affairs", "auditor": "audit",
}  # fmt: skip
COLLEAGUE: Final = f"campaigns@{DOMAIN}"
"""A second one of marketing, for what needs two of a role; nobody signs in as them."""


def member(role: str) -> Actor:
    """The member of staff of a role."""
    return actor_of(f"{role}@{DOMAIN}")


def add_members() -> None:
    """Make who is not there yet; the owner vouches for them."""
    here = set(Staff.objects.values_list("email", flat=True))
    people = {f"{role}@{DOMAIN}": role for role in DEPARTMENTS} | {COLLEAGUE: "marketing"}
    for email, role in people.items():
        if email not in here:
            with transaction.atomic():
                add_staff(email=email, role=role, department=DEPARTMENTS[role], attest=True)
                record_act("attest", None, actor=owner_actor())


def sign_ins() -> list[tuple[str, str, SignIn]]:
    """One sign-in per role (role, department), each with a new random password: none is ever kept in clear.

    Where the role may not be without a second factor, with the secret of a new authenticator.
    """
    made = []
    for role, department in DEPARTMENTS.items():
        with transaction.atomic():
            account = renew_password(f"{role}@{DOMAIN}")
            if compulsory(role):
                account = SignIn(account.email, account.password, enrol(Staff.objects.get(email=account.email)))
            made.append((role, department, account))
            record_act("staff", None, actor=owner_actor())
    return made
