"""Coming in, saying why, and leaving."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web import errors
from kehu.doors.web.entrance import CLAIM, SIGN_IN, place_of, send_to, staff_page, way_back, who_is
from kehu.doors.web.pages import THEME_COOKIE, THEMES, language, page
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import (
    ClaimRefused,
    SignedIn,
    SignInRefused,
    claim_purpose,
    leave_purpose,
    sign_in,
    sign_out,
)
from kehu.guard.staff.tries import TooManyTries

_BROWSER: Final = "kehu_browser"
_YEAR: Final = 365 * 86400


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """To wherever one left off."""
    desk = who_is(request)
    if desk is None:
        return redirect("sign-in")
    return redirect(_first_page(desk))


@require_http_methods(["GET", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """Email and password; one answer for whatever is wrong with them."""
    error, status = "", 200
    if request.method == "POST":
        browser = request.COOKIES.get(_BROWSER, "")
        email, password = request.POST.get("email", ""), request.POST.get("password", "")
        try:
            credential, token = sign_in(
                email, password, place=place_of(request), browser=browser, agent=request.headers.get("User-Agent", "")
            )
        except SignInRefused:
            error, status = _("Email or password is wrong."), 401
        except TooManyTries as many:
            minutes = -(-many.seconds // 60)
            error, status = _("Too many tries from here. Try again in %(minutes)d minutes.") % {"minutes": minutes}, 429
        else:
            request.session.flush()  # a new id: whoever knew the old one knows nothing
            request.session[SIGN_IN] = str(credential)
            response = redirect(way_back(request, reverse("purpose")))
            remember(request, response, token)
            return response
    return page(request, "web/sign_in.html", {"error": error, "next": way_back(request, "")}, status=status)


def remember(request: HttpRequest, response: HttpResponse, token: str) -> None:
    """Let this browser be known again at the sign-in; without a token nothing changes."""
    if token:
        response.set_cookie(
            _BROWSER, token, max_age=_YEAR, path=reverse("sign-in"), httponly=True, samesite="Lax",
            secure=request.is_secure(),
        )  # fmt: skip


@require_POST
def sign_out_now(request: HttpRequest) -> HttpResponse:
    """Leave: credentials end in the database, the session goes, and the browser forgets what it kept."""
    desk = who_is(request)
    if desk is not None:
        sign_out(desk)
    request.session.flush()
    response = send_to(request, reverse("sign-in") + "?done=signed-out")
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@staff_page
@require_http_methods(["GET", "POST"])
def purpose(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Say why: choose one of the purposes one's role may claim."""
    if request.method == "POST":
        if request.POST.get("leave"):
            leave_purpose(desk)
            request.session.pop(CLAIM, None)
            return redirect("purpose")
        try:
            claim = claim_purpose(desk, request.POST.get("purpose", ""))
        except ClaimRefused as no:
            return errors.refused(request, no.policy, desk=desk)
        request.session[CLAIM] = str(claim.credential)
        return redirect(way_back(request, reverse("home")))
    choices = [_choice(slug) for slug in _claimable(desk)]
    context = {"choices": choices, "next": way_back(request, "")}
    return page(request, "web/purpose.html", context, desk=desk, nav="purpose")


@staff_page
@require_GET
def me(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """One's own account: role, agreement and training, language and theme."""
    return page(request, "web/me.html", desk=desk, nav="me")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep the reader's choice of light, dark or automatic in a cookie."""
    response = redirect(way_back(request, reverse("home")))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(THEME_COOKIE, chosen, max_age=_YEAR, samesite="Lax", secure=request.is_secure())
    return response


def _first_page(desk: SignedIn) -> str:
    return "customers" if desk.claim else "purpose"


def _claimable(desk: SignedIn) -> list[str]:
    rules = installation().rules
    return [slug for slug, one in rules.purposes.items() if desk.role in one.roles]


def _choice(slug: str) -> dict[str, Any]:
    """A purpose as a card: its words, its ground, and the least fields it opens, by category."""
    held, said = installation().rules.purposes[slug], language()
    dictionary = installation().rules.dictionary
    fields = [dictionary.field(name) for name in sorted(held.least, key=lambda name: dictionary.field(name).id)]
    return {
        "slug": slug,
        "label": held.label(said),
        "description": held.descriptions[said],
        "ground": held.kind,
        "fields": [field.label(said) for field in fields],
    }
