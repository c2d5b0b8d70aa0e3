"""What WooCommerce's webhooks become: people and orders. A record is as old as its body says (``date_modified_gmt``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kehu.collect.channels import Brought, Reading, Terms, Unreadable
from kehu.collect.signed.parts import (
    LONGEST,
    Refused,
    count_unread,
    earliest,
    first,
    guest,
    id_of,
    moment,
    text,
    thing,
    things,
    values_of,
)

# REST API v3, Customer and Order, by our fields
_BILLING: Final[Mapping[str, str]] = {
    "billing.email": "email", "billing.phone": "phone", "billing.first_name": "given_name",
    "billing.last_name": "family_name", "billing.address_1": "street", "billing.address_2": "unit",
    "billing.city": "locality", "billing.state": "region", "billing.postcode": "postal_code", "billing.country": "country",
    "billing.company": "employer",
}  # fmt: skip
_CUSTOMER: Final[Mapping[str, str]] = {
    "email": "email", "first_name": "given_name", "last_name": "family_name", "username": "handle", **_BILLING,
}  # fmt: skip
_DELIVERY: Final = ("first_name", "last_name", "address_1", "address_2", "city", "state", "postcode", "country")
_NOT_NEEDED: Final = frozenset({
    "id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "role", "billing", "shipping",
    "is_paying_customer", "avatar_url", "meta_data", "_links", "orders_count", "total_spent",
})  # fmt: skip
_ORDERS: Final = ("order.created", "order.updated", "order.restored")
_MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    "order": ("order_key", "line_items"), "customer": ("username", "role", "is_paying_customer"),
}  # fmt: skip
"""Places that bodies of one resource have and those of the other have not."""


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    for place in places:
        message = _Message(envelope["m"][place], received, terms, reading.unread)
        try:
            rows = message.rows()
        except Refused as why:
            reading.refused.append(Unreadable(place, str(why), message.whose()))
            continue
        for row in rows:
            row.message = place
        reading.rows += rows
    return reading


class _Message:
    """One webhook."""

    def __init__(self, message: Any, received: datetime, terms: Terms, unread: dict[str, int]) -> None:
        self._topic = str(message["topic"])
        self._body = thing(message["body"])
        self._own = str(message["own"])
        self._terms = terms
        self._unread = unread
        changed = first(self._body.get("date_modified_gmt"), self._body.get("date_created_gmt"))
        self._at = earliest(received, moment(changed)).isoformat()

    def rows(self) -> list[Brought]:
        """The records in it.

        Raises:
            Refused: no known topic, not what its topic says, or it names nobody.
        """
        if self._is_other():
            raise Refused("message_other_topic")
        if self._topic in ("customer.created", "customer.updated"):
            return [self._customer()]
        if self._topic == "customer.deleted":
            gone = {"external_id": self._customer_id(), "kind": "shop account deleted", "at": self._at}
            return [Brought("interactions", gone, self._own, self._terms.residence, at=self._at)]
        if self._topic in _ORDERS:
            return self._order()
        # a deleted order says no more than its number: whose it was stands with the order itself
        raise Refused("message_no_customer" if self._topic == "order.deleted" else "message_unknown_topic")

    def whose(self) -> str | None:
        """Whom it is about, whatever its topic; None: it names nobody. The id of what is no customer is no customer's."""
        own = self._body.get("id") if (_resource(self._body) or self._topic.partition(".")[0]) == "customer" else None
        told = values_of(self._body, _CUSTOMER)
        found = id_of(self._body.get("customer_id")) or id_of(own)
        return found or guest(told.get("email"), told.get("phone"))

    def _is_other(self) -> bool:
        """Whether the body, which is signed, is something else than the topic says, which is not."""
        told, _, event = self._topic.partition(".")
        held = _resource(self._body)
        # what is gone is told by its number alone
        return told in _MARKS and held is not None and (held != told or event == "deleted")

    def _customer(self) -> Brought:
        known = {**self._terms.fields, **_CUSTOMER}
        values = values_of(self._body, known)
        count_unread(self._body, {*known, *_NOT_NEEDED}, self._unread)
        return Brought(
            "customers", {"external_id": self._customer_id(), **values}, self._own, self._residence(values), at=self._at
        )

    def _order(self) -> list[Brought]:
        order = self._body
        number = first(order.get("number"), order.get("id"))
        if number is None:
            raise Refused("message_no_order")
        values = values_of(order, _BILLING)
        name = id_of(order.get("customer_id")) or guest(values.get("email"), values.get("phone"))
        if name is None:
            raise Refused("message_no_customer")
        if (delivery := _address(thing(order.get("shipping")))) is not None:
            values["delivery_address"] = delivery
        residence = self._residence(values)
        lines = things(order.get("line_items"))
        names = [held for one in lines if (held := first(one.get("name"), one.get("sku"))) is not None]
        counts = [held for one in lines if isinstance(held := one.get("quantity"), int) and not isinstance(held, bool)]
        told = {
            "external_id": name, "order_id": number,
            "ordered_at": _moment_text(first(order.get("date_created_gmt"), order.get("date_created"))),
            "amount": text(order.get("total")), "currency": text(order.get("currency")),
            "discount": text(order.get("discount_total")), "quantity": str(sum(counts)) if counts else None,
            "product": ", ".join(names)[:LONGEST] or None, "order_status": text(order.get("status")),
            "payment_method": first(order.get("payment_method_title"), order.get("payment_method")),
        }  # fmt: skip
        row = Brought("orders", {k: v for k, v in told.items() if v}, self._own, residence, at=self._at)
        if not values:
            return [row]
        return [Brought("customers", {"external_id": name, **values}, self._own, residence, at=self._at), row]

    def _customer_id(self) -> str:
        found = id_of(self._body.get("id")) or guest(text(self._body.get("email")), None)
        if found is None:
            raise Refused("message_no_customer")
        return found

    def _residence(self, values: Mapping[str, str]) -> str:
        return values.get("country") or self._terms.residence


def _resource(body: Mapping[str, Any]) -> str | None:
    """Whether a body is an ``order`` or a ``customer``, by what it holds; None: it does not say."""
    return next((kind for kind, marks in _MARKS.items() if not body.keys().isdisjoint(marks)), None)


def _moment_text(value: str | None) -> str | None:
    found = moment(value)
    return found.isoformat() if found else None


def _address(place: Mapping[str, Any]) -> str | None:
    parts = [part for name in _DELIVERY if (part := text(place.get(name))) is not None]
    return ", ".join(parts)[:LONGEST] or None
