"""The counter of the tests: who stands at it, and what they take down."""

from __future__ import annotations

from uuid import UUID, uuid4

from kehu.govern.channels import add_channel
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Channel
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import owner_actor
from kehu.serve.counter import entries
from kehu.serve.counter.entries import read_entry, take_down
from tests.cast import staff


def open_counter() -> tuple[Channel, Actor]:
    """A counter, and the member of staff who stands at it."""
    channel, _ = add_channel("shop floor", "counter", owner=owner_actor().staff, country="CN")
    return channel, staff("service")


def said(*consents: str, id: UUID | None = None, language: str = "zh-hans", **more: str) -> dict[str, str]:
    """What the page sends: the consents that were given by the wordings that are offered now."""
    shown = {f"version.{one.purpose}": str(one.version) for one in entries.offered()}
    told = {"id": str(id or uuid4()), "language": language, "notice": str(notice_in_force().id)}
    return told | (shown if consents else {}) | more


def taken(desk: tuple[Channel, Actor], *consents: str, **more: str) -> bool:
    """Take somebody down; whether this entry was not here before."""
    channel, member = desk
    return take_down(channel, read_entry(said(*consents, **more), consents, purpose="service"), actor=member)
