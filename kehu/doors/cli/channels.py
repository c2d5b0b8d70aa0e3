"""Commands on channels: the ways records come in, their keys, and the terms of those that send by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from kehu.doors.cli.frame import FAILED, USAGE, Failure, actor, command
from kehu.doors.cli.installation import owner_only

if TYPE_CHECKING:
    from kehu.govern.models import Channel


@click.group()
def channel() -> None:
    """Ways records come in."""


@channel.command("add", epilog="Example: kehu channel add fair --kind store")
@click.argument("name")
@click.option("--kind", required=True)
@click.option("--country", default="", help="Where it collects; see KEHU_LAWS_FOLLOW.")
@command()
def add(name: str, kind: str, country: str) -> Any:
    """Add a channel; a kind that programs write to gets a key, shown once."""
    from kehu.collect.inbox.changes import make_channel
    from kehu.govern.channels import ChannelTaken

    owner_only()
    try:
        made, key = make_channel(name, kind, actor=actor(), country=country)
    except ChannelTaken:
        raise Failure(FAILED, "taken", "A channel of this name is here already.", "Name another.") from None
    return {"id": made.id, "key": key}


@channel.command("list", epilog="Example: kehu channel list --json")
@command()
def list_() -> Any:
    """Every channel."""
    from kehu.collect.inbox import queries

    held = queries.channels(actor=actor())
    return {"channels": [{"id": one.id, "name": one.name, "kind": one.kind, "country": one.country} for one in held]}


@channel.command("show", epilog="Example: kehu channel show web")
@click.argument("name")
@command()
def show(name: str) -> Any:
    """A channel's terms, what it sent, what waits, and names in its messages that no field has."""
    from kehu.collect.inbox import queries

    return _shown(queries.status_of(channel_named(name), actor=actor()))


@channel.command(
    "set", epilog="Example: kehu channel set web --basis contract --consent ads=marketing --field shoe=size"
)
@click.argument("name")
@click.option("--controller", help="The company it collects for.")
@click.option("--basis", help="The lawful basis of what it sends.")
@click.option("--notice", help="The notice shown there.")
@click.option("--source", help="Whom it comes from, if not from the customers (kehu source list); empty: from them.")
@click.option("--residence", metavar="COUNTRY", help="Where people live of whom it says no country; empty: unknown.")
@click.option("--consent", "consents", multiple=True, metavar="WORD=PURPOSE", help="The sender's word for a consent.")
@click.option("--field", "fields", multiple=True, metavar="NAME=FIELD", help="The sender's name for a field.")
@command()
def set_(
    name: str, controller: str | None, basis: str | None, notice: str | None, source: str | None, residence: str | None,
    consents: tuple[str, ...], fields: tuple[str, ...],
) -> Any:  # fmt: skip
    """Say under which terms a channel brings in what it sends from now on; what is left out stays."""
    from kehu.collect.inbox import queries
    from kehu.collect.inbox.terms import TermsNotUnderstood, set_terms

    owner_only()
    held = channel_named(name)
    try:
        set_terms(
            held, actor=actor(), controller=controller, basis=basis, notice=notice, residence=residence, source=source,
            consents=_pairs("consent", consents), fields=_pairs("field", fields),
        )  # fmt: skip
    except TermsNotUnderstood as wrong:
        raise Failure(USAGE, f"bad-{wrong.option}", str(wrong)) from None
    return _shown(queries.status_of(held, actor=actor()))


@channel.command("key", epilog="Example: kehu channel key web")
@click.argument("name")
@command()
def key(name: str) -> Any:
    """Give a channel a new key, shown once; the old one opens nothing from this moment."""
    from kehu.collect.inbox.changes import change_key

    owner_only()
    held = channel_named(name)
    made = change_key(held, actor=actor())
    if made is None:
        raise Failure(USAGE, "no-key", "Channels of this kind have no key.")
    return {"id": held.id, "key": made}


def channel_named(name: str) -> Channel:
    """The channel of a name.

    Raises:
        Failure: there is none.
    """
    from kehu.govern.models import Channel

    held = Channel.objects.filter(name=name).first()
    if held is None:
        raise Failure(FAILED, "unknown-channel", "No such channel.", "See: kehu channel list")
    return held


def _pairs(option: str, said: tuple[str, ...]) -> dict[str, str] | None:
    if not said:
        return None
    pairs = [one.partition("=") for one in said]
    if any(not name or not equals for name, equals, _ in pairs):
        raise Failure(USAGE, f"bad-{option}", f"--{option} takes the sender's word, an equals sign, and ours.")
    return {name: ours for name, _, ours in pairs if ours}


def _shown(held: Any) -> dict[str, Any]:
    from kehu.govern.channels import page_key_of

    return {
        "id": held.channel.id, "name": held.channel.name, "kind": held.channel.kind, "country": held.channel.country,
        "page_key": page_key_of(held.channel),
        "controller": held.controller, "basis": held.basis, "notice": held.notice, "residence": held.residence,
        "source": held.source,
        "consents": held.consents, "fields": held.fields,
        "waiting": {"messages": held.waiting, "requests": held.requests, "since": _time(held.since)},
        "came": [
            {
                "kind": one.kind, "rows": one.rows, "accepted": one.accepted, "duplicates": one.duplicates,
                "quarantined": one.quarantined, "last_at": _time(one.last_at),
            }
            for one in held.came
        ],
        "unread": [{"name": name, "messages": messages} for name, messages in held.unread],
    }  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
