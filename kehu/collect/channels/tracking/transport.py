"""How the tracking API is spoken: Segment's HTTP API, as the official clients of Segment and RudderStack use it.

They all post to ``/v1/batch``; a redirect would turn that into a GET which they take for success, so there is none. A whole
request that is bad is answered 400, which no client sends again; one bad message in a good batch is answered 200 and goes
to quarantine. 429 and 503 come with the time to wait.
"""

from __future__ import annotations

import base64
import binascii
import threading
import zlib
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from kehu.collect.channels import MOST_BODY, Request, Response, problem
from kehu.collect.inbox.accept import MOST_MESSAGES, InboxFull, KeyUnknown, Sender, accept
from kehu.govern.channels import channel_of_key, digest_of

PREFIX: Final = "/v1"
MOST_EVENT: Final = 32 << 10
"""Bytes of one message."""
CALLS: Final = ("identify", "track", "page", "screen", "group", "alias")
_OK: Final = Response(200, b'{"success":true}')
_LONGEST_ID: Final = 200
UNREADABLE: Final = "\x1fwhy"
"""Under this name stands why a message is refused; no sender's own name begins so."""


class _Bad(ValueError):
    """A request that nobody can take; the message says why."""


def answer(request: Request) -> Response:
    """Accept what a client sends, or say why not."""
    call = request.path.removeprefix(PREFIX).strip("/")
    if call not in (*CALLS, "batch", "import"):
        return problem(404, "not_found", "Post to /v1/batch, or to /v1/ and the name of a call.")
    if request.method != "POST":
        return problem(405, "method_not_allowed", "POST is the only method here.", ("Allow", "POST"))
    try:
        content = _content(request)
        key = _key(request, content)
        held = _channel(key)
        if held is None:
            return problem(401, "invalid_write_key", "No channel has this write key.")
        sent = _messages(content, call, large=len(request.body) > MOST_EVENT or "content-encoding" in request.headers)
        received = datetime.now(UTC).isoformat()
        envelope = {"r": received, "s": content.get("sentAt"), "m": sent}
        accept(Sender(held, "tracking", digest_of(key)), [one["messageId"] for one in sent], envelope)
    except _Bad as bad:
        return problem(400, "invalid_request", str(bad))
    except KeyUnknown:
        _forget(key)
        return problem(401, "invalid_write_key", "No channel has this write key.")
    except InboxFull as full:
        waits = str(full.seconds)
        reset = str(int(datetime.now(UTC).timestamp()) + full.seconds)
        return problem(429, "too_many_requests", "Too much waits already; try again.", ("Retry-After", waits),
                       ("X-RateLimit-Reset", reset))  # fmt: skip
    return _OK


def messages(envelope: Any) -> list[Any]:
    """The messages of what was stored."""
    found: list[Any] = envelope["m"]
    return found


def _content(request: Request) -> dict[str, Any]:
    """The body as an object, whatever its type is said to be; unpacked to no more than may come.

    Raises:
        _Bad: it is too large, packed in another way, or no JSON object.
    """
    body = request.body
    packing = request.headers.get("content-encoding", "").strip().lower()
    if packing in ("gzip", "deflate"):
        body = _unpacked(body)
    elif packing not in ("", "identity"):
        raise _Bad("Content-Encoding: gzip, deflate, or none.")
    if len(body) > MOST_BODY:
        raise _Bad(f"The body is larger than {MOST_BODY} bytes.")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _Bad("The body is no JSON.") from None
    if not isinstance(content, dict):
        raise _Bad("The body is no JSON object.")
    return content


def _unpacked(body: bytes) -> bytes:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        content = reader.decompress(body, MOST_BODY + 1)
    except zlib.error:
        raise _Bad("The body cannot be unpacked.") from None
    if len(content) <= MOST_BODY and not reader.eof:
        raise _Bad("The packed body ends too early.")
    return content


def _key(request: Request, content: dict[str, Any]) -> str:
    """The write key: the user name of Basic, else `writeKey` in the body, else Bearer."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name = base64.b64decode(given.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            name = ""
        if name:
            return name
    written = content.get("writeKey")
    if isinstance(written, str) and written:
        return written
    return given.strip() if scheme.lower() == "bearer" else ""


def _messages(content: dict[str, Any], call: str, *, large: bool) -> list[dict[str, Any]]:
    """The messages of a request, each an object with an id; what a batch says for all stands in each.

    ``large``: one of them may be larger than a message may be.

    Raises:
        _Bad: there is no list of messages, or too many.
    """
    if call in CALLS:
        found: Any = [{**content, "type": call}]
        shared: dict[str, Any] = {}
    else:
        found = content.get("batch")
        shared = {name: content[name] for name in ("context", "integrations") if isinstance(content.get(name), dict)}
    if not isinstance(found, list):
        raise _Bad("`batch` is a list of messages.")
    if not 0 < len(found) <= MOST_MESSAGES:
        raise _Bad(f"A batch holds 1 to {MOST_MESSAGES} messages.")
    sent = [_message(one, shared) for one in found]
    if large:
        sent = [
            one if len(orjson.dumps(one)) <= MOST_EVENT else _refused(one["messageId"], "message_too_large", one)
            for one in sent
        ]
    return sent


def _message(one: Any, shared: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(one, dict):
        return _refused(str(uuid4()), "message_not_an_object", one)
    one.pop("writeKey", None)
    id = one.get("messageId")
    if not isinstance(id, str) or not 0 < len(id) <= _LONGEST_ID:
        one["messageId"] = str(id)[:_LONGEST_ID] if isinstance(id, int) else str(uuid4())
    for name, held in shared.items():
        own = one.get(name)
        one[name] = {**held, **own} if isinstance(own, dict) else held if own is None else own
    return one


def _refused(id: str, why: str, raw: Any) -> dict[str, Any]:
    """A message that nobody can read, kept as it came."""
    return {"messageId": id, UNREADABLE: why, "raw": raw}


_channels: dict[bytes, int] = {}  # digest of a key to its channel
_guarding = threading.Lock()
_MOST_KEPT: Final = 1_000


def _channel(key: str) -> int | None:
    """The channel of a key, as this process saw it last; the statement that accepts looks again."""
    digest = digest_of(key)
    held = _channels.get(digest)
    if held is None and key:
        found = channel_of_key(key)
        if found is None or found.kind != "tracking":
            return None
        with _guarding:
            if len(_channels) >= _MOST_KEPT:
                _channels.clear()
            held = _channels[digest] = found.id
    return held


def _forget(key: str) -> None:
    with _guarding:
        _channels.pop(digest_of(key), None)
