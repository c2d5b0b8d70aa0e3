"""What every answer of the site carries, whatever view or static file made it."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.module_loading import import_string

from kehu.doors.problems import problem_of
from kehu.doors.web import errors
from kehu.doors.web.entrance import who_is
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.quotas import QuotaSpent
from kehu.guard.gate.read import LedgerUnavailable
from kehu.guard.installation import installation

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # not no-referrer: browsers then send `Origin: null` with forms, and the check against forgery refuses them
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
Answer = Callable[[HttpRequest], HttpResponse]


class SecureAnswers:
    """Strict headers on all answers; nothing but static files is ever kept by a browser or a proxy."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers."""
        response = self._next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith(settings.STATIC_URL):
            response.headers["Cache-Control"] = "no-store"
        return response


class ForPages:
    """Sessions, languages, forms and their kin for the pages alone; a program's question is spared them.

    The API takes no cookie, so it needs no session and no protection against forged forms, and reads its language from
    each request. The links of ``PAGE_MIDDLEWARE`` are asked here as Django asks those of ``MIDDLEWARE``.
    """

    def __init__(self, get_response: Answer) -> None:
        self._api = self._pages = get_response
        self._links: list[Any] = []
        for name in reversed(settings.PAGE_MIDDLEWARE):
            self._pages = link = import_string(name)(convert_exception_to_response(self._pages))
            self._links.insert(0, link)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self._api(request) if _of_api(request) else self._pages(request)

    def process_view(self, request: HttpRequest, view: Any, places: Any, named: Any) -> HttpResponse | None:
        """The first answer of a link before the view."""
        return self._first("process_view", request, view, places, named)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The first answer of a link to what a view let through, the innermost asked first."""
        return self._first("process_exception", request, exception)

    def _first(self, hook: str, request: HttpRequest, *told: Any) -> HttpResponse | None:
        if _of_api(request):
            return None
        links = self._links if hook == "process_view" else reversed(self._links)
        for link in links:
            answer: HttpResponse | None = getattr(link, hook)(request, *told) if hasattr(link, hook) else None
            if answer is not None:
                return answer
        return None


def _of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/v1/")


class ReaderZone:
    """Times in the reader's zone, which the page's script keeps in a cookie; UTC where it is unknown."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response
        self._zones = zoneinfo.available_timezones()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with that zone in force."""
        wanted = request.COOKIES.get("kehu_zone", "")
        with timezone.override(zoneinfo.ZoneInfo(wanted) if wanted in self._zones else None):
            return self._next(request)


class RulesAsInForce:
    """A page shows the rules that another process put in force a second ago, without a restart."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer under them; where the database is away, the page itself will say so."""
        with contextlib.suppress(DatabaseError):
            installation().held_rules.follow()
        return self._next(request)


class HeadAsGet:
    """A page asked for by its head alone (monitors, proxies, checkers of links) is what a GET brings, without its body."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        if request.method != "HEAD":
            return self._next(request)
        request.method = "GET"
        response = self._next(request)
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = iter(())
        else:
            response.headers["Content-Length"] = str(len(response.content))
            response.content = b""
        return response


class FormsAlone:
    """An address that only takes forms, opened like a page, leads to the page above it; a form sent to a page is told so."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or lead on."""
        response = self._next(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        if request.method == "GET":
            return redirect(_page_above(request.path_info))
        return errors.not_for_forms(request, response.headers.get("Allow", ""))


def _page_above(path: str) -> str:
    """The nearest address above that there is."""
    while path := path.rpartition("/")[0]:
        with contextlib.suppress(Resolver404):
            resolve(path)
            return path
    return "/"


class Refusals:
    """What the guard refuses becomes a page in the words of the policy; a ledger that cannot be written, a 503; what the
    database could not keep, a 400 or 422."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self._next(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for what a view let through; None for what is nobody's refusal."""
        if isinstance(exception, LedgerUnavailable):
            return errors.ledger_down(request)
        if isinstance(exception, QuotaSpent):
            return errors.quota_spent(request, exception, desk=who_is(request, seen=False))
        if isinstance(exception, Refused):
            return errors.refused(request, exception.policy, desk=who_is(request, seen=False))
        if isinstance(exception, (DatabaseError, psycopg.Error, ValueError)) and _holds_nul(request):
            return errors.unreadable(request)
        if isinstance(exception, (DatabaseError, psycopg.Error)):
            problem = problem_of(exception)
            return errors.unkeepable(request, problem) if problem.code == "unkeepable" else None
        return None


def _holds_nul(request: HttpRequest) -> bool:
    """Whether something typed holds the one character that the database keeps in no text; no keyboard sends it."""
    return any("\0" in text for sent in (request.GET, request.POST) for _, texts in sent.lists() for text in texts)
