"""What a released profile becomes: a customer, with what they allowed beside."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kehu.collect.channels import Brought, Reading, Terms


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    del received
    reading = Reading()
    for place in places:
        message = envelope["m"][place]
        values = {"external_id": message["who"], **message["values"]}
        allowed = {purpose: True for purpose in message["purposes"] if purpose in set(terms.consents.values())}
        residence = values.get("country") or terms.residence
        reading.rows.append(
            Brought(
                "customers",
                values,
                message["own"],
                residence,
                allowed,
                message["at"] if allowed else None,
                at=message["at"],
                message=place,
            )
        )
    return reading
