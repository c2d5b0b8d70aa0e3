"""Commands on whom no letter may go to: suppression and do-not-call lists."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kehu.doors.cli.frame import FAILED, Failure, actor, command


@click.command("suppress", epilog="Example: kehu subscriptions suppress robinson.csv --list robinson --medium phone")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--list", "name", required=True, help="What the list is called, beside whatever it stops.")
@click.option(
    "--medium", default="", help="One medium alone (email sms phone); else each that reaches such an address."
)
@click.option("--topic", default="", help="One topic alone; else everything that is advertising.")
@click.option("--country", default="", help="Of numbers without a country.")
@command()
def suppress(file: Path, name: str, medium: str, topic: str, country: str) -> Any:
    """Bring in a suppression or do-not-call list: any file; each cell that is an email address or phone number counts."""
    from kehu.collect.readers import UnreadableSource
    from kehu.doors.cli.bars import counted
    from kehu.serve.mailing import lists

    who, scope = actor(), {"medium": medium, "topic": topic, "country": country.upper()}
    try:
        with counted("rows") as told:
            return asdict(lists.bring(file, name, actor=who, **scope, progress=told))
    except UnreadableSource as unreadable:
        raise Failure(FAILED, unreadable.code, str(unreadable), unreadable.remedy) from None


@click.command("lists", epilog="Example: kehu subscriptions lists")
@command()
def suppression_lists() -> Any:
    """The lists that are here, with how many addresses stand on each; with `more` at least so many."""
    from kehu.serve.mailing import lists

    held = lists.lists(actor=actor())
    return {
        "lists": [
            {"list": one.name, "addresses": one.addresses, "more": one.more, "since": one.since.isoformat()}
            for one in held
        ]
    }
