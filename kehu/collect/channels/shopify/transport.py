"""How Shopify's webhooks are spoken (shopify.dev, "Webhooks"): the body is signed, its headers are not.

So an id of the headers tells an honest repeat from news, and a body that somebody sends again under another one brings nothing
new: its records are as old as the body itself says (``read``). Which request about privacy it is, and of which shop, the body
says itself, and it is known again by its own bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kehu.collect.channels import Request, Response
from kehu.collect.signed import answering
from kehu.collect.signed.answering import Bad, Way, digest_of, header, mac, same
from kehu.collect.signed.parts import text
from kehu.collect.signed.secrets import Signer

PREFIX: Final = "/hooks/shopify"
PRIVACY: Final = ("customers/data_request", "customers/redact", "shop/redact")
_ASKS: Final = ("data_request", "orders_requested")
_SHOP: Final = frozenset({"shop_id", "shop_domain"})
_NO_SHOP: Final = ("id", "customer", "customer_id")


def answer(request: Request) -> Response:
    """Accept a webhook, or say why not; nothing is understood yet, so it takes milliseconds of the five seconds."""
    return answering.answer(request, _WAY)


def _signed(request: Request, signer: Signer) -> bool:
    return same(header(request.headers, "x-shopify-hmac-sha256"), mac(signer, request.body))


def _message(request: Request, content: dict[str, Any], signer: Signer) -> tuple[str, dict[str, Any]]:
    del signer
    topic = header(request.headers, "x-shopify-topic").lower()
    if not topic:
        raise Bad("X-Shopify-Topic is missing.")
    shop = header(request.headers, "x-shopify-shop-domain").lower()
    own = known = digest_of(request.body)
    if (proven := privacy_topic(content)) is not None:
        topic, shop = proven, (text(content.get("shop_domain")) or "").lower()
    elif topic != "customers/delete":  # which says no time of its own, and comes once
        known = header(request.headers, "x-shopify-event-id") or header(request.headers, "x-shopify-webhook-id") or own
    at = header(request.headers, "x-shopify-triggered-at")
    return f"{shop}\x1f{topic}\x1f{known}", {"topic": topic, "at": at, "own": own, "body": content}


def privacy_topic(body: Mapping[str, Any]) -> str | None:
    """Which request about privacy a body is, by what it holds; None: it is none, or two at once."""
    asks, leaves = not body.keys().isdisjoint(_ASKS), "orders_to_redact" in body
    if asks or leaves:
        return None if asks and leaves else PRIVACY[0] if asks else PRIVACY[1]
    return PRIVACY[2] if body.keys() >= _SHOP and body.keys().isdisjoint(_NO_SHOP) else None


_WAY: Final = Way("shopify", PREFIX, _signed, _message)
