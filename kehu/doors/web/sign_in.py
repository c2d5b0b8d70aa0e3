"""Coming in, saying why, and leaving."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web import errors
from kehu.doors.web.entrance import CLAIM, SIGN_IN, place_of, send_to, staff_page, way_back, who_is
from kehu.doors.web.pages import THEME_COOKIE, THEMES, language, page
from kehu.govern.slugs import LANGUAGES
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import (
    ClaimRefused,
    SignedIn,
    SignInRefused,
    Visit,
    claim_purpose,
    leave_purpose,
    sign_in,
    sign_out,
)
from kehu.guard.staff.sign_on import offered, provider_name
from kehu.guard.staff.step_up import waiting
from kehu.guard.staff.tries import TooManyTries

_BROWSER: Final = "kehu_browser"
_LAST: Final = "kehu_staff_last"
_YEAR: Final = 365 * 86400
_EMAIL: Final = 254  # characters of an address (RFC 5321)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """To wherever one left off."""
    desk = who_is(request)
    if desk is None:
        return redirect("sign-in")
    return redirect(_first_page(desk))


@require_http_methods(["GET", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """Email and password, or the company's own sign-on; one answer for whatever is wrong with a password."""
    if request.method != "POST":
        return entry(request)
    try:
        credential, token = sign_in(request.POST.get("email", ""), request.POST.get("password", ""), visit_of(request))
    except SignInRefused:
        return entry(request, _("Email or password is wrong."), 401)
    except TooManyTries as many:
        return entry(request, too_many(many), 429)
    return come_in(request, credential, token, way_back(request, reverse("purpose")))


def entry(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    """The page that lets in, and what was wrong with the last try."""
    context = {
        "error": error,
        "email": request.POST.get("email", "")[:_EMAIL],
        "next": way_back(request, ""),
        "provider": provider_name() if offered() is not None else "",
    }
    return page(request, "web/sign_in.html", context, status=status)


def too_many(many: TooManyTries) -> str:
    """How long to wait, in words."""
    return _("Too many tries from here. Try again in %(minutes)d minutes.") % {"minutes": -(-many.seconds // 60)}


def come_in(request: HttpRequest, credential: UUID, token: str, onwards: str) -> HttpResponse:
    """Into the session with a sign-in, under a new id: whoever knew the old one knows nothing."""
    request.session.flush()
    request.session[SIGN_IN] = str(credential)
    response = redirect(onwards)
    remember(request, response, token)
    _part_from_last(request, response, credential)
    return response


def _part_from_last(request: HttpRequest, response: HttpResponse, credential: UUID) -> None:
    """Whoever comes in sends no page that somebody else left open in this browser; their own they do."""
    who = waiting(credential)
    now = salted_hmac(_LAST, str(who.staff if who else credential)).hexdigest()
    if not constant_time_compare(request.COOKIES.get(_LAST, ""), now):
        rotate_token(request)
    response.set_cookie(_LAST, now, max_age=_YEAR, httponly=True, samesite="Lax", secure=request.is_secure())


def visit_of(request: HttpRequest) -> Visit:
    """Where a sign-in comes from; the language only where its reader chose one."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return Visit(
        place_of(request),
        request.COOKIES.get(_BROWSER, ""),
        request.headers.get("User-Agent", ""),
        chosen if chosen in LANGUAGES else "",
    )


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
    choices, onwards = [_choice(slug) for slug in _claimable(desk)], way_back(request, "")
    if not choices and not onwards and desk.may("operate"):
        return redirect("system")
    context = {"choices": choices, "next": onwards, "may_operate": desk.may("operate")}
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
    if not desk.claims and desk.may("operate"):
        return "system"
    return "customers" if desk.claim else "purpose"


def _claimable(desk: SignedIn) -> list[str]:
    return [slug for slug in installation().rules.purposes if slug in desk.claims]


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
