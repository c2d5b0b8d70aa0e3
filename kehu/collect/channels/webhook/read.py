"""What a generic webhook becomes: the rows that its settings make of its topic, field by field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kehu.collect.channels import Brought, Reading, Terms, Unreadable
from kehu.collect.models import SignedChannel
from kehu.collect.signed.answering import LONGEST_HEADER
from kehu.collect.signed.parts import Refused, at_path, count_unread, earliest, guest, moment, text, values_of

_EVENT_TIME: Final = {"orders": "ordered_at", "interactions": "at"}


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    for place in places:
        message = envelope["m"][place]
        try:
            rows = _rows(message, received, terms)
        except Refused as why:
            reading.refused.append(Unreadable(place, str(why), _whose(message)))
            continue
        taken = [path for row in message["row"] for path in row["fields"]]
        taken += [message["at"], *message.get("heeded", ())]  # what says when, which topic and which message it is
        count_unread(message["body"], {*taken, *(path.partition(".")[0] for path in taken)}, reading.unread)
        for row in rows:
            row.message = place
        reading.rows += rows
    return reading


def again(message: Any, channel: int) -> Any:
    """A refused message as the channel's settings of now read it."""
    held = SignedChannel.objects.filter(channel=channel).first()
    settings = held.settings if held is not None else {}
    if not settings.get("row"):
        return {"m": [message]}
    return {"m": [_renewed(message, settings)]}


def _renewed(message: Any, settings: Mapping[str, Any]) -> Any:
    if not isinstance(message, dict) or "body" not in message:
        return message
    place, topic = str(settings.get("topic", "")), message.get("topic", "")
    if place and not place.startswith("header:"):
        topic = (text(at_path(message["body"], place)) or "")[:LONGEST_HEADER]
    return {**message, "topic": topic, "at": settings.get("at", ""), "row": settings["row"]}


def _whose(message: Any) -> str | None:
    """Whom a message of no known topic is about: by the id that rows of its own resource have, else by address or number."""
    body, resource = message["body"], _resource(message["topic"])
    akin = [row for row in message["row"] if resource in map(_resource, row["topics"])]
    told: dict[str, str] = {}
    for row in message["row"]:
        # `id` is a customer's in "customers/disable", as it is in "customers/create", and an order's in "orders/create"
        fields = {path: field for path, field in row["fields"].items() if field != "external_id" or row in akin}
        told = values_of(body, fields) | told
    name = told.get("external_id") or guest(told.get("email"), told.get("phone"))
    return name[:200] if name is not None else None


def _resource(topic: str) -> str:
    return re.split(r"[/._:]", topic, maxsplit=1)[0].casefold()


def _rows(message: Any, received: datetime, terms: Terms) -> list[Brought]:
    body, topic = message["body"], message["topic"]
    wanted = [row for row in message["row"] if not row["topics"] or topic in row["topics"]]
    if not wanted:
        raise Refused("message_unknown_topic")
    said = moment(at_path(body, message["at"])) if message["at"] else None
    at = earliest(received, said).isoformat()
    found: list[Brought] = []
    told = Counter[str]()
    for row in wanted:
        # events of a message are told apart by their row; the first of a kind has the message's own id
        own = f"{message['own']}\x1f{told[row['kind']]}" if told[row["kind"]] else str(message["own"])
        told[row["kind"]] += 1
        values = values_of(body, row["fields"])
        name = values.get("external_id") or guest(values.get("email"), values.get("phone"))
        if name is None:
            continue
        values["external_id"] = name[:200]
        if row["kind"] in _EVENT_TIME:
            values.setdefault(_EVENT_TIME[row["kind"]], at)
        residence = values.get("country") or terms.residence
        found.append(Brought(row["kind"], values, own, residence, at=at if said is not None else None))
    if not found:
        raise Refused("message_no_customer")
    return found
