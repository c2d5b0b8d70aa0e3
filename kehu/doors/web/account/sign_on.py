"""The company's own sign-on: to the provider and back, to come in or to confirm; and the provider signing somebody out."""

from __future__ import annotations

import functools
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.account.door import factor_page, who_waits
from kehu.doors.web.account.factors import asked_again
from kehu.doors.web.entrance import View, way_back
from kehu.doors.web.sign_in import come_in, entry, too_many, visit_of
from kehu.guard.staff.sign_ins import SignInRefused
from kehu.guard.staff.sign_on import begin, come_back, end_by_provider
from kehu.guard.staff.step_up import Waiting
from kehu.guard.staff.tries import TooManyTries
from kehu.host.asking import NotBelieved, ProviderFailed

_WAY: Final = "sign_on"  # key of the session: the id of a way that is under way


def set_up(view: View) -> View:
    """Only where the settings name a provider: else there is nothing here."""

    @functools.wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        return view(request)

    return guarded


@set_up
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """To the provider, to come in. A link, not a form: forms may lead nowhere but to this site."""
    return _away(request, way_back(request, reverse("purpose")), None)


@factor_page
@require_GET
def confirm(request: HttpRequest, who: Waiting) -> HttpResponse:
    """To the provider, to show the second factor there once more; for whoever came in by it."""
    if not who.provider:
        return redirect("account-confirm")
    return _away(request, way_back(request, reverse("account-security")), who)


@set_up
@require_GET
def come(request: HttpRequest) -> HttpResponse:
    """Back from the provider: in, or on to what asked for the confirmation."""
    way, here = request.session.pop(_WAY, None), who_waits(request)
    answer = {name: values[0] for name, values in request.GET.lists() if len(values) == 1}
    try:
        back = come_back(
            UUID(way) if way else None, answer, returns_to=_returns_to(request), visit=visit_of(request), here=here
        )
    except TooManyTries as many:
        return _again(request, here, too_many(many), 429)
    except SignInRefused:
        words = _("You are known there, but no account here is open to that. Ask the privacy office.")
        return _again(request, here, words, 401)
    except NotBelieved:
        return _again(request, here, _("Single sign-on did not let you in. Try again."), 401)
    except ProviderFailed:
        return _again(request, here, _not_there(), 503)
    return redirect(back.next) if back.confirmed else come_in(request, back.credential, back.browser, back.next)


@csrf_exempt
@set_up
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """The provider says that somebody signed out there; what it says is signed, so it needs no session."""
    try:
        end_by_provider(request.POST.get("logout_token", ""))
    except ProviderFailed:
        return JsonResponse({"error": "invalid_request"}, status=400)
    return HttpResponse(status=200)


def _away(request: HttpRequest, onwards: str, who: Waiting | None) -> HttpResponse:
    try:
        way, address = begin(returns_to=_returns_to(request), onwards=onwards, confirms=who)
    except ProviderFailed:
        return _again(request, who, _not_there(), 503)
    request.session[_WAY] = str(way)
    return redirect(address)


def _again(request: HttpRequest, who: Waiting | None, words: str, status: int) -> HttpResponse:
    """The page one came from, with what went wrong: for whoever waits or is in, the one that asks for the factor."""
    return entry(request, words, status) if who is None else asked_again(request, who, words, status)


def _returns_to(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sign-on-return"))


def _not_there() -> str:
    return _("Single sign-on does not answer now. Sign in with your password, or try again later.")
