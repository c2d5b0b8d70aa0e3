"""How the tracking API is spoken: Segment's HTTP API, as the official clients of Segment and RudderStack use it.

They all post to ``/v1/batch``; a redirect would turn that into a GET which they take for success, so there is none. A whole
request that is bad is answered 400, which no client sends again; one bad message in a good batch is answered 200 and goes
to quarantine. 429 and 503 come with the time to wait.

A page in a browser sends with the channel's page key, which anybody may read. So what comes with it may say less: who a user is
counts only with the proof that the holder of the secret key made of their id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import threading
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from kehu.collect.channels import MOST_BODY, Request, Response, problem
from kehu.collect.channels.tracking.script import SCRIPT, script
from kehu.collect.inbox.accept import MOST_MESSAGES, InboxFull, KeyUnknown, Sender, accept
from kehu.govern.channels import channel_of_key, channel_of_page_key, digest_of, is_page_key, proof_of

PREFIX: Final = "/v1"
MOST_EVENT: Final = 32 << 10
"""Bytes of one message."""
CALLS: Final = ("identify", "track", "page", "screen", "group", "alias")
_OK: Final = Response(200, b'{"success":true}')
_LONGEST_ID: Final = 200
_FROM_ANYWHERE: Final = (("Access-Control-Allow-Origin", "*"),)
"""A page of any site may read the answer: there is nothing in it but whether it was kept, and no cookie is looked at."""
UNREADABLE: Final = "\x1fwhy"
"""Under this name stands why a message is refused; a sender's own of that name is taken off."""
FROM_PAGE: Final = "\x1fpage"
"""Under this name stands that a message came with the page key, whatever becomes of it; a sender's own is taken off."""


class _Bad(ValueError):
    """A request that nobody can take; the message says why."""


def answer(request: Request) -> Response:
    """Accept what a client sends, or say why not; or hand out the script for web pages."""
    if request.path == f"{PREFIX}/{SCRIPT}":
        return script(request)
    found = _answer(request)
    return Response(found.status, found.body, (*found.headers, *_FROM_ANYWHERE), found.content_type)


def _answer(request: Request) -> Response:
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
        sent = _messages(content, call)
        for one in sent:
            _check_user(one, page=held.page, digest=held.digest)
        received = datetime.now(UTC).isoformat()
        envelope = {"r": received, "s": content.get("sentAt"), "m": sent}
        accept(Sender(held.id, "tracking", held.digest), [one["messageId"] for one in sent], envelope)
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
        content = _read_loosely(body)
    if not isinstance(content, dict):
        raise _Bad("The body is no JSON object.")
    return content


def _read_loosely(body: bytes) -> Any:
    """What clients write although it is no JSON: NaN and Infinity (absent then), halves of characters (question marks then).

    A text that was cut within an emoji, or one division by zero, must not lose the ninety-nine messages beside it.

    Raises:
        _Bad: it is no JSON in this sense either.
    """
    try:
        found = json.loads(body, parse_constant=lambda _: None)
        return orjson.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise _Bad("The body is no JSON.") from None


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


def _messages(content: dict[str, Any], call: str) -> list[dict[str, Any]]:
    """The messages of a request, each an object with an id; what a batch says for all stands in each.

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
    if len(found) * _size(shared) > MOST_BODY:
        raise _Bad("What the batch says for all its messages is too much, as often as it has to be kept.")
    return [_message(one, shared) for one in found]


def _message(one: Any, shared: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(one, dict):
        id = str(uuid4())
        return _fitting(id, {"messageId": id, UNREADABLE: "message_not_an_object", "raw": one})
    for name in ("writeKey", UNREADABLE, FROM_PAGE):
        one.pop(name, None)
    one["messageId"] = _message_id(one.get("messageId"))
    for name, held in shared.items():
        own = one.get(name)
        one[name] = {**held, **own} if isinstance(own, dict) else held if own is None else own
    return _fitting(one["messageId"], one)


def _size(shared: dict[str, Any]) -> int:
    try:
        return len(orjson.dumps(shared)) if shared else 0
    except TypeError:
        raise _Bad("What the batch says for all its messages is nested too deep.") from None


def _message_id(id: Any) -> str:
    """The sender's id, or one made up; a longer one than is kept becomes its digest, the same whenever it is sent."""
    text = str(id) if isinstance(id, int) and not isinstance(id, bool) else id if isinstance(id, str) else ""
    if len(text) > _LONGEST_ID:
        return hashlib.sha256(text.encode()).hexdigest()
    return text or str(uuid4())


def _fitting(id: str, one: dict[str, Any]) -> dict[str, Any]:
    """A message, or in its place why it is too large, or nested deeper than can be written; kept as it came."""
    try:
        size = len(orjson.dumps([[[one]]]))  # as deep as it will lie in what is kept
    except TypeError:
        return {"messageId": id, UNREADABLE: "message_too_deep", "raw": _text(one)}
    if size - 6 > MOST_EVENT:
        return {"messageId": id, UNREADABLE: "message_too_large", "raw": one}
    return one


def _text(one: dict[str, Any]) -> str:
    try:
        return json.dumps(one, ensure_ascii=False)
    except RecursionError:  # deeper than can be read
        return ""


@dataclass(frozen=True, slots=True)
class _Held:
    """The channel of a key: its id, the digest of its secret key, and whether it was the page key that was shown."""

    id: int
    digest: bytes
    page: bool


_channels: dict[bytes, _Held] = {}  # by digest of the key that is shown
_guarding = threading.Lock()
_MOST_KEPT: Final = 1_000


def _channel(key: str) -> _Held | None:
    """The channel of a key, as this process saw it last; the statement that accepts looks again."""
    digest = digest_of(key)
    held = _channels.get(digest)
    if held is None and key:
        page = is_page_key(key)
        found = channel_of_page_key(key) if page else channel_of_key(key)
        if found is None or found.kind != "tracking" or found.key_digest is None:
            return None
        with _guarding:
            if len(_channels) >= _MOST_KEPT:
                _channels.clear()
            held = _channels[digest] = _Held(found.id, bytes(found.key_digest), page)
    return held


def _check_user(one: dict[str, Any], *, page: bool, digest: bytes) -> None:
    """A page says who its user is with a proof, or it does not say it: the name is taken off, and they stay a visitor."""
    proof, user = one.pop("userProof", None), one.get("userId")
    if not page:
        return
    one[FROM_PAGE] = True
    told = proof if isinstance(proof, str) and proof.isascii() else ""
    if user is not None and not (isinstance(user, str) and hmac.compare_digest(told, proof_of(digest, user))):
        del one["userId"]


def _forget(key: str) -> None:
    with _guarding:
        _channels.pop(digest_of(key), None)
