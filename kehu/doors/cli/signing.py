"""Commands for the sign-in of staff: links to a password, single sign-on, and in a demonstration the code of the moment."""

from __future__ import annotations

import os
from typing import Any

import click

from kehu.doors.cli.frame import FAILED, REFUSED, Failure, actor, command
from kehu.doors.cli.installation import owner_only


@click.command("link", epilog="Example: kehu staff link li@shop.example")
@click.argument("email")
@click.option("--reset-factor", is_flag=True, help="Void the second factor, too: the next sign-in makes a new one.")
@command()
def staff_link(email: str, reset_factor: bool) -> Any:
    """Make a link by which somebody chooses a password: good once, for a day, shown once.

    Choosing it ends every session and token of the account. The owner makes it for everybody, the privacy office for all
    below the offices, a manager for those of their department who never came in; the person is told by mail.
    """
    from django.db import transaction

    from kehu.guard.ledger.record import record_act
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.staff.joining import make_link
    from kehu.guard.staff.step_up import void_factors

    person = actor_of(email)
    if person.role == "owner":
        raise ValueError("email: the owner has no sign-in")
    if reset_factor:
        owner_only()
        with transaction.atomic():
            void_factors(person.staff)
            record_act("staff", None, actor=actor(), detail=person.staff)
    try:
        secret, until = make_link(person.staff, actor=actor())
    except LookupError:
        raise Failure(FAILED, "unknown-staff", "Nobody of that email whom you look after.") from None
    address = f"http://localhost:{os.environ.get('KEHU_PORT', '8000')}/account/password/{secret}"
    return {"email": email.lower(), "url": address, "expires_at": until.isoformat()}


@click.command("sign-on", epilog="Example: kehu staff sign-on li@shop.example")
@click.argument("email")
@click.option("--end", is_flag=True, help="No more: the link to the identity goes, and who came in by it is out.")
@command()
def staff_sign_on(email: str, end: bool) -> Any:
    """Let an account come in by the company's own sign-on (KEHU_OIDC_ISSUER): owner and privacy office.

    The first sign-in there links it, by its verified address.
    """
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.staff.sign_on import allow_sign_on, standing_of

    person = actor_of(email)
    try:
        allow_sign_on(person.staff, actor=actor(), allowed=not end)
    except LookupError:
        raise ValueError("email: an account without a sign-in") from None
    held = standing_of(person.staff)
    return {
        "email": email.lower(),
        "allowed": held.allowed_at is not None,
        "linked_at": held.linked_at.isoformat() if held.linked_at else None,
    }


@click.command("code", epilog="Example: kehu staff code service@demo.example")
@click.argument("email")
@command()
def staff_code(email: str) -> Any:
    """In a demonstration: the code that an authenticator would show now. Elsewhere only the person's own telephone knows it."""
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.staff.second_factor import NotEnrolled, demonstrated_code
    from kehu.host.home import Home

    owner_only()
    if not Home.current().facts().get("demo"):
        raise Failure(
            REFUSED, "demo-only", "Codes are shown in a demonstration only.", "Use the person's authenticator."
        )
    try:
        code, seconds = demonstrated_code(actor_of(email).staff)
    except NotEnrolled:
        raise Failure(FAILED, "not-enrolled", "This account has no second factor.", "Sign in without a code.") from None
    return {"email": email.lower(), "code": code, "seconds": seconds}
