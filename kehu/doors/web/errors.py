"""Pages for what goes wrong: what happened, what to do, and where a rule refused, that rule's own words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from kehu.doors.api.answers import unreadable_response
from kehu.doors.problems import Problem
from kehu.doors.web.entrance import came_from
from kehu.doors.web.pages import house_name, language, page
from kehu.doors.web.portal import entrance
from kehu.doors.web.words import house_label
from kehu.guard.access.training import courses
from kehu.guard.gate.acts import ACTS
from kehu.guard.gate.quotas import QuotaSpent
from kehu.guard.installation import claims_of, installation
from kehu.guard.staff.sign_ins import SignedIn

_CUSTOMERS_DOOR: Final = ("/portal", "/notice")
_BY_GRANT: Final = frozenset({"house.default-deny", "house.department", "house.custom-role", "house.custom-role-open"})
_OURS: Final = 500  # from here on the fault is on our side


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """400; for programs as a problem."""
    if request.path.startswith("/api/"):
        return unreadable_response(request)
    return unreadable(request)


def unreadable(request: HttpRequest) -> HttpResponse:
    """400 as a page."""
    return _plain(request, 400, _("This request cannot be read"), _("Go back and try again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 without a policy behind it."""
    return _plain(request, 403, _("This is not open to you"), _("Go back, or ask whoever runs this installation."))


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that does not carry this site's own mark, or that of somebody else who was signed in here when it was opened."""
    return _plain(
        request,
        403,
        _("This form has expired, nothing was sent"),
        _(
            "Open its page anew and fill it in again: somebody else has signed in here since, or it was open for too long."
            " Cookies must be allowed."
        ),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: also for what is there, but not for this reader."""
    return _plain(
        request, 404, _("There is nothing here"), _("Unknown, erased, or not yours to see: the answer is the same.")
    )


def not_for_forms(request: HttpRequest, allowed: str) -> HttpResponse:
    """405 as a page; ``allowed``: the methods that the address takes."""
    answer = _plain(request, 405, _("This address takes no form"), _("Go back and try again."))
    answer.headers["Allow"] = allowed
    return answer


def failed(request: HttpRequest) -> HttpResponse:
    """500; may not rely on anything that could have failed."""
    return _plain(
        request,
        500,
        _("Something went wrong on our side"),
        _("Nothing was opened. Try again; whoever runs it: kehu doctor."),
    )


def unkeepable(request: HttpRequest, problem: Problem) -> HttpResponse:
    """422: what was given is more than the database keeps; the same again would be answered the same."""
    said = problem.words(language())
    return _plain(request, problem.status, str(said["message"]), str(said["remedy"]))


def busy(request: HttpRequest) -> HttpResponse:
    """409: somebody works on it now."""
    return _plain(request, 409, _("This is being worked on"), _("Wait until it is done, then try again."))


def ledger_down(request: HttpRequest) -> HttpResponse:
    """503: no row, no plaintext."""
    return _plain(
        request,
        503,
        _("The ledger cannot be written"),
        _("Without its row nothing is opened, so this page stays closed. Try again in a moment."),
    )


def quota_spent(request: HttpRequest, spent: QuotaSpent, *, desk: SignedIn | None = None) -> HttpResponse:
    """429, and when there is room again."""
    again = timezone.now() + timedelta(seconds=spent.seconds + 59)  # a page tells minutes, and none is too early
    answer = refused(request, spent.policy, desk=desk, status=429, again=again)
    answer["Retry-After"] = str(spent.seconds)
    return answer


def refused(
    request: HttpRequest,
    policy: str,
    *,
    desk: SignedIn | None = None,
    nav: str = "",
    status: int = 403,
    again: datetime | None = None,
) -> HttpResponse:
    """403 (or 429) in the words of the policy that refused; ``again``: from when on it is not, where that is known."""
    words = installation().rules.policies.text(policy, language())
    context: dict[str, Any] = {
        "policy": policy,
        "words": words,
        "may_claim": desk is not None and bool(claims_of(desk.role)),
        "mends": _mends(request, policy),
        "grant": _grant(request, policy, desk),
        "again": again,
    }
    if desk is None:
        return page(request, "web/refused_plain.html", context, status=status)
    return page(request, "web/refused.html", context, desk=desk, nav=nav, status=status)


def _mends(request: HttpRequest, policy: str) -> str:
    """The page on which a condition is met, with the way back to what was refused."""
    way = {
        "house.step-up": reverse("account-confirm"),
        "house.level4-second-factor": reverse("account-confirm"),
        "house.agreement": reverse("access-agreement"),
        "house.watching": reverse("access-watching"),
        "house.training": reverse("access-training", args=[next(iter(courses()))]),
    }.get(policy, "")
    return way and way + came_from(request)


def _grant(request: HttpRequest, policy: str, desk: SignedIn | None) -> str:
    """The form that asks for a grant, filled in with the customer and purpose of what was refused."""
    if policy not in _BY_GRANT or desk is None or desk.role not in ACTS["ask-grant"]:
        return ""
    subject = request.resolver_match.kwargs.get("subject") if request.resolver_match else None
    asked = {"purpose": desk.claim.purpose if desk.claim else "", "customers": str(subject or "")}
    return reverse("access-ask") + "?" + urlencode(asked)


def _plain(request: HttpRequest, status: int, title: str, remedy: str) -> HttpResponse:
    context: dict[str, Any] = {"status": status, "title": title, "remedy": remedy}
    if not request.path.startswith(_CUSTOMERS_DOOR):
        return page(request, "web/error.html", context, status=status)
    # customers stay at their own door; a page for what failed asks the database for nothing but the house's name
    context |= (
        {"house": house_label("")} if status >= _OURS else {"house": house_name(), "guest": entrance.who_is(request)}
    )
    return page(request, "portal/error.html", context, status=status)
