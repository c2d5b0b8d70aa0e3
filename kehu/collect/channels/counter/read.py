"""What a message of the counter becomes: a person, and each consent as they gave it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kehu.collect.channels import Asked, Brought, Reading, Terms, Unreadable
from kehu.collect.signed.parts import earliest, moment

HAND: Final = "counter-consent"


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    for place in places:
        message = envelope["m"][place]
        name, subject = message.get("name"), message.get("subject")
        if not (name or subject):
            reading.refused.append(Unreadable(place, "message_no_customer"))
            continue
        at = earliest(received, moment(message.get("at"))).isoformat()
        if contact := message.get("contact"):
            values = {"external_id": str(name), **{part: str(held) for part, held in contact.items() if held}}
            reading.rows.append(
                Brought("interactions", values, str(message["id"]), terms.residence, at=at, message=place)
            )
            continue
        fields = dict(message.get("fields") or {})
        if name and fields:
            values = {"external_id": str(name), **fields}
            residence = fields.get("country") or terms.residence
            row = Brought("customers", values, str(message["id"]), residence, at=at, message=place)
            reading.rows.append(row)
        for consent in message.get("consents") or ():
            said = {
                "purpose": str(consent["purpose"]), "version": str(consent["version"]), "at": at,
                **{part: str(message[part]) for part in ("by", "way", "notice", "language")},
            }  # fmt: skip
            meant = UUID(str(subject)) if subject else None
            reading.asked.append(Asked(HAND, None if meant else str(name), said, place, subject=meant))
    return reading
