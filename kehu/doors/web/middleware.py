"""What every answer of the site carries, whatever view or static file made it."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from kehu.doors.web import errors
from kehu.doors.web.entrance import who_is
from kehu.guard.gate.acts import Refused
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


class Refusals:
    """What the guard refuses becomes a page in the words of the policy; a ledger that cannot be written, a 503."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self._next(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for what a view let through; None for what is nobody's refusal."""
        if isinstance(exception, LedgerUnavailable):
            return errors.ledger_down(request)
        if isinstance(exception, Refused):
            return errors.refused(request, exception.policy, desk=who_is(request))
        return None
