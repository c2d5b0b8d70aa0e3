"""The way in for a signed message: who sends, whether they signed it, what it is; then it is durable, then it is answered.

Whoever names no channel, or one without a secret, is answered as whoever signs wrongly, in the same time: nobody learns which
channels are here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from kehu.collect.channels import Request, Response, problem
from kehu.collect.inbox.accept import InboxFull, KeyUnknown, Sender, accept
from kehu.collect.signed.secrets import Signer, signer_of

OK: Final = Response(200, b'{"success":true}')
LONGEST_HEADER: Final = 200
_WRONG: Final = problem(401, "invalid_signature", "No channel of this name has a secret under which this is signed.")
_NOBODY: Final = Signer(0, os.urandom(32), b"", {})


class Bad(ValueError):
    """A request that nobody can take; the message says why."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind is spoken to.

    Attributes:
        kind: its name.
        prefix: its path, before the channel's name or id.
        signed: whether a request carries the signature that this channel's secret makes.
        message: the id of what was sent and what is kept of it; raises :class:`Bad`.
    """

    kind: str
    prefix: str
    signed: Callable[[Request, Signer], bool]
    message: Callable[[Request, dict[str, Any], Signer], tuple[str, dict[str, Any]]]


def answer(request: Request, way: Way) -> Response:
    """Accept what was sent, or say why not."""
    if request.method != "POST":
        return problem(405, "method_not_allowed", "POST is the only method here.", ("Allow", "POST"))
    name = as_text(request.path.removeprefix(way.prefix).strip("/"))
    signer = signer_of(way.kind, name)
    if not way.signed(request, signer or _NOBODY) or signer is None:
        return _WRONG
    try:
        id, message = way.message(request, _content(request.body), signer)
        _require_writable(message)
        accept(Sender(signer.channel, way.kind, signer.digest), [id], {"m": [message]})
    except Bad as bad:
        return problem(400, "invalid_request", str(bad))
    except KeyUnknown:  # the secret was changed between the look at it and the statement that accepts
        return _WRONG
    except InboxFull as full:
        return problem(503, "busy", "Too much waits already; try again.", ("Retry-After", str(full.seconds)))
    return OK


def messages(envelope: Any) -> list[Any]:
    """The messages of what was stored."""
    found: list[Any] = envelope["m"]
    return found


def mac(signer: Signer, content: bytes) -> bytes:
    """HMAC-SHA256 under the channel's secret."""
    return hmac.digest(signer.secret, content, hashlib.sha256)


def same(given: str, expected: bytes, *, encoding: str = "base64") -> bool:
    """Whether a signature, as a header writes it, is the expected one; compared in constant time."""
    return hmac.compare_digest(_decoded(given.strip(), encoding), expected)


def header(headers: Mapping[str, str], name: str) -> str:
    """A header, cut to what one may hold; empty: not there."""
    return headers.get(name, "").strip()[:LONGEST_HEADER]


def digest_of(*parts: str | bytes) -> str:
    """An id for what has none that is signed: what was said, byte for byte."""
    held = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        held.update(len(content).to_bytes(8, "big") + content)
    return held.hexdigest()


def _decoded(text: str, encoding: str) -> bytes:
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Bad("The body is no JSON.") from None
    if not isinstance(content, dict):
        raise Bad("The body is no JSON object.")
    return content


def _require_writable(message: dict[str, Any]) -> None:
    """More nests in what can be read than in what can be written."""
    try:
        orjson.dumps([[message]])  # as deep as it will lie in what is kept
    except TypeError:
        raise Bad("The body is nested too deep.") from None


def as_text(path: str) -> str:
    """A path as its sender wrote it: WSGI hands bytes out as Latin-1."""
    try:
        return path.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return path
