"""How others come in: links to a first password, and who may use the company's own sign-on."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.account.door import confirmed
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, page
from kehu.guard.staff import joining, sign_on
from kehu.guard.staff.sign_ins import SignedIn

_TOLD = {
    "allowed": gettext_lazy("Open: the next sign-in there links the account by its verified address."),
    "ended": gettext_lazy("Closed: whoever came in by it is out."),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Whose ways in one looks after, those who never came in first."""
    people = joining.people(actor=desk.without_purpose)
    context = {
        "people": [(one, ROLE_LABELS[one.role]) for one in people],
        "waits": sum(one.joined_at is None for one in people),
        "may_allow": desk.may("sign-on") and sign_on.offered() is not None,
        "provider": sign_on.provider_name(),
        "told": _TOLD.get(request.GET.get("done", ""), ""),
    }
    return page(request, "account/people.html", context, desk=desk, nav="access")


@staff_page
@confirmed
@require_POST
def link(request: HttpRequest, desk: SignedIn, staff: UUID) -> HttpResponse:
    """Make a link to a password, shown by this answer and never again."""
    try:
        secret, until = joining.make_link(staff, actor=desk.without_purpose)
    except LookupError:
        raise Http404 from None
    address = request.build_absolute_uri(reverse("account-password", args=[secret]))
    context = {"address": address, "until": until, "email": joining.look_at_link(secret)}
    return page(request, "account/link.html", context, desk=desk, nav="access")


@staff_page
@confirmed
@require_POST
def allow(request: HttpRequest, desk: SignedIn, staff: UUID) -> HttpResponse:
    """Open an account to single sign-on, or close it."""
    allowed = request.POST.get("do") == "allow"
    try:
        sign_on.allow_sign_on(staff, actor=desk.without_purpose, allowed=allowed)
    except LookupError:
        raise Http404 from None
    return redirect(reverse("account-people") + f"?done={'allowed' if allowed else 'ended'}")
