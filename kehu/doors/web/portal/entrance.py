"""Who is signed in at the customers' door, and how its pages are rendered.

Cookies hold random secrets, and a keyed hash of who came in last.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from kehu.doors.web.pages import house_name, theme_of
from kehu.govern.parts import UnknownSubject, part_of
from kehu.guard.gate.acts import Refused
from kehu.guard.guests.credentials import SIGNED_IN_SECONDS, Guest, NotSignedIn, guest_of
from kehu.serve.portal.held import NotHere

GUEST: Final = "kehu_guest"
CODE: Final = "kehu_guest_code"
_LAST: Final = "kehu_guest_last"
_PATH: Final = "/portal"
_MARK: Final = "csrfmiddlewaretoken"
_WRITTEN: Final = frozenset(
    {"text", "value"}
)  # fields of this door for one's own words; a fact is a secret, and typed again
View = Callable[..., HttpResponse]


def who_is(request: HttpRequest) -> Guest | None:
    """The signed-in customer of a request."""
    try:
        return guest_of(request.COOKIES.get(GUEST, ""))
    except NotSignedIn:
        return None


def guest_page(view: View) -> View:
    """A page for a signed-in customer; whoever is not, or not any more, is asked to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        guest = who_is(request)
        if guest is None:
            return _ask_first(request, "ended" if GUEST in request.COOKIES else "")
        try:
            return view(request, guest, *args, **kwargs)
        except (Refused, UnknownSubject, NotHere):  # signed out or erased meanwhile, or a rule stands against it
            return _ask_first(request, "ended")

    return guarded


def to_sign_in(done: str = "") -> HttpResponse:
    """Send to the sign-in page; what is left of the old one is taken away."""
    response = redirect(reverse("portal-sign-in") + (f"?done={done}" if done else ""))
    response.delete_cookie(GUEST, path=_PATH, samesite="Lax")
    return response


def _ask_first(request: HttpRequest, done: str) -> HttpResponse:
    """Lead to the sign-in; what somebody wrote stays on a page, open to whoever sends it from there after that."""
    said = [(name, value) for name, values in request.POST.lists() if name != _MARK for value in values]
    written = [(name, value) for name, value in said if name in _WRITTEN and value.strip()]
    if not written:
        return to_sign_in(done)
    context: dict[str, Any] = {"action": request.path, "written": written, "seconds": SIGNED_IN_SECONDS}
    context["beside"] = [one for one in said if one not in written]
    response = page(request, "portal/again.html", context, status=HTTPStatus.UNAUTHORIZED)
    return forget(response, GUEST)


def keep(request: HttpRequest, response: HttpResponse, name: str, secret: str) -> HttpResponse:
    """Give the browser a secret that it sends back to this door only, until it is closed."""
    response.set_cookie(name, secret, path=_PATH, httponly=True, samesite="Lax", secure=request.is_secure())
    return response


def part_from_last(request: HttpRequest, response: HttpResponse, guest: Guest) -> HttpResponse:
    """Whoever comes in sends no page that another visitor left open in this browser; their own they do."""
    now = salted_hmac(_LAST, str(min(part_of(guest.subject, whole=False)))).hexdigest()
    if not constant_time_compare(request.COOKIES.get(_LAST, ""), now):
        rotate_token(request)
    return keep(request, response, _LAST, now)


def forget(response: HttpResponse, *names: str) -> HttpResponse:
    """Take secrets out of the browser."""
    for name in names:
        response.delete_cookie(name, path=_PATH, samesite="Lax")
    return response


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    guest: Guest | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a page of this door."""
    shell = {"theme": theme_of(request), "guest": guest, "house": house_name(), "done": request.GET.get("done", "")}
    return render(request, template, shell | dict(context or {}), status=status)
