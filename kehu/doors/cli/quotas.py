"""Commands on quotas: how many customers a person may use in an hour and a day."""

from __future__ import annotations

from typing import Any

import click

from kehu.doors.cli.frame import actor, command


@click.group()
def quota() -> None:
    """How many customers a person may use in an hour and a day, by role and purpose."""


@quota.command("list", epilog="Example: kehu quota list")
@command()
def quota_list() -> Any:
    """The quotas that hold now."""
    return _limits()


@quota.command("set", epilog="Example: kehu quota set service --purpose complaints --hour 60 --day 300")
@click.argument("role")
@click.option(
    "--meter", default="opened", show_default=True, help="opened: records shown or compared; listed: rows of lists."
)
@click.option("--purpose", help="This purpose only; all that have no quota of their own if left out.")
@click.option("--hour", type=click.IntRange(min=1), help="The most customers in an hour by the clock.")
@click.option("--day", type=click.IntRange(min=1), help="The most customers in 24 hours.")
@click.option("--none", "free", is_flag=True, help="No quota at all.")
@click.option("--back", is_flag=True, help="What held before it was set holds again.")
@command()
def quota_set(
    role: str, meter: str, purpose: str | None, hour: int | None, day: int | None, free: bool, back: bool
) -> Any:
    """Put a quota in force for ROLE at once: numbers, --none or --back."""
    from kehu.govern.quotas import Quota
    from kehu.guard.gate.quotas import set_limit

    if [hour is not None or day is not None, free, back].count(True) != 1:
        raise click.UsageError("say one of: --hour and --day, --none, --back")
    set_limit(role, meter, None if back else Quota(hour, day), actor=actor(), purpose=purpose)
    return _limits()


@quota.command("taken", epilog="Example: kehu quota taken li@shop.example")
@click.argument("email", required=False)
@command()
def quota_taken(email: str | None) -> Any:
    """What was taken in this hour and in 24 hours: by everybody, or by EMAIL."""
    from kehu.guard.gate import quotas
    from kehu.guard.staff.actions import actor_of

    rows = quotas.taken(actor=actor(), email=email)
    if email and not rows:
        actor_of(email)  # of nobody is another answer than of one who took nothing
    return {
        "taken": [
            {
                "email": one.email, "purpose": one.purpose, "meter": one.meter, "hour": one.in_hour, "day": one.in_day,
                "refused": one.refused,
            }
            for one in rows
        ]
    }  # fmt: skip


def _limits() -> dict[str, Any]:
    from kehu.guard.gate.quotas import limits

    return {
        "quotas": [
            {
                "role": one.role, "meter": one.meter, "purpose": one.purpose or None, "hour": one.quota.per_hour,
                "day": one.quota.per_day, "shipped": one.shipped,
            }
            for one in limits()
        ]
    }  # fmt: skip
