"""Commands on uses that an investigation keeps from the customers' own logs for a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, MOMENT, REFUSED, Failure, actor, command

if TYPE_CHECKING:
    from kehu.guard.ledger.withheld import Withholding


@click.group()
def withhold() -> None:
    """Keep uses by one person from the customers' own logs for a time: an investigation."""


@withhold.command("ask", epilog="Example: kehu ledger withhold ask li@shop.example --purpose security --until 2027-01-31 "
                                "--reference F-2026-18")  # fmt: skip
@click.argument("email")
@click.option("--purpose", required=True, help="legal, security or claims.")
@click.option("--since", type=MOMENT, help="Uses from then on; now if left out.")
@click.option("--until", type=MOMENT, required=True, help="The day they appear by themselves, within a year.")
@click.option("--reference", required=True, help="The number of the file; no names.")
@command()
def withhold_ask(email: str, purpose: str, since: datetime | None, until: datetime, reference: str) -> Any:
    """Ask for it: uses by EMAIL for a purpose. Somebody of another office has to let it."""
    from kehu.guard.ledger import withheld

    try:
        asked = withheld.ask(actor=actor(), email=email, purpose=purpose, since=since, until=until, reference=reference)
    except LookupError:
        raise Failure(FAILED, "unknown-staff", "Nobody of that email works here.") from None
    return _withheld([asked])


@withhold.command("list", epilog="Example: kehu ledger withhold list")
@command()
def withhold_list() -> Any:
    """All of them, newest first."""
    from kehu.guard.ledger import withheld

    return _withheld(withheld.withholdings(actor=actor()))


@withhold.command("approve", epilog="Example: kehu ledger withhold approve 0199…")
@click.argument("id")
@command()
def withhold_approve(id: str) -> Any:
    """Let it: as somebody of another office than who asked."""
    return _withhold_done(id, "approve")


@withhold.command("refuse", epilog="Example: kehu ledger withhold refuse 0199…")
@click.argument("id")
@command()
def withhold_refuse(id: str) -> Any:
    """Refuse it."""
    return _withhold_done(id, "refuse")


@withhold.command("lift", epilog="Example: kehu ledger withhold lift 0199…")
@click.argument("id")
@command()
def withhold_lift(id: str) -> Any:
    """Show the rows now, before their day."""
    return _withhold_done(id, "lift")


def _withhold_done(id: str, act: str) -> Any:
    from kehu.guard.ledger import withheld

    try:
        named = UUID(id)
        if act == "lift":
            return _withheld([withheld.lift(named, actor=actor())])
        return _withheld([withheld.decide(named, actor=actor(), approve=act == "approve")])
    except (ValueError, withheld.UnknownWithholding):
        raise Failure(FAILED, "unknown-request", "No such request.", "See: kehu ledger withhold list") from None
    except withheld.NotToDecide as state:
        raise Failure(REFUSED, "decided", f"It is {state}.") from None


def _withheld(found: Iterable[Withholding]) -> dict[str, Any]:
    return {
        "withheld": [
            {
                "id": one.id, "state": one.state, "purpose": one.purpose, "human": one.human,
                "since": one.since.isoformat(), "until": one.until.isoformat(), "reference": one.reference,
                "asked_by": one.asked_by, "decided_by": one.decided_by,
            }
            for one in found
        ]
    }  # fmt: skip
