"""What did not arrive, noted on the page of whom it was sent to: post that came back, a delivery or call that failed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from kehu.doors.web import errors
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import field_label
from kehu.doors.web.quality import words
from kehu.govern.parts import UnknownSubject
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.record import Record
from kehu.serve.upkeep import bounces
from kehu.vault.ids import new_id


def of(desk: SignedIn, record: Record) -> dict[str, Any]:
    """What this role may note here, for the page: of contact points that it shows; its form, sent twice, notes one."""
    if not desk.may("bounce"):
        return {"arrivals": []}
    return {
        "arrival_once": new_id(),
        "arrivals": [
            (f"{kind}:{name}", field_label(name), str(label))
            for kind, label in words.ARRIVALS.items()
            for name in bounces.FIELDS_OF[kind]
            if name in record.values
        ],
    }


@staff_page
@require_POST
def note(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Note one."""
    kind, _, name = request.POST.get("what", "").partition(":")
    try:
        bounces.note_of(kind, name, subject, actor=desk.without_purpose, report=request.POST.get("once", ""))
    except bounces.NotAContact:
        return errors.unreadable(request)
    except UnknownSubject:
        raise Http404 from None
    return redirect(reverse("customer", args=[subject]) + "?done=not-arrived")
