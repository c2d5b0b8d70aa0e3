"""Mailboxes: where a channel's mail is fetched from, with which account, from when on."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.collect.models import Mailbox
from kehu.collect.signed.secrets import seal_for
from kehu.govern.models import Channel
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.step_up import require_step_up

KIND: Final = "mailbox"
TLS_PORT: Final = 993


class BoxRefused(ValueError):
    """Something of a mailbox is missing or wrong; ``option`` names it."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@transaction.atomic
def set_box(
    channel: Channel,
    *,
    actor: Actor,
    host: str,
    account: str,
    password: str,
    port: int = TLS_PORT,
    folder: str = "INBOX",
    everything: bool = False,
    marks_seen: bool = False,
) -> Mailbox:
    """Say where a channel's mail is fetched from; what is in the folder already is left there unless ``everything`` comes.

    Said again of the same folder (another password), it goes on where it was: what came meanwhile is not left out.

    Raises:
        ActRefused: the role may not change channels.
        Refused: the second factor was not shown lately.
        BoxRefused: the channel is no mailbox, or something is missing, too long or written over two lines.
    """
    require_act("channel", actor)
    require_step_up(actor)
    if channel.kind != KIND:
        raise BoxRefused("name", "Mail is fetched for channels of the kind `mailbox`.")
    for option, text, most in (
        ("host", host, 253),
        ("account", account, 254),
        ("folder", folder, 200),
        ("password", password, 512),
    ):
        if not 0 < len(text) <= most or not text.isprintable():
            raise BoxRefused(option, f"{option}: 1 to {most} characters on one line")
    if not 0 < port < 65_536:
        raise BoxRefused("port", "port: 1 to 65535")
    held = Mailbox.objects.filter(channel=channel.id).first()
    goes_on = held is not None and (held.host, held.account, held.folder) == (host, account, folder)
    since: date | None = None
    if not everything:
        since = held.since if held is not None and goes_on else timezone.now().date()
    told = {
        "host": host, "port": port, "account": account, "folder": folder, "sealed": seal_for(channel.id, password),
        "since": since, "marks_seen": marks_seen, "failure": "",
    }  # fmt: skip
    if not goes_on or (held is not None and held.since != since):  # everything is wanted now: what is known comes once
        told |= {"validity": 0, "last": 0}
    made, _ = Mailbox.objects.update_or_create(channel=channel.id, defaults=told)
    record_act("channel", None, actor=actor, detail=UUID(int=channel.id))
    return made


def is_here(host: str) -> bool:
    """Whether a host is this machine: only there may a password go without TLS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
