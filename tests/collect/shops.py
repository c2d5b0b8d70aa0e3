"""What the tests of shops share: documented bodies, and sending them signed as a shop does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kehu.collect.channels import Request, Response, kinds

WIRE = Path(__file__).parents[1] / "wire"
SECRET = "shpss_made_up_for_the_tests_4f1c"


def body_of(name: str, **changes: Any) -> dict[str, Any]:
    """A documented body, with some of it changed."""
    held: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text())
    return {**held, **changes}


def signature(body: bytes, secret: str = SECRET) -> str:
    """As Shopify and WooCommerce write it."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def ago(**much: float) -> str:
    """A moment of the past, as Shopify writes it."""
    return (datetime.now(UTC) - timedelta(**much)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z"


class Shopify:
    """Sends as Shopify does; each event has an id of its own unless one is given."""

    def __init__(self, channel: str, secret: str = SECRET) -> None:
        self.channel, self.secret, self.count = channel, secret, 0

    def __call__(
        self, topic: str, body: Mapping[str, Any] | bytes, *, at: str | None = None, event: str | None = None,
        sign: str | None = None, channel: str | None = None, **headers: str,
    ) -> Response:  # fmt: skip
        self.count += 1
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "content-type": "application/json", "x-shopify-topic": topic, "x-shopify-shop-domain": "tea.myshopify.example",
            "x-shopify-api-version": "2026-10", "x-shopify-webhook-id": f"w-{self.count}",
            "x-shopify-event-id": event or f"e-{self.count}", "x-shopify-triggered-at": at or ago(seconds=1),
            "x-shopify-hmac-sha256": signature(raw, self.secret) if sign is None else sign, **headers,
        }  # fmt: skip
        path = f"/hooks/shopify/{self.channel if channel is None else channel}"
        return kinds()["shopify"].answer(Request("POST", path, {}, sent, raw))


def woocommerce(
    channel: str, topic: str, body: Mapping[str, Any] | bytes, *, secret: str = SECRET, sign: str | None = None
) -> Response:
    """Send as WooCommerce does."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    resource, _, event = topic.partition(".")
    sent = {
        "content-type": "application/json", "x-wc-webhook-topic": topic, "x-wc-webhook-resource": resource,
        "x-wc-webhook-event": event, "x-wc-webhook-id": "3", "x-wc-webhook-source": "https://tea.example/",
        "x-wc-webhook-delivery-id": hashlib.md5(raw, usedforsecurity=False).hexdigest(),
        "x-wc-webhook-signature": signature(raw, secret) if sign is None else sign,
    }  # fmt: skip
    return kinds()["woocommerce"].answer(Request("POST", f"/hooks/woocommerce/{channel}", {}, sent, raw))


def webhook(channel: str, body: Mapping[str, Any] | bytes, headers: Mapping[str, str]) -> Response:
    """Send to a generic webhook."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return kinds()["webhook"].answer(Request("POST", f"/hooks/webhook/{channel}", {}, headers, raw))
