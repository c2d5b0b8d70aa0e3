"""Showing the second factor, and making one: by an authenticator program, by a passkey, by a recovery code."""

from __future__ import annotations

from typing import Any, Final

import segno
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.web.account.door import factor_page
from kehu.doors.web.entrance import came_from, way_back
from kehu.doors.web.pages import page
from kehu.doors.web.sign_in import remember, too_many
from kehu.guard.gate.acts import Refused
from kehu.guard.staff import passkeys
from kehu.guard.staff.second_factor import CodeRefused, NotEnrolled, address_for, offer
from kehu.guard.staff.sign_ins import remember_browser
from kehu.guard.staff.sign_on import provider_name
from kehu.guard.staff.step_up import (
    LastFactor,
    Waiting,
    add_passkey,
    add_totp,
    compulsory,
    confirm_code,
    confirm_passkey,
    factors_of,
    new_recovery_codes,
    remove_factor,
    shown_lately,
)
from kehu.guard.staff.tries import TooManyTries

_QUIET_ZONE: Final = 4  # modules around a QR code (ISO 18004)


@factor_page
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, who: Waiting) -> HttpResponse:
    """Show the second factor: to come in, or again; then on to where one was."""
    if not who.made and not who.provider:
        if who.whole:
            return redirect(way_back(request, reverse("account-security")))
        return redirect(_authenticator(request))
    problem, status = "", 200
    if request.method == "POST":
        try:
            if request.POST.get("passkey"):
                confirm_passkey(who, request.POST["passkey"], host=_host(request))
            else:
                confirm_code(who, request.POST.get("code", ""))
        except (CodeRefused, NotEnrolled):
            problem, status = _("That does not fit. A code is good once: wait for the next one."), 401
        except TooManyTries as many:
            problem, status = too_many(many), 429
        else:
            return _onwards(request, who)
    return asked_again(request, who, problem, status)


def asked_again(request: HttpRequest, who: Waiting, problem: str, status: int) -> HttpResponse:
    """The page that asks for the second factor, and what was wrong with the last try."""
    context = {
        "problem": problem,
        "next": way_back(request, ""),
        "held": factors_of(who.staff),
        "who": who,
        "provider": provider_name() if who.provider else "",
    }
    return page(request, "account/confirm.html", context, status=status)


@factor_page
@require_http_methods(["GET", "POST"])
def authenticator(request: HttpRequest, who: Waiting) -> HttpResponse:
    """Make an authenticator program the second factor: a picture to scan, and the first code as the proof."""
    if (who.made or who.provider) and not shown_lately(who.credential):
        return redirect(_confirm_first(request))
    problem, status = "", 200
    if request.method == "POST":
        try:
            add_totp(who, request.POST.get("code", ""))
        except (CodeRefused, NotEnrolled):
            problem, status = _("The code does not fit this picture. Is the clock of your telephone right?"), 422
        else:
            return _made(request, who)
    secret = offer(who.staff, who.credential)
    context = {
        "problem": problem,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": _picture(address_for(secret, who.email)),
        "address": address_for(secret, who.email),
        "next": way_back(request, ""),
        "who": who,
        "compulsory": compulsory(who.role),
    }
    return page(request, "account/authenticator.html", context, status=status)


@factor_page
@require_POST
def codes(request: HttpRequest, who: Waiting) -> HttpResponse:
    """Ten new recovery codes, shown by this answer and never again."""
    try:
        made = new_recovery_codes(who)
    except Refused:
        return redirect(_confirm_first(request))
    return page(request, "account/codes.html", {"codes": made, "next": way_back(request, reverse("home"))})


@factor_page
@require_POST
def options(request: HttpRequest, who: Waiting) -> HttpResponse:
    """What the browser needs to make or to show a passkey; asked for by the page's script alone."""
    host = _host(request)
    if request.POST.get("for") != "new":
        return JsonResponse(passkeys.ask_to_show(who.credential, who.staff, host=host))
    if (who.made or who.provider) and not shown_lately(who.credential):
        return JsonResponse({"confirm": _confirm_first(request)}, status=403)
    return JsonResponse(passkeys.ask_for_new(who.credential, who.staff, host=host))


@factor_page
@require_POST
def passkey(request: HttpRequest, who: Waiting) -> HttpResponse:
    """Take up the passkey that the browser made."""
    try:
        add_passkey(who, request.POST.get("passkey", ""), name=request.POST.get("name", ""), host=_host(request))
    except Refused:
        return redirect(_confirm_first(request))
    except CodeRefused:
        return redirect(_security(who, request, "passkey-refused"))
    return _made(request, who)


@factor_page
@require_POST
def remove(request: HttpRequest, who: Waiting) -> HttpResponse:
    """Forget a passkey or the authenticator."""
    try:
        remove_factor(who, passkey=request.POST.get("passkey") or None)
    except Refused:
        return redirect(_confirm_first(request))
    except LastFactor:
        return redirect(_security(who, request, "last-factor"))
    return redirect(_security(who, request, "removed"))


def _made(request: HttpRequest, who: Waiting) -> HttpResponse:
    """With the first factor come recovery codes; with another one those made before go on."""
    if factors_of(who.staff).codes:
        return _onwards(request, who)
    made = new_recovery_codes(_again(who))
    context = {"codes": made, "next": way_back(request, reverse("home"))}
    return _now_whole(request, who, page(request, "account/codes.html", context))


def _again(who: Waiting) -> Waiting:
    return Waiting(who.credential, who.staff, who.email, who.role, made=True, whole=True)


def _onwards(request: HttpRequest, who: Waiting) -> HttpResponse:
    way = way_back(request, reverse("account-security") if who.whole else reverse("purpose"))
    return _now_whole(request, who, redirect(way))


def _now_whole(request: HttpRequest, who: Waiting, answer: HttpResponse) -> HttpResponse:
    """Whoever knew the id of the waiting session knows nothing; and this browser is known from now on."""
    if not who.whole:
        request.session.cycle_key()
        remember(request, answer, remember_browser(who.email))
    return answer


def _security(who: Waiting, request: HttpRequest, done: str) -> str:
    return reverse("account-security") + f"?done={done}" if who.whole else _authenticator(request)


def _authenticator(request: HttpRequest) -> str:
    back = way_back(request, "")
    return reverse("account-authenticator") + ("?" + urlencode({"next": back}) if back else "")


def _confirm_first(request: HttpRequest) -> str:
    """The page that asks again, and leads back to this one or, where it cannot be opened, to one's account."""
    back = came_from(request) or "?" + urlencode({"next": reverse("account-security")})
    return reverse("account-confirm") + back


def _host(request: HttpRequest) -> str:
    """The name of the site as the browser has it, without its port: what a passkey is bound to."""
    return request.get_host().rpartition(":")[0] or request.get_host()


def _picture(address: str) -> dict[str, Any]:
    """A QR code as one path of a drawing, so that the page needs no image from anywhere."""
    rows = list(segno.make(address, error="m").matrix)
    path = "".join(
        f"M{x + _QUIET_ZONE} {y + _QUIET_ZONE}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return {"path": path, "size": len(rows) + 2 * _QUIET_ZONE}
