"""What the office changes of a channel: made, another key, another secret, another mapping; each stands in the ledger.

Keys and secrets open the house to programs, so whoever has a second factor shows it first.
"""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern import channels
from kehu.govern.models import Channel
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.step_up import require_step_up

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/?#\\]{1,60}")


class NameRefused(ValueError):
    """A channel's name has 1 to 60 characters, none of them one that an address keeps for itself."""


@transaction.atomic
def make_channel(name: str, kind: str, *, actor: Actor, country: str = "") -> tuple[Channel, str | None]:
    """Make a channel; returns it with its key where the kind has one: shown once, its digest is kept.

    Raises:
        ActRefused: the role may not.
        NameRefused: it cannot be called so.
        ChannelTaken: the name is in use.
        ValueError: no such kind, or no country.
    """
    require_act("channel", actor)
    if not _NAME.fullmatch(name) or name != name.strip():
        raise NameRefused("name: 1 to 60 characters")
    made, key = channels.add_channel(name, kind, owner=actor.staff, country=country)
    _record(made, actor)
    return made, key


@transaction.atomic
def change_key(channel: Channel, *, actor: Actor) -> str | None:
    """Give a channel another key, returned this once; None: its kind has none. The one before opens nothing any more.

    Raises:
        ActRefused: the role may not.
        Refused: the second factor was not shown lately.
    """
    require_act("channel", actor)
    require_step_up(actor)
    key = channels.renew_key(channel)
    if key is not None:
        _record(channel, actor)
    return key


@transaction.atomic
def change_secret(channel: Channel, secret: str, *, actor: Actor) -> None:
    """Give a channel the secret that its sender signs with; the one before opens nothing any more.

    Raises:
        ActRefused: the role may not.
        Refused: the second factor was not shown lately.
        NotSigned, SecretRefused: its kind signs nothing; the secret is too short or too long.
    """
    require_act("channel", actor)
    require_step_up(actor)
    keep_secret(channel, secret)
    _record(channel, actor)


@transaction.atomic
def change_mapping(channel: Channel, content: bytes, *, actor: Actor) -> dict[str, Any]:
    """Have a channel's messages read by these settings, a TOML file, from the next message on; returns them as kept.

    Raises:
        ActRefused: the role may not.
        SettingsRefused: no TOML, or something in it is unknown or missing.
    """
    require_act("channel", actor)
    settings = keep_settings(channel, content)
    _record(channel, actor)
    return settings


def _record(channel: Channel, actor: Actor) -> None:
    record_act("channel", None, actor=actor, detail=UUID(int=channel.id))
