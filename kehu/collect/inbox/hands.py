"""Hands: who carries out what a message asks of a register that lies above this room.

A message may exercise a right or say by which medium somebody may be written to; those registers are of ``serve``, which this
room does not know. So whoever keeps one registers a hand when the program starts, by the name of its function (most programs
never take a message in), and the drain calls it in the transaction that takes the message out of the inbox: both stand, or
neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from kehu.collect.channels import Asked
    from kehu.govern.models import Channel
    from kehu.guard.gate.actor import Actor


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
_HANDS: dict[str, str] = {}


def register(name: str, hand: str) -> None:
    """Have errands of that name carried out by the function of that dotted name; the last to register counts."""
    _HANDS[name] = hand


def hand_of(name: str) -> Hand:
    """The hand of that name.

    Raises:
        LookupError: nobody has registered one.
        ImportError: there is no such function.
    """
    hand: Hand = import_string(_HANDS[name])
    return hand
