"""Commands on channels whose sender signs: the secret that both hold, and how a generic webhook is read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kehu.doors.cli.channels import channel_named
from kehu.doors.cli.frame import USAGE, Failure, actor, command, told
from kehu.doors.cli.installation import owner_only


@click.command("secret", epilog="Example: kehu channel secret shop < secret.txt")
@click.argument("name")
@command()
def secret(name: str) -> Any:
    """Give a channel the secret that its sender signs with, from standard input; the old one opens nothing from this moment."""
    from kehu.collect.channels import kinds
    from kehu.collect.inbox.changes import change_secret
    from kehu.collect.signed.secrets import NotSigned, SecretRefused, require_signed

    owner_only()
    held = channel_named(name)
    try:
        require_signed(held)
        change_secret(held, _asked(), actor=actor())
    except NotSigned:
        raise Failure(
            USAGE, "not-signed", "Senders of this kind of channel sign nothing.", "See: kehu channel key"
        ) from None
    except SecretRefused as refused:
        raise Failure(USAGE, "bad-secret", str(refused)) from None
    page = kinds()[held.kind].page
    return {"id": held.id, "path": f"{page or f'/hooks/{held.kind}'}/{held.id}"}


@click.command("mapping", epilog="Example: kehu channel mapping shop shopline.toml")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command()
def mapping(name: str, file: Path) -> Any:
    """Say how the sender of a generic webhook signs and which of its fields are ours; counts for the next message."""
    from kehu.collect.channels import kinds
    from kehu.collect.inbox.changes import change_mapping
    from kehu.collect.signed.settings import SettingsRefused

    owner_only()
    held = channel_named(name)
    kind = kinds().get(held.kind)
    if kind is None or not kind.mapped:
        raise Failure(USAGE, "no-mapping", "Messages of this kind of channel are read without a mapping.")
    try:
        settings = change_mapping(held, file.read_bytes(), actor=actor())
    except SettingsRefused as refused:
        raise Failure(USAGE, "bad-mapping", str(refused)) from None
    return {"id": held.id, "settings": settings}


def _asked() -> str:
    """The secret: a line of standard input, or asked for without echo at a terminal."""
    said: str = click.prompt("Secret", hide_input=True, err=True) if sys.stdin.isatty() else told("-")
    return said.strip()
