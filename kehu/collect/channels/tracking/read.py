"""What the calls of the tracking API become: people and organisations from traits, orders and interactions from events.

By Segment's specification: ``traits`` and ``context.traits`` are one, ``timestamp`` is corrected by what the sender's clock
was off when it sent, absent is null. A visitor without a name is a customer of whom only events came; they become somebody
when they are identified under the same device's id, with those events that notice or consent covered.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from kehu.collect.channels import Brought, Reading, Terms, Unreadable
from kehu.collect.channels.tracking.transport import CALLS, FROM_PAGE, UNREADABLE
from kehu.govern.dictionary import Dictionary
from kehu.refine.clean.moments import moment_of

PREFERENCE: Final = "Segment Consent Preference Updated"
ANALYTICS: Final = "analytics"  # the purpose under which what a visitor did may be joined to who they turn out to be
_LONGEST: Final = 2_000  # characters of what an interaction says
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_. -]{0,59}")

# Segment's reserved traits, and those of RudderStack, by our fields.
_TRAITS: Final[Mapping[str, str]] = {
    "email": "email", "phone": "phone", "name": "full_name", "firstName": "given_name", "firstname": "given_name",
    "lastName": "family_name", "lastname": "family_name", "gender": "gender", "birthday": "birth_date", "title": "occupation",
    "website": "website", "language": "language", "username": "handle", "address.street": "street",
    "address.city": "locality", "address.state": "region", "address.postalCode": "postal_code", "address.country": "country",
    "company.name": "employer", "company.industry": "industry",
}  # fmt: skip
_GROUP_TRAITS: Final[Mapping[str, str]] = {
    "name": "legal_name", "email": "email", "phone": "phone", "industry": "industry", "website": "website",
    "address.street": "street", "address.city": "locality", "address.state": "region", "address.postalCode": "postal_code",
    "address.country": "country",
}  # fmt: skip
# Segment's order events: what is bought is known when it is completed, and again when it is changed or given back.
_ORDERS: Final[Mapping[str, str]] = {
    "Order Completed": "completed", "Order Updated": "updated", "Order Refunded": "refunded", "Order Cancelled": "cancelled",
}  # fmt: skip
_OF_PAGES: Final = frozenset({"identify", "track", "page", "screen"})
"""What a page in a browser may say: who may be anybody says nothing of organisations, and joins no two names."""
_OWN_TRAITS: Final = frozenset({"createdAt", "avatar", "id", "description", "employees", "plan"})
"""Reserved traits that no purpose of ours needs."""


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    off = _clock_off(envelope.get("s"), received)
    for place in places:
        message = envelope["m"][place]
        if UNREADABLE in message:
            within = _Call(_within(message), received, off, terms, {})
            reading.refused.append(Unreadable(place, str(message[UNREADABLE]), within.whose()))
            continue
        call = _Call(message, received, off, terms, reading.unread)
        try:
            rows = call.rows()
        except _Refused as why:
            reading.refused.append(Unreadable(place, str(why), call.whose()))
            continue
        for row in rows:
            row.message = place
            reading.rows.append(row)
    return reading


def _within(message: dict[str, Any]) -> dict[str, Any]:
    """What lies in a message that is no call, or too large a one; by the page key it names no user: nobody saw the proof."""
    held = message.get("raw")
    if isinstance(held, str):
        try:
            held = json.loads(held)
        except (ValueError, RecursionError):
            return {}
    return {name: told for name, told in _object(held).items() if name != "userId" or FROM_PAGE not in message}


class _Refused(ValueError):
    """A message that says nothing we can take, with the reason's name."""


def _clock_off(sent: Any, received: datetime) -> timedelta:
    """How far the sender's clock is behind ours."""
    moment = moment_of(sent)
    return received - moment if moment is not None else timedelta(0)


class _Call:
    """One message."""

    def __init__(
        self, message: dict[str, Any], received: datetime, off: timedelta, terms: Terms, unread: dict[str, int]
    ) -> None:
        self._message = message
        self._page_key = FROM_PAGE in message  # it came with the key that anybody may read
        self._terms = terms
        self._unread = unread
        self._context = _object(message.get("context"))
        own = moment_of(message.get("timestamp")) or moment_of(message.get("originalTimestamp"))
        try:
            at = received if own is None else own + off
        except OverflowError:  # years that no calendar has
            at = received
        self._at = min(at, received).isoformat()
        self._user = _id(message.get("userId"))
        self._device = _id(message.get("anonymousId"))
        self._consents = self._said()

    def rows(self) -> list[Brought]:
        """What it becomes.

        Raises:
            _Refused: it names nobody, or is no call.
        """
        call = self._message.get("type")
        if call not in CALLS or (self._page_key and call not in _OF_PAGES):
            raise _Refused("message_no_call")
        if self._user is None and self._device is None:
            raise _Refused("message_names_nobody")
        rows: list[Brought] = getattr(self, f"_{call}")()
        return rows

    # -- calls

    def _identify(self) -> list[Brought]:
        traits = {**_object(self._context.get("traits")), **_object(self._message.get("traits"))}
        values = self._values(traits, {**_TRAITS, **self._terms.fields})
        if self._user is None and not values and not self._consents:
            return []  # a device that says nothing of anybody
        return [self._customer(values)]

    def _group(self) -> list[Brought]:
        group = _id(self._message.get("groupId"))
        if group is None:
            raise _Refused("message_no_group")
        values = self._values(_object(self._message.get("traits")), _GROUP_TRAITS)
        if not values:
            return []
        return [Brought("organisations", {"external_id": group, **values}, self._own(), self._residence(values))]

    def _alias(self) -> list[Brought]:
        before = _id(self._message.get("previousId")) or self._device
        if self._user is None or before is None:
            raise _Refused("message_no_alias")
        row = self._customer({})
        row.joins = self._joined(before)
        return [row]

    def _track(self) -> list[Brought]:
        event = self._message.get("event")
        if not isinstance(event, str) or not event.strip():
            raise _Refused("message_no_event")
        properties = _object(self._message.get("properties"))
        if event == PREFERENCE and self._consents:
            return [self._customer({})]
        number = _id(properties.get("order_id") or properties.get("orderId"))
        if event in _ORDERS and number is not None and not self._page_key:
            return self._order(_ORDERS[event], number, properties)
        said = {name: held for name, held in properties.items() if held is not None}
        return [self._interaction(event, _text(said.get("category")), said)]

    def _page(self) -> list[Brought]:
        properties = _object(self._message.get("properties"))
        name = _text(self._message.get("name")) or _text(properties.get("title"))
        where = _text(properties.get("path"))
        return [self._interaction("page", name, {"path": where} if where else {})]

    def _screen(self) -> list[Brought]:
        return [self._interaction("screen", _text(self._message.get("name")), {})]

    # -- what rows hold

    def _customer(self, values: dict[str, str]) -> Brought:
        name = self._user or self._nameless(covered=True)
        row = Brought(
            "customers", {"external_id": name, **values}, self._own(), self._residence(values), dict(self._consents),
            self._at if self._consents else None,
        )  # fmt: skip
        if self._user is not None and self._device is not None and self._consents.get(ANALYTICS) is not False:
            row.joins = self._joined(self._device)
        return row

    def _interaction(self, kind: str, topic: str | None, said: dict[str, Any]) -> Brought:
        values = {"external_id": self._who(), "kind": kind[:200], "at": self._at}
        if topic:
            values["topic"] = topic
        if said:
            values["text"] = orjson.dumps(said).decode()[:_LONGEST]
        return Brought("interactions", values, self._own(), self._terms.residence)

    def _order(self, status: str, number: str, properties: dict[str, Any]) -> list[Brought]:
        total = next(
            (properties[one] for one in ("total", "revenue", "value") if properties.get(one) is not None), None
        )
        values = {
            "external_id": self._who(), "ordered_at": self._at, "order_id": number, "order_status": status,
            "amount": _text(total), "currency": _text(properties.get("currency")), "discount": _text(properties.get("discount")),
        }  # fmt: skip
        told = properties.get("products")
        products = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
        names = [name for one in products if (name := _text(one.get("name") or one.get("sku")))]
        values["product"] = ", ".join(names)[:_LONGEST] or None
        # the same order is told of again with each change: its own key is the number and what became of it
        own = number if status == "completed" else f"{number}\x1f{status}"
        return [Brought("orders", {k: v for k, v in values.items() if v}, own, self._terms.residence)]

    def _who(self) -> str:
        """Whose event it is: the user, else the device, under another name where neither notice nor consent covers it."""
        if self._user is not None:
            return self._user
        return self._nameless(covered=self._consents.get(ANALYTICS, self._terms.told) is True)

    def whose(self) -> str | None:
        """Whom it names, whatever else it says; None: nobody."""
        return self._who() if self._user is not None or self._device is not None else None

    def _nameless(self, *, covered: bool) -> str:
        return nameless(self._device or "", covered=covered)

    def _joined(self, device: str) -> str:
        return nameless(device, covered=True)

    def _own(self) -> str:
        return str(self._message["messageId"])

    def _residence(self, values: Mapping[str, str]) -> str:
        return values.get("country") or self._terms.residence

    def _said(self) -> dict[str, bool]:
        """What the person said of purposes, where the channel knows the sender's words for them."""
        preferences = _object(_object(self._context.get("consent")).get("categoryPreferences"))
        said: dict[str, bool] = {}
        for name, answer in preferences.items():
            purpose = self._terms.consents.get(name)
            if purpose is None or not isinstance(answer, bool):
                # by a page's key anybody may say any word: that one was said is all the news there is
                self._not_read("consent" if self._page_key else f"consent.{name}")
                continue
            said[purpose] = said.get(purpose, True) and answer  # two words for one purpose: both must say yes
        return said

    def _values(self, traits: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
        dictionary = Dictionary.load().fields
        values: dict[str, str] = {}
        if self._page_key:  # an address that anybody may have written is nobody's address, and its name no news
            return values
        strange = set[str]()
        for name, held in _flat(traits):
            field = known.get(name) or (name if name in dictionary and not dictionary[name].event else None)
            if field is None:
                strange.add(name.partition(".")[0])  # never a name within: it may be somebody's
                continue
            if (text := _text(held)) is not None and field != "external_id":
                values.setdefault(field, text)
        for name in strange - _OWN_TRAITS:
            self._not_read(name)
        return values

    def _not_read(self, name: str) -> None:
        if _NAME.fullmatch(name):
            self._unread[name] = self._unread.get(name, 0) + 1


def nameless(device: str, *, covered: bool) -> str:
    """The name of a visitor of whom only a device is known; what neither notice nor consent covers has one of its own."""
    digest = hashlib.sha256(device.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{'visitor' if covered else 'stranger'}:{digest}"


def _flat(traits: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Traits with those of an object inside them under a dotted name; lists are left out."""
    for name, held in traits.items():
        if isinstance(held, dict):
            yield from ((f"{name}.{inner}", value) for inner, value in held.items() if not isinstance(value, dict))
        else:
            yield name, held


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: Any) -> str | None:
    """An id as text; numbers become strings."""
    if isinstance(value, bool):
        return None
    text = str(value) if isinstance(value, int) else value.strip() if isinstance(value, str) else ""
    return text[:200] or None


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return str(value)
    return value.strip()[:_LONGEST] or None if isinstance(value, str) else None
