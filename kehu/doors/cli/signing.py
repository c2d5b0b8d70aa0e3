"""Commands for the sign-in of staff: a link to a new password, and in a demonstration the code of the moment."""

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
    """Make a link by which somebody chooses a new password: good once, for a day, shown once.

    Choosing it ends every session and token of the account. Nobody resets their own password by mail.
    """
    from django.db import transaction

    from kehu.guard.ledger.record import record_act
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.staff.passwords import make_link
    from kehu.guard.staff.step_up import void_factors

    owner_only()
    with transaction.atomic():
        person = actor_of(email)
        if person.role == "owner":
            raise ValueError("email: the owner has no sign-in")
        if reset_factor:
            void_factors(person.staff)
        secret, until = make_link(person.staff)
        record_act("staff", None, actor=actor())
    address = f"http://localhost:{os.environ.get('KEHU_PORT', '8000')}/account/password/{secret}"
    return {"email": email.lower(), "url": address, "expires_at": until.isoformat()}


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
