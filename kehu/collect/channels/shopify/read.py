"""What Shopify's webhooks become: people and orders, what somebody said of e-mail, and requests about privacy.

A record is as old as its message: by ``X-Shopify-Triggered-At``, which nobody signed, but never more than a minute later than
the signed body says of itself (``updated_at``). What is older than two days was given up by Shopify long ago and goes to
quarantine; a request about privacy is taken at any age.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kehu.collect.channels import Asked, Brought, Reading, Terms, Unreadable
from kehu.collect.channels.shopify.transport import PRIVACY, privacy_topic
from kehu.collect.signed.parts import (
    LONGEST,
    Refused,
    at_path,
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

WINDOW: Final = timedelta(hours=48)
"""For so long Shopify sends a webhook again."""
_SLACK: Final = timedelta(minutes=1)
EMAIL_CONSENT: Final = "email_marketing_consent"
"""Under this word a channel's terms may map it to a purpose."""
_CONSENT_TOPICS: Final = ("customers/email_marketing_consent_update", "customers_email_marketing_consent/update")
_STATES: Final[Mapping[str, str]] = {"subscribed": "subscribed", "unsubscribed": "unsubscribed"}
"""Of the states that Shopify knows, what the person said; the others (pending, not_subscribed, invalid, redacted) say nothing."""

# Admin REST API, Customer and Order, by our fields
_CUSTOMER: Final[Mapping[str, str]] = {
    "email": "email", "phone": "phone", "default_address.phone": "phone", "first_name": "given_name",
    "last_name": "family_name", "default_address.address1": "street", "default_address.address2": "unit",
    "default_address.city": "locality", "default_address.province": "region", "default_address.zip": "postal_code",
    "default_address.country_code": "country", "default_address.country": "country", "default_address.company": "employer",
}  # fmt: skip
_BUYER: Final[Mapping[str, str]] = {
    "email": "email", "contact_email": "email", "phone": "phone", "billing_address.phone": "phone",
    "billing_address.first_name": "given_name", "billing_address.last_name": "family_name",
    "billing_address.address1": "street", "billing_address.address2": "unit", "billing_address.city": "locality",
    "billing_address.province": "region", "billing_address.zip": "postal_code", "billing_address.country_code": "country",
    "billing_address.company": "employer",
}  # fmt: skip
_DELIVERY: Final = ("name", "address1", "address2", "city", "province", "zip", "country")
_NOT_NEEDED: Final = frozenset({
    "id", "admin_graphql_api_id", "created_at", "updated_at", "state", "note", "verified_email", "multipass_identifier",
    "tax_exempt", "tax_exemptions", "tags", "currency", "orders_count", "total_spent", "last_order_id", "last_order_name",
    "addresses", "default_address", "accepts_marketing", "accepts_marketing_updated_at", "marketing_opt_in_level",
    EMAIL_CONSENT, "sms_marketing_consent", "customer_id", "email_address", "email_id", "metafield",
})  # fmt: skip
"""What no purpose of ours needs, or what is read otherwise."""
_MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("line_items", "financial_status", "order_number"),
    "customers": ("verified_email", "tax_exempt", "default_address"),
}
"""Places that bodies of one resource have and those of the other have not."""


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the messages at these places of a request become."""
    reading = Reading()
    for place in places:
        message = _Message(envelope["m"][place], received, terms, reading.unread)
        try:
            rows, asked = message.rows(), message.asked()
        except Refused as why:
            reading.refused.append(Unreadable(place, str(why), message.whose()))
            continue
        for row in rows:
            row.message = place
        reading.rows += rows
        reading.asked += [Asked(one.hand, one.customer, one.said, place) for one in asked]
    return reading


class _Message:
    """One webhook."""

    def __init__(self, message: Any, received: datetime, terms: Terms, unread: dict[str, int]) -> None:
        self._topic = str(message["topic"])
        self._body = thing(message["body"])
        self._own = str(message["own"])
        self._received = received
        self._terms = terms
        self._unread = unread
        self._triggered = moment(message["at"])
        updated = moment(self._body.get("updated_at"))
        at = earliest(received, self._triggered)
        self._at = earliest(at, updated, slack=_SLACK).isoformat()

    def rows(self) -> list[Brought]:
        """The records in it.

        Raises:
            Refused: no known topic, not what its topic says, too old, or it names nobody.
        """
        if self._is_other():
            raise Refused("message_other_topic")
        if self._topic in PRIVACY:
            return []
        if self._triggered is not None and self._received - self._triggered > WINDOW:
            raise Refused("message_too_old")
        if self._topic in ("customers/create", "customers/update"):
            return [self._customer(self._body)]
        if self._topic == "customers/delete":
            gone = {"external_id": self._customer_id(self._body), "kind": "shop account deleted", "at": self._at}
            return [Brought("interactions", gone, self._own, self._terms.residence, at=self._at)]
        if self._topic in ("orders/create", "orders/updated", "orders/cancelled"):
            return self._order()
        if self._topic in _CONSENT_TOPICS:
            return [
                self._customer({**self._body, "email": first(self._body.get("email"), self._body.get("email_address"))})
            ]
        raise Refused("message_unknown_topic")

    def asked(self) -> list[Asked]:
        """What it asks of other registers."""
        if self._topic in PRIVACY:
            return [self._privacy()]
        if not self._topic.startswith("customers"):
            return []
        status, at = self._said()
        if status is None:
            return []
        said = {"medium": "email", "status": status, "at": at or self._at}
        if at is None:  # how it stands at the shop, told with whatever changed there
            said["untimed"] = "yes"
        return [Asked("subscription", self._customer_id(self._body), said)]

    def whose(self) -> str | None:
        """Whom it is about, whatever its topic; None: it names nobody. The id of what is no customer is no customer's."""
        body = self._body
        own = body.get("id") if (_resource(body) or self._topic.partition("/")[0]) == "customers" else None
        found = id_of(body.get("customer_id")) or id_of(thing(body.get("customer")).get("id")) or id_of(own)
        told = values_of(body, {**_BUYER, "email_address": "email"})
        return found or guest(told.get("email"), told.get("phone"))

    def _is_other(self) -> bool:
        """Whether the body, which is signed, is something else than the topic says, which is not."""
        if self._topic in PRIVACY:
            return privacy_topic(self._body) != self._topic
        if self._topic == "customers/delete" and "updated_at" in self._body:
            return True  # of an account that is gone there is nothing to tell
        told, held = self._topic.partition("/")[0], _resource(self._body)
        return told in _MARKS and held is not None and held != told

    # -- what rows hold

    def _customer(self, content: Mapping[str, Any]) -> Brought:
        values = values_of(content, {**self._terms.fields, **_CUSTOMER})
        count_unread(content, {*self._terms.fields, *_CUSTOMER, *_NOT_NEEDED}, self._unread)
        name = self._customer_id(content)
        row = Brought("customers", {"external_id": name, **values}, self._own, self._residence(values), at=self._at)
        purpose = self._terms.consents.get(EMAIL_CONSENT)
        status, at = self._said()
        if purpose is not None and status is not None:
            row.consents, row.said_at = {purpose: status == "subscribed"}, at or self._at
        return row

    def _order(self) -> list[Brought]:
        order = self._body
        number = first(order.get("name"), order.get("id"))
        if number is None:
            raise Refused("message_no_order")
        account = thing(order.get("customer"))
        buyer = values_of(order, _BUYER)
        values = {**buyer, **values_of(account, _CUSTOMER)}
        name = id_of(account.get("id")) or guest(buyer.get("email"), buyer.get("phone"))
        if name is None:
            raise Refused("message_no_customer")
        if (delivery := _address(thing(order.get("shipping_address")))) is not None:
            values["delivery_address"] = delivery
        residence = self._residence(values)
        customer = Brought("customers", {"external_id": name, **values}, self._own, residence, at=self._at)
        lines = things(order.get("line_items"))
        held = {
            "external_id": name, "order_id": number, "ordered_at": text(order.get("created_at")),
            "amount": first(order.get("current_total_price"), order.get("total_price")), "currency": text(order.get("currency")),
            "discount": first(order.get("current_total_discounts"), order.get("total_discounts")),
            "quantity": _quantity(lines), "product": _products(lines), "order_status": self._status(),
            "payment_method": first(at_path(order, "payment_gateway_names.0")),
        }  # fmt: skip
        row = Brought("orders", {k: v for k, v in held.items() if v}, self._own, residence, at=self._at)
        return [customer, row] if len(customer.values) > 1 else [row]

    def _status(self) -> str | None:
        order = self._body
        if order.get("cancelled_at"):
            return "cancelled"
        parts = [part for name in ("financial_status", "fulfillment_status") if (part := text(order.get(name)))]
        return ", ".join(parts) or None

    def _customer_id(self, content: Mapping[str, Any]) -> str:
        found = id_of(content.get("customer_id")) or id_of(content.get("id"))
        found = found or guest(text(content.get("email")), text(content.get("phone")))
        if found is None:
            raise Refused("message_no_customer")
        return found

    def _residence(self, values: Mapping[str, str]) -> str:
        return values.get("country") or self._terms.residence

    def _said(self) -> tuple[str | None, str | None]:
        """What the person said of e-mail, and when."""
        consent = thing(self._body.get(EMAIL_CONSENT))
        status = _STATES.get((text(consent.get("state")) or "").lower())
        at = moment(consent.get("consent_updated_at"))
        return status, min(at, self._received).isoformat() if at else None

    def _privacy(self) -> Asked:
        body, person = self._body, thing(self._body.get("customer"))
        shop = first(body.get("shop_domain"), body.get("shop_id")) or ""
        said = {"topic": self._topic, "shop": shop}
        identity = {
            "external_id": id_of(person.get("id")),
            "email": text(person.get("email")),
            "phone": text(person.get("phone")),
        }
        said |= {f"identity.{name}": held for name, held in identity.items() if held}
        orders = body.get("orders_requested") or body.get("orders_to_redact")
        if isinstance(orders, list) and orders:
            said["orders"] = ", ".join(_known(orders))[:LONGEST]
        if (own := text(at_path(body, "data_request.id"))) is not None:
            said["reference"] = own
        right = "access" if self._topic == "customers/data_request" else "erase"
        return Asked(right, identity["external_id"], said)


def _resource(body: Mapping[str, Any]) -> str | None:
    """Whether a body is one of ``customers`` or ``orders``, by what it holds; None: it does not say."""
    name = (text(body.get("admin_graphql_api_id")) or "").removeprefix("gid://shopify/").partition("/")[0]
    if name:
        return f"{name.lower()}s"
    return next((kind for kind, marks in _MARKS.items() if not body.keys().isdisjoint(marks)), None)


def _known(values: list[Any]) -> Iterator[str]:
    yield from (held for one in values if (held := text(one)) is not None)


def _products(lines: list[dict[str, Any]]) -> str | None:
    names = [name for one in lines if (name := first(one.get("name"), one.get("title"), one.get("sku"))) is not None]
    return ", ".join(names)[:LONGEST] or None


def _quantity(lines: list[dict[str, Any]]) -> str | None:
    counts = [held for one in lines if isinstance(held := one.get("quantity"), int) and not isinstance(held, bool)]
    return str(sum(counts)) if counts else None


def _address(place: Mapping[str, Any]) -> str | None:
    parts = [part for name in _DELIVERY if (part := text(place.get(name))) is not None]
    return ", ".join(parts)[:LONGEST] or None
