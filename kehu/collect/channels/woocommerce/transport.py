"""How WooCommerce's webhooks are spoken (developer.woocommerce.com, "Webhooks"): the body is signed, its headers are not.

When a webhook is saved, a first ping comes unsigned (``webhook_id=N``) and is answered 200, else WooCommerce does not save it.
A delivery is known again by its topic and its bytes: its id is new with each, and nobody signs it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from kehu.collect.channels import Request, Response
from kehu.collect.signed import answering
from kehu.collect.signed.answering import OK, Bad, Way, digest_of, header, mac, same
from kehu.collect.signed.secrets import Signer

PREFIX: Final = "/hooks/woocommerce"
_PING: Final = re.compile(rb"webhook_id=\d{1,19}")


def answer(request: Request) -> Response:
    """Accept a webhook, or say why not; the first ping is answered and does nothing."""
    unsigned = "x-wc-webhook-signature" not in request.headers
    if request.method == "POST" and unsigned and _PING.fullmatch(request.body.strip()):
        return OK
    return answering.answer(request, _WAY)


def _signed(request: Request, signer: Signer) -> bool:
    return same(header(request.headers, "x-wc-webhook-signature"), mac(signer, request.body))


def _message(request: Request, content: dict[str, Any], signer: Signer) -> tuple[str, dict[str, Any]]:
    del signer
    topic = header(request.headers, "x-wc-webhook-topic").lower()
    if not topic:
        resource, event = (header(request.headers, f"x-wc-webhook-{one}").lower() for one in ("resource", "event"))
        topic = f"{resource}.{event}" if resource and event else ""
    if not topic:
        raise Bad("X-WC-Webhook-Topic is missing.")
    own = digest_of(topic, request.body)
    return own, {"topic": topic, "own": own, "body": content}


_WAY: Final = Way("woocommerce", PREFIX, _signed, _message)
