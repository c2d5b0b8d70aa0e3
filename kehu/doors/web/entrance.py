"""Who may come in to a page: signed in, or signed in with a purpose. What they may do there the guard decides."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from kehu.doors.web.pages import page
from kehu.guard.staff.sign_ins import SignedIn, signed_in
from kehu.guard.staff.step_up import waiting

SIGN_IN: Final = "sign_in"  # keys of the session: each holds an id of a credential, nothing else
CLAIM: Final = "claim"
_BY_ITSELF: Final = "by_itself"
View = Callable[..., HttpResponse]
_Answer = TypeVar("_Answer", bound=HttpResponseBase)
_MARK: Final = "csrfmiddlewaretoken"
_WORD: Final = re.compile(r"[a-z0-9_:.-]{0,40}")  # what buttons and ids send; whatever else was filled in
_SECRETS: Final = frozenset({"password", "current", "again", "code", "secret"})


def who_is(request: HttpRequest, *, seen: bool = True) -> SignedIn | None:
    """Who sits behind a request; ``seen``: that it came keeps their window from ending."""
    held = request.session.get(SIGN_IN)
    if not held:
        return None
    claim = request.session.get(CLAIM)
    return signed_in(UUID(held), UUID(claim) if claim else None, seen=seen)


def by_itself(view: View) -> View:
    """What a page fetches again and again, also while nobody is there: it keeps no window from ending."""
    vars(view)[_BY_ITSELF] = True  # decorators hand it on
    return view


def staff_page(view: Callable[..., _Answer]) -> Callable[..., _Answer | HttpResponse]:
    """A page for whoever is signed in; the view gets them as its second argument."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> _Answer | HttpResponse:
        desk = who_is(request, seen=_BY_ITSELF not in vars(view))
        if desk is None:
            return ask_first(request, way_in(request) + came_from(request), "sign-in")
        return view(request, desk, *args, **kwargs)

    return guarded


def purpose_page(view: View) -> View:
    """A page for whoever is signed in and has said why; who has not is asked first."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        desk = who_is(request)
        if desk is None:
            return ask_first(request, way_in(request) + came_from(request), "sign-in")
        if desk.claim is None:
            return ask_first(request, reverse("purpose") + came_from(request), "purpose", desk=desk)
        return view(request, desk, *args, **kwargs)

    return guarded


def way_in(request: HttpRequest) -> str:
    """The page that lets in: sign-in or, where the password was right already, the one for the second factor."""
    held = request.session.get(SIGN_IN)
    who = waiting(UUID(held)) if held else None
    return reverse("account-confirm") if who is not None and not who.whole else reverse("sign-in")


def ask_first(
    request: HttpRequest, url: str, missing: Literal["sign-in", "purpose", "factor"], *, desk: SignedIn | None = None
) -> HttpResponse:
    """Lead to what is missing. A form that somebody filled in is kept meanwhile, on a page from which it is sent again.

    It carries the mark against forgery, which ends when somebody else signs in in that browser: nobody sends it but them.
    """
    of_a_script = getattr(request, "htmx", False) or not request.accepts("text/html")
    if request.method != "POST" or of_a_script or not _filled_in(request):
        return send_to(request, url)
    typed = [(name, value) for name, values in request.POST.lists() if name != _MARK for value in values]
    context: dict[str, Any] = {"typed": typed, "missing": missing, "url": url}
    context |= {"action": request.get_full_path(), "files": bool(request.FILES)}
    context["shell"] = "web/plain.html" if desk is None else "web/desk.html"
    status = HTTPStatus.UNAUTHORIZED if desk is None else HTTPStatus.FORBIDDEN
    return page(request, "web/again.html", context, desk=desk, status=status)


def _filled_in(request: HttpRequest) -> bool:
    """Whether a form holds more than a button's words, and nothing that stands on no page."""
    held = {name: values for name, values in request.POST.lists() if name != _MARK}
    typed = any(not _WORD.fullmatch(value) for values in held.values() for value in values)
    return (typed or bool(request.FILES)) and _SECRETS.isdisjoint(held)


def send_to(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect, also out of a fragment."""
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def came_from(request: HttpRequest) -> str:
    """The query that leads back here, with what was narrowed down to; only pages can be come back to. Addresses hold ids only."""
    if request.method != "GET" or request.path == "/" or getattr(request, "htmx", False):
        return ""
    return "?" + urlencode({"next": request.get_full_path()})


def way_back(request: HttpRequest, otherwise: str) -> str:
    """Where a form wants to go next, if that is a path of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if safe else otherwise


def place_of(request: HttpRequest) -> str:
    """The address a request came from; behind the house's own proxy, the one that proxy saw."""
    if settings.BEHIND_PROXY:
        forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))
