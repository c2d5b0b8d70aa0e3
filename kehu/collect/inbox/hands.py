"""Hands: who carries out what a message asks of a register that lies above this room.

A message may exercise a right or say by which medium somebody may be written to; those registers are of ``serve``, which this
room does not know. So whoever keeps one registers a hand by name when the program starts, and the drain calls it in the
transaction that takes the message out of the inbox: both stand, or neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import polars as pl
from django.db import connection

from kehu.collect.channels import Asked
from kehu.govern.models import Channel
from kehu.guard.gate.actor import Actor
from kehu.guard.installation import installation
from kehu.refine.clean import clean


@dataclass(frozen=True, slots=True)
class Errand:
    """What is asked, of whom (None: nobody here has that id), by which channel, and when it was accepted."""

    asked: Asked
    subject: UUID | None
    channel: Channel
    notice: int
    received_at: datetime
    actor: Actor


Hand = Callable[[Errand], str | None]
"""Carries an errand out in the caller's transaction; returns why not, as a reason of the quarantine."""
_HANDS: dict[str, Hand] = {}


def register(name: str, hand: Hand) -> None:
    """Have errands of that name carried out by it; the last to register counts."""
    _HANDS[name] = hand


def hand_of(name: str) -> Hand:
    """The hand of that name.

    Raises:
        LookupError: nobody has registered one.
    """
    return _HANDS[name]


def customers_of(channel: Channel, controller: int, names: Sequence[str]) -> dict[str, UUID]:
    """Whose ids at a channel these are, as far as they are here."""
    held = sorted(set(names))
    # the key of a person's record, as an import makes it
    frame = clean(pl.DataFrame({"external_id": held}), residence=None, columns={"external_id": "code"})
    source = installation().tokens.source
    made = {
        name: source(controller, channel.id, 1, normal or name)
        for name, normal in zip(held, frame["external_id__n"].to_list(), strict=True)
    }
    with connection.cursor() as cursor:
        cursor.execute("select token, subject from source_key where token = any (%s)", [list(made.values())])
        found = {bytes(token): subject for token, subject in cursor.fetchall()}
    return {name: found[token] for name, token in made.items() if token in found}
