"""What an official account's messages become: who follows it, a subscription to WeChat, and what they wrote as interactions.

The OpenID is the person's id at this channel, and no other account's. Where somebody is, is read only if the channel's terms
name a field for it; else it is counted and left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kehu.collect.channels import Asked, Brought, Reading, Terms, Unreadable
from kehu.collect.signed.parts import LONGEST, Refused, count_unread, earliest, id_of, moment, text, thing, values_of

_MEDIUM: Final = "wechat"
_FOLLOWS: Final[Mapping[str, str]] = {"subscribe": "subscribed", "unsubscribe": "unsubscribed"}
_DONE: Final[Mapping[str, str]] = {"scan": "wechat scan", "click": "wechat menu", "view": "wechat menu"}
_GONE: Final = ("user_authorization_revoke", "user_authorization_cancellation")
"""Somebody takes back at WeChat that we know them: what they released is to be deleted (PIPL 47)."""
_MESSAGES: Final = ("text", "image", "voice", "video", "shortvideo", "location", "link")
_READ: Final = frozenset({
    "ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "MsgDataId", "Idx", "Event", "EventKey", "Ticket", "Content",
    "Title", "Description", "OpenID", "AppID", "MenuId",
})  # fmt: skip


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    for place in places:
        whose = None
        try:
            message = _Message(envelope["m"][place], received, terms)
            whose = message.whose
            rows, asked = message.rows(), message.asked()
        except Refused as why:
            reading.refused.append(Unreadable(place, str(why), whose))
            continue
        count_unread(message.body, {*_READ, *terms.fields}, reading.unread)
        for row in rows:
            row.message = place
        reading.rows += rows
        reading.asked += [Asked(one.hand, one.customer, one.said, place) for one in asked]
    return reading


class _Message:
    """One message or event."""

    def __init__(self, message: Any, received: datetime, terms: Terms) -> None:
        self.body = thing(message["body"])
        self._own = str(message["own"])
        self._terms = terms
        self._at = earliest(received, moment(self.body.get("CreateTime"))).isoformat()
        self._event = (text(self.body.get("Event")) or "").lower()
        who = id_of(self.body.get("OpenID")) if self._event in _GONE else None
        who = who or id_of(self.body.get("FromUserName"))
        if who is None:
            raise Refused("message_no_customer")
        self.whose = who

    def rows(self) -> list[Brought]:
        """The records in it.

        Raises:
            Refused: nothing is known of such a message.
        """
        kind = (text(self.body.get("MsgType")) or "").lower()
        if kind == "event":
            return self._of_event()
        if kind not in _MESSAGES:
            raise Refused("message_unknown_topic")
        said = [part for name in ("Content", "Title", "Description") if (part := text(self.body.get(name)))]
        return [*self._known(), self._interaction("wechat message", None if kind == "text" else kind, "\n".join(said))]

    def asked(self) -> list[Asked]:
        """What it asks of other registers."""
        if self._event in _FOLLOWS:
            said = {"medium": _MEDIUM, "status": _FOLLOWS[self._event], "at": self._at}
            return [Asked("subscription", self.whose, said)]
        if self._event in _GONE:
            said = {"topic": self._event, "shop": _MEDIUM, "identity.external_id": self.whose}
            return [Asked("erase", self.whose, said)]
        return []

    def _of_event(self) -> list[Brought]:
        scene = (text(self.body.get("EventKey")) or "").removeprefix("qrscene_")
        if self._event in _FOLLOWS:
            # whoever goes, too: their no has to have somebody it is kept for
            return [self._customer({}), self._interaction(f"wechat {self._event}", scene)]
        if self._event == "location":
            return self._known()
        if self._event in _GONE:
            return []
        if self._event not in _DONE:
            raise Refused("message_unknown_topic")
        # of a link in a menu the place alone: what stands behind it may name somebody
        return [self._interaction(_DONE[self._event], scene.partition("?")[0] if self._event == "view" else scene)]

    def _known(self) -> list[Brought]:
        """What the channel's terms have a field for."""
        values = {
            name: held for name, held in values_of(self._flat(), self._terms.fields).items() if name != "external_id"
        }
        return [self._customer(values)] if values else []

    def _flat(self) -> dict[str, Any]:
        return {name: held for name, held in self.body.items() if name not in _READ}

    def _customer(self, values: Mapping[str, str]) -> Brought:
        residence = values.get("country") or self._terms.residence
        return Brought("customers", {"external_id": self.whose, **values}, self._own, residence, at=self._at)

    def _interaction(self, kind: str, topic: str | None, said: str = "") -> Brought:
        values = {"external_id": self.whose, "kind": kind, "at": self._at}
        if topic:
            values["topic"] = topic[:200]
        if said:
            values["text"] = said[:LONGEST]
        return Brought("interactions", values, self._own, self._terms.residence, at=self._at)
