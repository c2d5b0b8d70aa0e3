"""How WeChat's server speaks to an official account's (developers.weixin.qq.com, Access guide, Receiving messages).

When the address is entered a GET is signed and its ``echostr`` given back. Messages come as XML by POST and are answered with
nothing, within five seconds. The signature of the plain mode covers a time and a number, not the body: whoever once saw such an
address can write anything for five minutes. So with an EncodingAESKey nothing but its own messages is taken, and what the
compatible mode sends in clear beside them is not looked at.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kehu.collect.channels import Request, Response, problem
from kehu.collect.channels.wechat.crypto import Account, NotOurs, account_of, decrypted, is_signed
from kehu.collect.channels.wechat.xml import NotRead, read_xml
from kehu.collect.inbox.accept import InboxFull, KeyUnknown, Sender, accept
from kehu.collect.signed.answering import LONGEST_HEADER, as_text, digest_of
from kehu.collect.signed.parts import moment
from kehu.collect.signed.secrets import Signer, signer_of

PREFIX: Final = "/hooks/wechat"
WINDOW: Final = timedelta(minutes=5)
_TAKEN: Final = Response(200, b"", content_type="text/plain; charset=utf-8")
_WRONG: Final = problem(401, "invalid_signature", "No channel of this name has a token under which this is signed.")
_ECHO: Final = re.compile(r"[A-Za-z0-9+/=_-]{1,128}")
_NOBODY: Final = Account("", "", b"\0" * 32)


class _NotSigned(PermissionError):
    """Whatever it is that is wrong: nobody learns which."""


def form_of_secret(secret: str) -> None:
    """Let on secrets that are written as this kind's are.

    Raises:
        ValueError: this one is not; the message says how.
    """
    account_of(secret)


def answer(request: Request) -> Response:
    """Show that the address is ours, or accept a message; or say why not."""
    if request.method not in ("GET", "POST"):
        return problem(405, "method_not_allowed", "GET and POST are the methods here.", ("Allow", "GET, POST"))
    signer = signer_of("wechat", as_text(request.path.removeprefix(PREFIX).strip("/")))
    try:
        account = account_of(signer.secret.decode()) if signer is not None else _NOBODY
        if request.method == "GET":
            return _verified(request, account, known=signer is not None)
        content = _content(request, account)
        if signer is None:
            return _WRONG
        return _accepted(content, signer)
    except _NotSigned:
        return _WRONG
    except NotRead:
        return problem(400, "invalid_request", "The body is no message of WeChat's.")
    except KeyUnknown:
        return _WRONG
    except InboxFull as full:
        return problem(503, "busy", "Too much waits already; try again.", ("Retry-After", str(full.seconds)))


def _verified(request: Request, account: Account, *, known: bool) -> Response:
    echo = request.query.get("echostr", "")
    _require_signed(request, account, "signature")
    if not known or not _ECHO.fullmatch(echo):  # nothing but a word of this form is said back
        return _WRONG
    return Response(200, echo.encode(), content_type="text/plain; charset=utf-8")


def _content(request: Request, account: Account) -> bytes:
    """The message itself, once it is known to be WeChat's.

    Raises:
        _NotSigned: it is not, it is too old, or for another account.
        NotRead: it is, and no XML.
    """
    if account.key is None:
        _require_signed(request, account, "signature")
        return request.body
    try:
        encrypted = read_xml(request.body).get("Encrypt", "")
    except NotRead:  # an envelope that cannot be opened is nobody's
        encrypted = ""
    _require_signed(request, account, "msg_signature", encrypted)
    try:
        return decrypted(encrypted, account)
    except NotOurs:
        raise _NotSigned from None


def _require_signed(request: Request, account: Account, name: str, *more: str) -> None:
    at, nonce = (request.query.get(part, "")[:LONGEST_HEADER] for part in ("timestamp", "nonce"))
    signed = is_signed(request.query.get(name, "")[:LONGEST_HEADER], account.token, at, nonce, *more)
    told = moment(at)
    if not signed or told is None or abs(datetime.now(UTC) - told) > WINDOW:
        raise _NotSigned


def _accepted(content: bytes, signer: Signer) -> Response:
    message = read_xml(content)
    own = _own(message)
    accept(Sender(signer.channel, "wechat", signer.digest), [own], {"m": [{"own": own, "body": message}]})
    return _TAKEN


def _own(message: dict[str, Any]) -> str:
    """What WeChat says a repeat is known by: a message's id, of an event who, when and what.

    Who takes an authorisation back stands in ``OpenID``: the event itself comes from WeChat's own account.
    """
    if id := message.get("MsgId"):
        return digest_of("message", id)
    names = ("FromUserName", "OpenID", "CreateTime", "Event", "EventKey")
    if message.get("Event"):
        return digest_of("event", *(message.get(name, "") for name in names))
    return digest_of("other", *(f"{name}\x1f{message[name]}" for name in sorted(message)))
