"""What a mail becomes: something somebody said to the house, theirs by the address that exactly one customer has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kehu.collect.channels import Asked, Brought, Reading, Terms, Unreadable
from kehu.collect.signed.parts import earliest, guest, moment


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    for place in places:
        message = envelope["m"][place]
        at = earliest(received, moment(message.get("at"))).isoformat()
        if message.get("bounced"):  # a report of a mail server: nobody said anything
            reading.asked += [
                Asked("bounce", None, {"to": to, "kind": kind, "own": str(message["own"]), "at": at}, place)
                for to, kind in message["bounced"]
            ]
            continue
        if "head" in message:  # a letter that could not be read
            whose = guest(message["from"], None)
            reading.refused.append(Unreadable(place, "message_not_taken_in", whose))
            continue
        sender = message.get("from")
        if not sender:
            reading.refused.append(Unreadable(place, "message_names_nobody"))
            continue
        values = {
            # letters of one writer stay together; whose they are is a guess until somebody confirms it
            "external_id": guest(sender, None), "email": sender, "kind": message["kind"], "at": at,
            "topic": message.get("subject"), "text": _text(message),
        }  # fmt: skip
        held = {name: value for name, value in values.items() if value}
        reading.rows.append(Brought("interactions", held, str(message["own"]), terms.residence, at=at, message=place))
    return reading


def _text(message: Any) -> str:
    """The text, and what was attached by name: files stay in the mailbox."""
    attached = message.get("attached") or []
    named = f"[attached: {'; '.join(attached)}]" if attached else ""
    cut = "[cut]" if message.get("cut") else ""
    return " ".join(part for part in (message.get("text") or "", cut, named) if part)
