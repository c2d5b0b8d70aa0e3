"""A new password by a link that is good once."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kehu.doors.web.pages import page
from kehu.guard.staff.passwords import LinkRefused, look_at_link, set_by_link


@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest, secret: str) -> HttpResponse:
    """Choose a password; the link is used up with it."""
    try:
        email = look_at_link(secret)
        problems: list[str] = []
        if request.method == "POST":
            if request.POST.get("password") != request.POST.get("again"):
                problems = [_("The two are not the same.")]
            else:
                set_by_link(secret, request.POST.get("password", ""))
                request.session.flush()
                return redirect(reverse("sign-in") + "?done=password")
    except ValidationError as weak:
        problems = [_said(one) for one in weak.error_list]
    except LinkRefused:
        return page(request, "account/link_over.html", status=404)
    context = {"email": email, "problems": problems, "secret": secret}
    return page(request, "account/password.html", context, status=422 if problems else 200)


def _said(weak: ValidationError) -> str:
    if weak.code == "breached":
        return _("This password is known from a breach: whoever tries doors tries it first.")
    return " ".join(weak.messages)
