"""A password of one's own choice: a first or forgotten one by a link that is good once, another one from inside."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kehu.doors.web.account.door import confirmed
from kehu.doors.web.entrance import CLAIM, SIGN_IN, staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.sign_in import too_many
from kehu.guard.staff.joining import LinkRefused, look_at_link, set_by_link
from kehu.guard.staff.passwords import PasswordRefused, change_password
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.staff.tries import TooManyTries


@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest, secret: str) -> HttpResponse:
    """Choose a password; the link is used up with it."""
    try:
        email = look_at_link(secret)
        problems: list[str] = []
        if request.method == "POST":
            if not _twice(request):
                problems = [_("The two are not the same.")]
            else:
                set_by_link(secret, request.POST.get("password", ""))
                request.session.flush()
                return redirect(reverse("sign-in") + "?done=password")
    except ValidationError as weak:
        problems = _said(weak)
    except LinkRefused:
        return page(request, "account/link_over.html", status=404)
    context = {"email": email, "problems": problems, "secret": secret}
    return page(request, "account/password.html", context, status=422 if problems else 200)


@staff_page
@confirmed
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Change one's own password: the current one, and the second factor of the last ten minutes."""
    problems, status = [], 422
    if request.method == "POST":
        try:
            if _twice(request):
                given = request.POST.get("current", ""), request.POST.get("password", "")
                fresh = change_password(desk, *given)
                request.session.cycle_key()
                request.session[SIGN_IN] = str(fresh)
                request.session.pop(CLAIM, None)
                return redirect(reverse("account-security") + "?done=password")
            problems = [_("The two are not the same.")]
        except PasswordRefused:
            problems, status = [_("The current password is another one.")], 401
        except TooManyTries as many:
            problems, status = [too_many(many)], 429
        except ValidationError as weak:
            problems = _said(weak)
    context = {"problems": problems}
    return page(request, "account/own_password.html", context, desk=desk, nav="me", status=status if problems else 200)


def _twice(request: HttpRequest) -> bool:
    return request.POST.get("password") == request.POST.get("again")


def _said(weak: ValidationError) -> list[str]:
    ours = {
        "breached": _("This password is known from a breach: whoever tries doors tries it first."),
        "unread": _(
            "The list of breached passwords cannot be read, so none can be looked up. Whoever runs it: kehu doctor."
        ),
        "same": _("This is the password that you have now."),
    }
    return [ours.get(str(one.code), " ".join(one.messages)) for one in weak.error_list]
