"""What lets the counter go on without a connection: the page's shell, the worker that keeps it, and a mark for later."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_GET

from kehu.doors.web.counter import views
from kehu.doors.web.entrance import by_itself, purpose_page, staff_page
from kehu.doors.web.pages import page
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.counter.entries import places

_KEPT = (
    "web/css/tokens.css", "web/css/base.css", "web/css/components.css", "web/css/pages.css", "counter/counter.css",
    "counter/counter.js", "web/js/desk.js", "django_htmx/htmx-2.min.js", "web/img/mark.svg", "web/img/check.svg",
)  # fmt: skip


@purpose_page
@require_GET
def shell(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The page as it stands without a connection: fields and words, nobody's name, no session's mark."""
    assert desk.claim is not None
    context = {
        "counters": places(actor=desk.actor),
        "entry": views.form(desk.claim.purpose),
        "side": views.side(),
        "may_ask": desk.may("consent"),
        "csrf_token": "",
        "without": True,
    }
    return page(request, "counter/shell.html", context)


@staff_page
@require_GET
def worker(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The service worker: it keeps the shell and static files, and answers for the page where the network does not."""
    context = {
        "shell": reverse("counter-shell"), "page": reverse("counter"), "static": settings.STATIC_URL,
        "files": [static(name) for name in _KEPT],
    }  # fmt: skip
    answer = render(request, "counter/worker.js", context, content_type="text/javascript; charset=utf-8")
    answer.headers["Service-Worker-Allowed"] = reverse("counter")
    return answer


@staff_page
@by_itself
@require_GET
def mark(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The mark against forged forms, for a page that was opened without a connection; whose window it is now, and for what."""
    purpose = desk.claim.purpose if desk.claim is not None else None
    return JsonResponse({"mark": get_token(request), "by": str(desk.staff), "purpose": purpose})
