"""How Shopify's webhooks are spoken (shopify.dev, "Webhooks"): the body is signed, its headers are not.

So an id of the headers tells an honest repeat from news, and a body that somebody sends again under another one brings nothing
new: its records are as old as the body itself says (``read``), and a request about privacy is known by its own bytes.
"""

from __future__ import annotations

from typing import Any, Final

from kehu.collect.channels import Request, Response
from kehu.collect.signed import answering
from kehu.collect.signed.answering import Bad, Way, digest_of, header, mac, same
from kehu.collect.signed.secrets import Signer

PREFIX: Final = "/hooks/shopify"
PRIVACY: Final = ("customers/data_request", "customers/redact", "shop/redact")


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
    own = header(request.headers, "x-shopify-event-id") or header(request.headers, "x-shopify-webhook-id")
    if topic in PRIVACY or not own:
        own = digest_of(request.body)
    at = header(request.headers, "x-shopify-triggered-at")
    return f"{shop}\x1f{topic}\x1f{own}", {"topic": topic, "shop": shop, "at": at, "own": own, "body": content}


_WAY: Final = Way("shopify", PREFIX, _signed, _message)
