"""The customer's permissions, one by one, with their receipts; and what they are asked, alone on a page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web import receipts
from kehu.doors.web.pages import language
from kehu.doors.web.portal.entrance import guest_page, page
from kehu.govern.models import Consent, Notice
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.serve.portal import permissions as held
from kehu.serve.portal.allowed import GuardianNeeded, ReadOtherwise

_LABELLED: Final = 6  # fields named in a line; the rest is counted


@dataclass(frozen=True, slots=True)
class PermissionView:
    """A permission in the customer's words."""

    id: UUID
    label: str
    terms: str
    state: receipts.StateView
    since: datetime
    until: datetime | None
    ended_at: datetime | None
    way: str
    wording: Notice | None
    guardian: bool
    rows: int
    last: datetime | None


@guest_page
@require_GET
def permissions(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Everything they said of purposes: what waits, what stands, what was."""
    found = held.permissions(guest)
    notices = Notice.objects.in_bulk({one.row.notice for one in (*found.standing, *found.earlier) if one.row.notice})
    context = {
        "asked": [_view(one, notices) for one in found.asked],
        "standing": [_view(one, notices) for one in found.standing],
        "earlier": [_view(one, notices) for one in found.earlier],
    }
    return page(request, "portal/permissions.html", context, guest=guest)


@guest_page
@require_GET
def receipt(request: HttpRequest, guest: Guest, consent: UUID) -> HttpResponse:
    """The receipt of one permission, to be read."""
    made = _receipt(guest, consent)
    return page(request, "portal/receipt.html", {"receipt": receipts.view_of(made), "id": consent}, guest=guest)


@guest_page
@require_GET
def receipt_file(request: HttpRequest, guest: Guest, consent: UUID) -> HttpResponse:
    """The same as JSON-LD, to be kept."""
    return receipts.file_of(_receipt(guest, consent), consent)


@guest_page
@require_POST
def withdraw(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Take one permission back: one press."""
    try:
        held.withdraw(guest, UUID(request.POST.get("consent", "")))
    except (ValueError, held.NotYours):
        raise Http404 from None
    return redirect(reverse("portal-permissions") + "?done=withdrawn")


@guest_page
@require_http_methods(["GET", "POST"])
def asked(request: HttpRequest, guest: Guest, consent: UUID) -> HttpResponse:
    """One thing that the customer is asked, alone; yes and no weigh the same."""
    try:
        row = held.asked(guest, consent)
        if request.method == "POST":
            wish = request.POST.get("wish", "")
            if wish not in ("give", "refuse"):
                raise Http404
            held.answer(guest, consent, yes=wish == "give", language=language(), read=request.POST.get("read", ""))
            return redirect(reverse("portal-permissions") + f"?done={'given' if wish == 'give' else 'refused'}")
    except held.NotYours:
        raise Http404 from None
    except GuardianNeeded:
        return redirect(reverse("portal-permissions") + "?done=guardian")
    except ReadOtherwise:
        return redirect(reverse("portal-asked", args=[consent]) + "?done=changed")
    return page(request, "portal/asked.html", _asked(row), guest=guest)


def _asked(row: Consent) -> dict[str, Any]:
    said, dictionary = language(), installation().rules.dictionary
    purpose = next(one for one in installation().rules.purposes.values() if one.id == row.purpose)
    names = sorted(purpose.least if row.fields is None else row.fields, key=lambda name: dictionary.field(name).id)
    notice = held.wording_of(row)
    return {
        "id": row.id,
        "label": purpose.label(said),
        "description": purpose.descriptions[said],
        "terms": receipts.terms_text(row.event, row.recipient, row.country),
        "event": row.event,
        "recipient": row.recipient,
        "country": row.country,
        "fields": [dictionary.field(name).label(said) for name in names],
        "text": notice.texts.get(said, notice.texts.get("en", "")),
        "notice": notice,
        "read": held.covers_now(row),
    }


def _view(one: held.Held, notices: dict[int, Notice]) -> PermissionView:
    row, rules = one.row, installation().rules
    terms = receipts.terms_text(row.event, row.recipient, row.country)
    if row.fields is not None:
        labels = [rules.dictionary.field(name).label(language()) for name in row.fields]
        more = len(labels) - _LABELLED
        named = _(", ").join(labels[:_LABELLED]) + (_(" and %(n)d more") % {"n": more} if more > 0 else "")
        terms = f"{terms}{_(': ')}{named}"
    return PermissionView(
        id=row.id,
        label=rules.purposes[one.purpose].label(language()),
        terms=terms,
        state=receipts.state_view(one.became.state),
        since=row.at or row.recorded_at,
        until=row.until,
        ended_at=one.became.ended_at,
        way=receipts.way_text(row.way),
        wording=notices.get(row.notice) if row.notice else None,
        guardian=bool(row.by_subject or row.guardian),
        rows=one.used.rows,
        last=one.used.last,
    )


def _receipt(guest: Guest, consent: UUID) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(json.dumps(held.receipt_for(guest, consent)))
    except held.NotYours:
        raise Http404 from None
    return found
