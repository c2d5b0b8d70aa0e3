"""Commands on what leaves the house: lists (ask, list, approve, refuse, run, trace), and tokens for a recipient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.authorising import purpose_number
from kehu.doors.cli.frame import actor, actor_as, command
from kehu.doors.cli.installation import token

if TYPE_CHECKING:
    from kehu.serve.leaving.asking import Leaving
    from kehu.serve.leaving.tokens import OutsideToken

_BLOCK = 1 << 20


@click.group()
def exports() -> None:
    """Lists of customers that leave the house, for a named recipient in a named country."""


@exports.command(
    epilog="Example: kehu exports ask --purpose marketing --recipient 'Print House' --fields full_name,email"
)
@click.option("--purpose", required=True)
@click.option("--recipient", required=True, help="Who gets it, by name.")
@click.option(
    "--as", "kind", type=click.Choice(["processor", "controller", "sale"]), default="processor", show_default=True
)
@click.option("--country", default="", metavar="CC", help="Where it goes, if not to the controller's own country.")
@click.option("--fields", default="", help="By default what the purpose needs of the profile.")
@click.option("--law", default="", help="Only people whom this law pack covers: CN EU US JP AU.")
@command()
def ask(purpose: str, recipient: str, kind: str, country: str, fields: str, law: str) -> Any:
    """Ask for a list to leave. Above 500 customers (KEHU_EXPORT_ALONE) a second person lets it go within a day."""
    from kehu.serve.desk.listing import Filters
    from kehu.serve.leaving import asking

    purpose_number(purpose)
    chosen = tuple(name.strip() for name in fields.split(",") if name.strip())
    filters = Filters.read({"pack": law.upper()}, purpose=purpose)
    held = asking.ask(
        actor=actor_as(purpose, "give"), purpose=purpose, recipient=recipient, recipient_kind=kind,
        country=country.upper(), fields=chosen, filters=filters,
    )  # fmt: skip
    return {"exports": [_told(held)]}


@exports.command("list", epilog="Example: kehu exports list")
@command()
def list_() -> Any:
    """What was asked for, and what became of it."""
    from kehu.serve.leaving import asking

    return {"exports": [_told(one) for one in asking.requests(actor=actor(), newest=None)]}


@exports.command(epilog="Example: kehu exports approve 0199…")
@click.argument("id", type=click.UUID)
@command()
def approve(id: UUID) -> Any:
    """Let a list go: privacy or legal, and not whoever asked."""
    from kehu.serve.leaving import asking

    return {"exports": [_told(asking.decide(id, actor=actor(), approve=True))]}


@exports.command(epilog="Example: kehu exports refuse 0199…")
@click.argument("id", type=click.UUID)
@command()
def refuse(id: UUID) -> Any:
    """Keep a list here."""
    from kehu.serve.leaving import asking

    return {"exports": [_told(asking.decide(id, actor=actor(), approve=False))]}


@exports.command(epilog="Example: kehu exports run 0199… --to list.csv.age --key age1…")
@click.argument("id", type=click.UUID)
@click.option("--to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The sealed file to write.")
@click.option("--key", required=True, help="The recipient's public age key: nobody else opens the file.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@command()
def run(id: UUID, to: Path, key: str, form: str) -> Any:
    """Write the list, once: each chunk is decided and recorded for every customer in it before it is opened.

    Whoever has a second factor shows it within ten minutes before: `kehu token issue --code`.
    """
    from kehu.serve.leaving import asking, sending

    who = actor_as(asking.leaving_of(id).purpose, "give")
    sent = sending.send(id, actor=who, to=to, key=key, form=form)
    return {"file": str(sent.file), "sha256": sent.sha256, "rows": sent.rows, "kept_back": sent.kept_back}


@exports.command(epilog="Example: kehu exports trace found-on-the-web.csv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command()
def trace(file: Path) -> Any:
    """Whose copy a file is, or a part of it in whatever form: each list, and the answers of each token for a recipient,
    hold one made-up customer of their own. What is packed or encrypted must be opened before.
    """
    from kehu.serve.leaving import tracing

    who = actor()
    with file.open("rb") as held:
        found = tracing.trace(iter(lambda: held.read(_BLOCK), b""), actor=who)
    lists = [_told(one.list) | {"what": "list", "found": one.count} for one in found if one.list]
    pulls = [_token_told(one.token) | {"what": "token", "found": one.count} for one in found if one.token]
    return {"copies": sorted([*lists, *pulls], key=lambda copy: -copy["found"])}


@token.command("list", epilog="Example: kehu token list")
@command()
def token_list() -> Any:
    """Tokens for a recipient outside: how many customers it was answered about in 24 hours, and what became of them."""
    from kehu.serve.leaving import tokens

    return {"tokens": [_token_told(one) for one in tokens.tokens(actor=actor(), newest=None)]}


@token.command("approve", epilog="Example: kehu token approve 0199… --customers 5000")
@click.argument("id", type=click.UUID)
@click.option("--customers", type=int, help="Different customers in 24 hours; by default 20 times what goes alone.")
@command()
def token_approve(id: UUID, customers: int | None) -> Any:
    """Let a token for a recipient go on: privacy or legal, and neither whom it acts for nor who issued it."""
    from kehu.serve.leaving import tokens

    return {"tokens": [_token_told(tokens.decide(id, actor=actor(), approve=True, most=customers))]}


@token.command("refuse", epilog="Example: kehu token refuse 0199…")
@click.argument("id", type=click.UUID)
@command()
def token_refuse(id: UUID) -> Any:
    """End a token for a recipient at once."""
    from kehu.serve.leaving import tokens

    return {"tokens": [_token_told(tokens.decide(id, actor=actor(), approve=False))]}


def _token_told(held: OutsideToken) -> dict[str, Any]:
    return {
        "id": str(held.id),
        "state": held.state,
        "staff": held.email.removesuffix("@home"),
        "purpose": held.purpose,
        "recipient": held.recipient,
        "as": held.recipient_kind,
        "country": held.country,
        "customers": held.pulled,
        "most": held.most,
        "issued_at": held.issued_at.isoformat(),
        "expires_at": held.expires_at.isoformat(),
    }


def _told(held: Leaving) -> dict[str, Any]:
    return {
        "id": str(held.id),
        "state": held.state,
        "purpose": held.purpose,
        "recipient": held.recipient,
        "as": held.recipient_kind,
        "country": held.country,
        "fields": list(held.fields),
        "customers": held.customers,
        "asked_at": held.asked_at.isoformat(),
        "rows": held.rows,
    }
