"""Coming in by a code, and leaving. Every answer to an address is the same, whether it is known or not."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.web.entrance import place_of
from kehu.doors.web.pages import house_name
from kehu.doors.web.portal.entrance import CODE, GUEST, forget, keep, page, part_from_last, to_sign_in, who_is
from kehu.guard.guests import credentials
from kehu.guard.guests.codes import CodeRefused
from kehu.guard.guests.credentials import NotSignedIn, SignIn
from kehu.serve.portal import sign_in as entering


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for a code at an address."""
    if request.method == "GET":
        if who_is(request) is not None:
            return redirect("portal")
        return page(request, "portal/sign_in.html")
    address = request.POST.get("address", "").strip()
    if not address:
        return page(request, "portal/sign_in.html", {"error": _("Enter your email address.")}, status=400)
    secret = entering.ask(
        address,
        client=place_of(request),
        fact=request.POST.get("fact", ""),
        subject=_("Your code for %(house)s") % {"house": house_name()},
        text=_letter(),
    )
    response = page(request, "portal/code.html", {"address": address})
    return keep(request, response, CODE, secret)


@require_POST
def code(request: HttpRequest) -> HttpResponse:
    """Take the code."""
    address = request.POST.get("address", "")
    try:
        made = entering.enter(request.COOKIES.get(CODE, ""), address, request.POST.get("code", ""))
    except (CodeRefused, NotSignedIn):
        error = _("This code does not count: wrong, older than ten minutes, used, or tried too often.")
        return page(request, "portal/code.html", {"address": address, "error": error}, status=401)
    if made is None:
        return page(request, "portal/fact.html", {"address": address})
    return _in(request, made)


@require_POST
def fact(request: HttpRequest) -> HttpResponse:
    """Take one more fact, where a mailbox alone does not say who somebody is."""
    address = request.POST.get("address", "")
    try:
        told = request.POST.get("fact", ""), request.POST.get("name", "")
        made = entering.enter_with_fact(request.COOKIES.get(CODE, ""), address, *told)
    except (CodeRefused, NotSignedIn):
        error = _("This does not fit, or was tried too often. You can ask for a new code.")
        return page(request, "portal/fact.html", {"address": address, "error": error}, status=401)
    return _in(request, made)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave: the credential ends in the database, and the browser forgets what it kept."""
    guest = who_is(request)
    if guest is not None:
        credentials.sign_out(guest.actor)
    response = forget(to_sign_in("signed-out"), CODE, GUEST)
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _in(request: HttpRequest, made: SignIn) -> HttpResponse:
    response = keep(request, forget(redirect("portal"), CODE), GUEST, made.secret)
    return part_from_last(request, response, made.guest)


def _letter() -> str:
    """The mail; it says nothing of whom it goes to."""
    return _(
        "Your code is {code}. It counts for ten minutes, in the browser that asked for it.\n\n"
        "Nobody of ours will ever ask you for it. If you did not ask for a code, do nothing: without it nobody gets in."
    )
