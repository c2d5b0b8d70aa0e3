"""What every answer of the API shares: problems as RFC 9457, the reader's language, a request's own id."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation.trans_real import parse_accept_lang_header
from ninja.errors import AuthenticationError, HttpError, ValidationError

from kehu.doors.problems import Problem, problem_of
from kehu.guard.gate.quotas import QuotaSpent

MEDIA_TYPE: Final = "application/problem+json"
_log = logging.getLogger("kehu.api")
_BY_STATUS: Final = {401: "token", 404: "no-such-path", 405: "method", 413: "too-large", 415: "media-type"}


class Busy(Exception):
    """Too many requests; ``seconds`` until the next one is taken."""

    def __init__(self, seconds: int) -> None:
        super().__init__("busy")
        self.seconds = seconds


class Unreadable(Exception):
    """A request whose frame is wrong: ``code`` of the table of problems."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def language(request: HttpRequest) -> str:
    """The first of ``Accept-Language`` that Kehu speaks, else English."""
    for tag, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        word = tag.lower()
        if word.startswith(("zh-hant", "zh-tw", "zh-hk", "zh-mo")):
            return "zh-hant"
        if word.startswith("zh"):
            return "zh-hans"
        if word.startswith("en"):
            return "en"
    return "en"


def request_id(request: HttpRequest) -> str:
    """The caller's ``X-Request-Id`` if it is a UUID (anything else could carry a value), else a new one."""
    known: str | None = request.META.get("kehu.request_id")
    if known is None:
        try:
            known = str(uuid.UUID(request.headers.get("X-Request-Id", "")))
        except ValueError:
            known = str(uuid.uuid4())
        request.META["kehu.request_id"] = known
    return known


def answered(body: Mapping[str, Any]) -> HttpResponse:
    """An answer that its maker shapes already; it is not checked against the schema again, which the tests do."""
    return HttpResponse(orjson.dumps(body), content_type="application/json; charset=utf-8")


def problem_response(
    request: HttpRequest, problem: Problem, *, more: Mapping[str, Any] | None = None, seconds: int | None = None
) -> HttpResponse:
    """A problem as RFC 9457; ``more`` are members of its own, ``seconds`` says when to come back."""
    words = problem.words(language(request))
    body = {
        "type": f"urn:kehu:problem:{problem.code}",
        "title": words["message"],
        "status": problem.status,
        "detail": words["reason"] or words["message"],
        "instance": f"urn:uuid:{request_id(request)}",
        **words,
        **(more or {}),
    }
    response = HttpResponse(orjson.dumps(body), content_type=MEDIA_TYPE, status=problem.status)
    if problem.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="kehu"'
    if seconds is not None:
        response["Retry-After"] = str(seconds)
    return response


def error_response(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Any exception as a problem. Its text stays here: it may quote a value."""
    if isinstance(error, Busy):
        return problem_response(request, Problem("busy"), seconds=error.seconds)
    if isinstance(error, Unreadable):
        return problem_response(request, Problem(error.code))
    if isinstance(error, AuthenticationError):
        return problem_response(request, Problem("token"))
    if isinstance(error, ValidationError):
        return problem_response(request, Problem("usage"), more={"errors": _places(error)})
    if isinstance(error, HttpError):
        return problem_response(request, Problem(_BY_STATUS.get(error.status_code, "usage")))
    assert isinstance(error, Exception)
    problem = problem_of(error)
    if isinstance(error, QuotaSpent):
        return problem_response(request, problem, seconds=error.seconds)
    if problem.status >= 500:
        _log.error("api.failed", exc_info=error)
        connection.close()  # a broken one would fail the next request of this thread, too
    return problem_response(request, problem, seconds=1 if problem.status == 503 else None)


def finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """What each answer carries, whatever made it."""
    if response.status_code == 405 and response.get("Content-Type") != MEDIA_TYPE:
        allowed = set(response.get("Allow", "").split(", "))
        response = problem_response(request, Problem("method"))
        response["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
    response["X-Request-Id"] = request_id(request)
    response["Content-Language"] = language(request)
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def without_body(response: HttpResponseBase) -> HttpResponseBase:
    """The same answer to a HEAD: every header, the length of what a GET would bring, and nothing of it."""
    assert isinstance(response, HttpResponse)
    response["Content-Length"] = str(len(response.content))
    response.content = b""
    return response


def unreadable_response(request: HttpRequest) -> HttpResponseBase:
    """A request that no view has seen (a host that is not ours, say) as a problem."""
    return finish(request, problem_response(request, Problem("host")))


def check_frame(request: HttpRequest, *, upload: bool = False) -> None:
    """Size and form of a request, before anything of it is read; an upload is bytes of any form.

    Raises:
        Unreadable: too large, or not JSON.
    """
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Unreadable("usage") from None
    if upload:
        return
    if length > settings.API_MAX_BODY:
        raise Unreadable("too-large")
    if length and request.content_type != "application/json":
        raise Unreadable("media-type")


def _places(error: ValidationError) -> list[dict[str, Any]]:
    """Where and why, never what: pydantic's own messages quote the input."""
    return [
        {"at": _place(found.get("loc", ())), "why": str(found.get("type", "value_error"))} for found in error.errors
    ]


def _place(loc: Any) -> list[str | int]:
    """Known words and positions only: below a mapping the next word is the caller's own."""
    place: list[str | int] = []
    for word in loc:
        place.append(word if isinstance(word, int) or word in _WORDS else "…")
    return place


_WORDS: Final = frozenset({
    "body", "query", "path", "header", "criteria", "purpose", "fields", "subject", "kind", "until", "notice", "by", "staff",
    "since", "before", "limit", "seq", "against", "import_id", "files", "channel", "basis", "controller", "residence", "consents",
    "consent_time", "consent_way", "maps", "dry_run", "asked",
})  # fmt: skip
