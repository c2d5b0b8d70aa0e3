"""What channels ask of these registers: a right exercised in a shop, a word on being written to; carried out by the drain.

Whoever answers for the channel does it; where their role does not keep such a register the home's owner does, for what a
person asked must not wait for a role.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils import timezone

from kehu.collect.inbox.hands import Errand
from kehu.govern.models import Subscription
from kehu.govern.parts import held_now
from kehu.govern.subscriptions import Said, SuppressedHere, say
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.requests import open_request
from kehu.vault.ids import new_id

TOPIC: Final = "newsletter"
"""What somebody subscribes to who lets a shop write to them."""
_IDENTITY: Final = "identity."
_WAY: Final = 40  # characters


def take_access(errand: Errand) -> str | None:
    """A request for a copy."""
    return _request("access", errand)


def take_erasure(errand: Errand) -> str | None:
    """A request to be erased."""
    return _request("erase", errand)


def take_subscription(errand: Errand) -> str | None:
    """By which medium somebody may be written to: what they said last counts, wherever they said it.

    A yes that says not when it was said is no news to whoever said anything before; a no counts as of its message.
    """
    said, subject = errand.asked.said, errand.subject
    if subject is None:
        return "message_no_customer"
    medium, status, at = said["medium"], said["status"], datetime.fromisoformat(said["at"])
    # a no is of the record it came for, whatever another of the customer said since; a yes widens over nobody's later no
    held = held_now(subject)
    spoke = held.whole if status == "subscribed" else held.part
    before = (
        Subscription.objects.filter(subject__in=spoke, medium=medium, topic=TOPIC)
        .order_by("-at", "-recorded_at")
        .first()
    )
    if before is not None and status == "subscribed" and said.get("untimed"):
        return None
    if before is not None and (before.at > at or (before.at == at and status in (before.status, "subscribed"))):
        return None if before.status == status else "message_said_later"
    actor, id = _whoever_may("subscribe", errand.actor), new_id()
    told = Said(
        status, way=errand.channel.name[:_WAY], ground="consent" if status == "subscribed" else "", notice=errand.notice,
        proof="declared", at=at,
    )  # fmt: skip
    try:
        say(subject, medium, TOPIC, said=told, recorded_by=actor.staff, id=id)
    except SuppressedHere:
        return "message_suppressed"
    record_act("subscribe", subject, actor=actor, detail=id)
    return None


def _request(right: str, errand: Errand) -> str | None:
    """A request of the register, its clock running from when the message was accepted; the office answers it."""
    said = errand.asked.said
    identity = {name.removeprefix(_IDENTITY): held for name, held in said.items() if name.startswith(_IDENTITY)}
    # whoever is here by that id is the person; of anybody else stands what the shop said of them
    told = {
        "channel": errand.channel.name,
        **{name: held for name, held in said.items() if not name.startswith(_IDENTITY)},
    }
    open_request(
        subject=errand.subject, right=right, actor=_whoever_may("request", errand.actor),
        text="\n".join(f"{name}: {held}" for name, held in told.items()), received_at=min(errand.received_at, timezone.now()),
        identity=None if errand.subject is not None else {"channel": errand.channel.name, **identity, "shop": said["shop"]},
    )  # fmt: skip
    return None


def _whoever_may(act: str, actor: Actor) -> Actor:
    return actor if actor.role in ACTS[act] else owner_actor()
