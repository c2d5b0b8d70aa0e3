"""The customer's own phone: a QR code at the counter, and the page it leads to, of one use, in their language."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from kehu.collect.inbox.accept import InboxFull
from kehu.doors.web.counter import desk as counter
from kehu.doors.web.counter import views
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import language, page
from kehu.doors.web.portal.entrance import page as portal_page
from kehu.govern.models import Channel
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.counter import asking
from kehu.serve.counter.entries import EntryRefused

_QUIET: Final = 4  # modules around a code, as the standard wants


@purpose_page
@require_POST
def hand(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """A code for somebody who is here."""
    require_act("consent", desk.actor)
    try:
        channel = counter.place_of(request.POST.get("place"), desk)
        return shown(request, desk, channel, subject=subject)
    except (UnknownSubject, EntryRefused):
        raise Http404 from None


def shown(
    request: HttpRequest, desk: SignedIn, channel: Channel, *, subject: UUID | None = None, name: str = ""
) -> HttpResponse:
    """The page with the code; the secret stands on it and nowhere else."""
    secret = asking.hand_over(channel, subject=subject, name=name, actor=desk.actor)
    address = request.build_absolute_uri(reverse("counter-answer", args=[secret]))
    context: dict[str, Any] = {
        "code": _picture(address), "address": address, "seconds": int(asking.LASTS.total_seconds()), "side": views.side(),
    }  # fmt: skip
    return page(request, "counter/code.html", context, desk=desk, nav="counter")


@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, secret: str) -> HttpResponse:
    """What the customer sees on their phone; their answer ends the link."""
    context: dict[str, Any] = {"side": views.side(request.POST if request.method == "POST" else None)}
    try:
        asking.question(secret)
        if request.method == "POST":
            asking.answer(secret, request.POST.dict(), request.POST.getlist("consent"), language=language())
            return portal_page(request, "counter/answered.html", context)
    except asking.LinkOver:
        return portal_page(request, "counter/over.html", context, status=404)
    except EntryRefused:
        return portal_page(request, "counter/answer.html", context | {"refused": True}, status=422)
    except InboxFull:
        return portal_page(request, "counter/answer.html", context | {"refused": True}, status=503)
    return portal_page(request, "counter/answer.html", context)


def _picture(address: str) -> dict[str, Any]:
    """A QR code as one path of a drawing."""
    rows = list(segno.make(address, error="m").matrix)
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return {"path": path, "size": len(rows) + 2 * _QUIET}
