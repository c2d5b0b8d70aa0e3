"""Who comes in to these pages: whoever is signed in, and whoever's password was right while the factor is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from kehu.doors.web.entrance import SIGN_IN, View, ask_first, send_to, who_is
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.staff.step_up import Waiting, needs_step_up, waiting

FactorView = Callable[..., HttpResponse]


def who_waits(request: HttpRequest) -> Waiting | None:
    """Whose second factor a request is about; of somebody who idled out nothing is left."""
    held = request.session.get(SIGN_IN)
    who = waiting(UUID(held)) if held else None
    return None if who is not None and who.whole and who_is(request) is None else who


def factor_page(view: FactorView) -> View:
    """A page for whoever shows or makes a second factor; the view gets them as its second argument."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        who = who_waits(request)
        if who is None:
            return send_to(request, reverse("sign-in"))
        return view(request, who, *args, **kwargs)

    return guarded


def _back(request: HttpRequest) -> str:
    """The page one was at: what a form asked for is asked for there again."""
    if request.method == "GET":
        return request.path
    came = urlsplit(request.headers.get("Referer", ""))
    return came.path if came.netloc == request.get_host() else request.path.rpartition("/")[0]


def confirmed(view: View) -> View:
    """Inside a page of the staff: first the second factor of the last ten minutes, then back to where one was."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, desk: SignedIn, *args: Any, **kwargs: Any) -> HttpResponse:
        first = step_up_first(request, desk)
        return view(request, desk, *args, **kwargs) if first is None else first

    return guarded


def step_up_first(request: HttpRequest, desk: SignedIn) -> HttpResponse | None:
    """The way to the page that asks for the second factor, where it was not shown within ten minutes."""
    if not needs_step_up(desk.without_purpose):
        return None
    way = reverse("account-confirm") + "?" + urlencode({"next": _back(request)})
    return ask_first(request, way, "factor", desk=desk)
