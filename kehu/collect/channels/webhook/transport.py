"""A webhook signed by HMAC-SHA256, as its channel's settings describe it: the header, its encoding and prefix, a timestamp.

Where the sender signs a time with the body, a request is taken within five minutes of it. Where it does not, a body that comes
again within a week is the same message, by its id in the body or by its bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kehu.collect.channels import Request, Response
from kehu.collect.signed import answering
from kehu.collect.signed.answering import LONGEST_HEADER, Bad, Way, digest_of, header, mac, same
from kehu.collect.signed.parts import at_path, moment, text
from kehu.collect.signed.secrets import Signer

PREFIX: Final = "/hooks/webhook"
WINDOW: Final = timedelta(minutes=5)
_HEADER: Final = "header:"
SIGNED: Final = "{timestamp}.{body}"
"""What is signed where the sender has a timestamp, until the settings say otherwise."""


def answer(request: Request) -> Response:
    """Accept a webhook, or say why not."""
    return answering.answer(request, _WAY)


def _signed(request: Request, signer: Signer) -> bool:
    settings = signer.settings
    given = request.headers.get(str(settings.get("signature", "")).lower(), "").strip()[:LONGEST_HEADER]
    prefix = str(settings.get("prefix", ""))
    if not given.startswith(prefix):
        given = ""
    encoding = str(settings.get("encoding", "base64"))
    expected = mac(signer, _content(request, settings))
    return same(given.removeprefix(prefix), expected, encoding=encoding) and "signature" in settings


def _content(request: Request, settings: Any) -> bytes:
    name = settings.get("timestamp")
    if not name:
        return request.body
    before, _, _ = str(settings.get("signed", SIGNED)).partition("{body}")
    told = header(request.headers, str(name).lower())
    return before.replace("{timestamp}", told).encode("utf-8", "replace") + request.body


def _message(request: Request, content: dict[str, Any], signer: Signer) -> tuple[str, dict[str, Any]]:
    settings = signer.settings
    if name := settings.get("timestamp"):
        at = moment(header(request.headers, str(name).lower()))
        if at is None or abs(datetime.now(UTC) - at) > WINDOW:
            raise Bad("The signed time is more than five minutes off, or none.")
    place = str(settings.get("topic", ""))
    topic = _topic(request, content, place)
    id = text(at_path(content, str(settings["id"]))) if settings.get("id") else None
    # nobody signs a header: under another one it is the same message. Without an id the same few bytes may be two, {"id": 5}
    # of a customer and of an order
    told = "" if id is not None and place.startswith(_HEADER) else topic
    own = digest_of(told, id if id is not None else request.body)
    # how it is read stands with it: settings that change meanwhile count for what comes after
    heeded = [held for held in (place, str(settings.get("id", ""))) if held and not held.startswith(_HEADER)]
    kept = {"topic": topic, "own": own, "at": settings.get("at", ""), "row": settings["row"], "body": content}
    return own, {**kept, "heeded": heeded}


def _topic(request: Request, content: dict[str, Any], place: str) -> str:
    if place.startswith(_HEADER):
        return header(request.headers, place.removeprefix(_HEADER).lower())
    return (text(at_path(content, place)) or "")[:LONGEST_HEADER] if place else ""


_WAY: Final = Way("webhook", PREFIX, _signed, _message)
