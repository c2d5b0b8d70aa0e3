"""A call, a chat or a visit, taken down with the customer it was had with."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kehu.collect.inbox.accept import InboxFull
from kehu.doors.web.counter import desk as counter
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import language, page
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.counter.contacts import RecordingRefused, read_contact, record_contact
from kehu.serve.counter.entries import EntryRefused, places
from kehu.serve.desk.listing import masked_page

_KINDS = (
    ("call", gettext_lazy("Call"), "phone"),
    ("chat", gettext_lazy("Chat"), "message-square"),
    ("visit", gettext_lazy("Visit"), "store"),
    ("letter", gettext_lazy("Letter"), "mail"),
)
_GROUNDS = (
    ("", gettext_lazy("Neither")),
    ("announced", gettext_lazy("It was announced before, and this shows it")),
    ("all-parties", gettext_lazy("Everybody on the line agreed")),
)


@purpose_page
@require_http_methods(["GET", "POST"])
def contact(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """The form, and what becomes of it."""
    assert desk.claim is not None
    require_act("collect", desk.actor)
    shown = masked_page([subject], actor=desk.actor, purpose=desk.claim.purpose)
    if not shown.rows:
        raise Http404
    context: dict[str, Any] = {
        "customer": shown.rows[0], "kinds": _KINDS, "grounds": _GROUNDS, "id": uuid4(), "said": request.POST,
        "counters": places(actor=desk.actor),
    }  # fmt: skip
    if request.method == "GET":
        return page(request, "counter/contact.html", context, desk=desk, nav="counter")
    try:
        channel = counter.place_of(request.POST.get("place"), desk)
        record_contact(channel, subject, read_contact(request.POST.dict()), actor=desk.actor)
    except RecordingRefused as refused:
        context["recording"] = (
            {"words": refused.rule.words[language()], "article": refused.rule.article} if refused.rule else {}
        )
        context["recording_refused"] = True
        return page(request, "counter/contact.html", context, desk=desk, nav="counter", status=422)
    except EntryRefused as refused:
        context["refused"] = counter.WHY[refused.code]
        return page(request, "counter/contact.html", context, desk=desk, nav="counter", status=422)
    except InboxFull:
        context["busy"] = True
        return page(request, "counter/contact.html", context, desk=desk, nav="counter", status=503)
    except UnknownSubject:
        raise Http404 from None
    return redirect(reverse("counter") + "?done=contact-kept")
