"""The counter as its staff see it: find somebody, take somebody down, read a card, ask what they allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from kehu.collect.inbox.accept import InboxFull
from kehu.doors.web.counter import phone, views
from kehu.doors.web.counter.cards import CardUnreadable, InMemory, read_card
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import field_label, language, page
from kehu.doors.web.words import value_text
from kehu.govern.models import Channel
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.counter.entries import EntryRefused, doubtful, fields_of, places, read_entry, take_down
from kehu.serve.desk.listing import Row, masked_page, tells
from kehu.serve.desk.searching import search

SHORTEST: Final = 2
_SHOWN: Final = 8
WHY: Final = {
    "unreadable": gettext_lazy("Something in it cannot be read."),
    "too-old": gettext_lazy("It is more than a day old."),
    "nobody": gettext_lazy("Nothing says who it is: fill in a field."),
    "unknown-field": gettext_lazy("This purpose does not need one of the fields."),
    "no-language": gettext_lazy("The language it was read in is missing."),
    "no-notice": gettext_lazy("That notice is not in force."),
    "unknown-purpose": gettext_lazy(
        "One of the uses is not asked about any more, or in other words: load the page again."
    ),
    "no-consent": gettext_lazy("Your role does not record what a customer allows."),
    "no-counter": gettext_lazy("There is no such counter."),
    "no-scan": gettext_lazy("The scan is missing."),
    "said-later": gettext_lazy("They have said no, or objected, since that day: that stands."),
}


@purpose_page
@require_GET
def counter(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The counter's page."""
    return _counter(request, desk)


@purpose_page
@require_POST
def find(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Who it may be, masked, as far as the purpose shows them; each look stands in the ledger."""
    assert desk.claim is not None
    require_act("collect", desk.actor)
    text = request.POST.get("text", "").strip()
    context: dict[str, Any] = {
        "searched": text,
        "short": len(text) < SHORTEST,
        "may_ask": desk.may("consent"),
    }
    if not context["short"]:
        hits = search(text, actor=desk.actor, purpose=desk.claim.purpose)
        shown = masked_page(hits.customers[:_SHOWN], actor=desk.actor, purpose=desk.claim.purpose)
        labels = [field_label(name) for name in shown.columns]
        context |= {
            "hits": [
                {"id": row.customer, "name": row.name, "cells": list(zip(labels, _cells(row, shown.columns), strict=True))}
                for row in shown.rows
            ],
            "fields": [field_label(name) for name in hits.fields],
            "more": len(hits.customers) > _SHOWN or hits.more,
        }  # fmt: skip
    if getattr(request, "htmx", False):
        return page(request, "counter/parts/hits.html", context, desk=None)
    return _counter(request, desk, context)


def _cells(row: Row, columns: Sequence[str]) -> Iterator[str]:
    return (value_text(name, row.values.get(name, "")) for name in columns)


@csrf_exempt
def card(request: HttpRequest) -> HttpResponse:
    """A business card. The handler must stand before the body is read, and reading it checks the form's mark."""
    request.upload_handlers = [InMemory(request)]
    return _carded(request)


@csrf_protect
@purpose_page
@require_POST
def _carded(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """As a file, or as the text of its QR code: its values stand in the form, to be looked at and kept."""
    assert desk.claim is not None
    require_act("collect", desk.actor)
    file = request.FILES.get("card")
    content = file.read() if file is not None else request.POST.get("text", "").encode()
    try:
        values = read_card(content, fields_of(desk.claim.purpose))
    except CardUnreadable:
        return _counter(request, desk, {"card_unread": True}, status=422)
    return _counter(request, desk, {"carded": True}, values=values)


@purpose_page
@require_GET
def customer(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Somebody who is here: what they allow is asked on their side of the screen, or on their phone."""
    assert desk.claim is not None
    require_act("consent", desk.actor)
    shown = masked_page([subject], actor=desk.actor, purpose=desk.claim.purpose)
    if not shown.rows:
        raise Http404
    context = {
        "customer": shown.rows[0],
        "counters": places(actor=desk.actor),
        "entry": views.form(desk.claim.purpose),
        "side": views.side(),
        "may_ask": True,
    }
    return page(request, "counter/customer.html", context, desk=desk, nav="counter")


@purpose_page
@require_POST
def take(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Keep an entry: sent by the form, or by the page's script with what waited; the same one twice is one."""
    assert desk.claim is not None
    by_script = "application/json" in request.headers.get("Accept", "")
    said, consents = request.POST, request.POST.getlist("consent")
    on_phone = said.get("do") == "phone"
    try:
        require_act("collect", desk.actor)
        if (consents or on_phone) and not desk.may("consent"):
            raise EntryRefused("no-consent")
        channel = place_of(said.get("place"), desk)
        entry = read_entry(said.dict(), [] if on_phone else consents, purpose=desk.claim.purpose)
        new = take_down(channel, entry, actor=desk.actor)
    except UnknownSubject:
        raise Http404 from None
    except Refused as refused:
        if by_script:
            words = installation().rules.policies.text(refused.policy, language())
            return JsonResponse({"code": "refused", "message": words.reason}, status=403)
        raise
    except InboxFull as full:
        answer = (
            JsonResponse({"code": "busy"}, status=503)
            if by_script
            else _counter(request, desk, {"busy": True}, values=_values(said.dict()), status=503)
        )
        answer.headers["Retry-After"] = str(full.seconds)
        return answer
    except EntryRefused as refused:
        if by_script:
            return JsonResponse({"code": refused.code, "message": str(WHY[refused.code])}, status=422)
        return _counter(request, desk, {"refused": WHY[refused.code]}, values=_values(said.dict()), status=422)
    doubts = doubtful(entry, channel)
    if by_script:
        return JsonResponse({"kept": True, "new": new, "doubtful": [field_label(name) for name in doubts]})
    if on_phone:
        return phone.shown(request, desk, channel, subject=entry.subject, name=entry.name)
    return redirect(reverse("counter") + "?" + urlencode({"done": "counter-kept", "doubt": doubts}, doseq=True))


def place_of(number: str | None, desk: SignedIn) -> Channel:
    """The counter that is named, else the first.

    Raises:
        EntryRefused: there is none.
    """
    held = places(actor=desk.actor)
    found = next((one for one in held if str(one.id) == number), held[0] if held and not number else None)
    if found is None:
        raise EntryRefused("no-counter")
    return found


def _values(said: dict[str, str]) -> dict[str, str]:
    return {key.removeprefix("field."): value for key, value in said.items() if key.startswith("field.")}


def _counter(
    request: HttpRequest,
    desk: SignedIn,
    more: dict[str, Any] | None = None,
    *,
    values: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    assert desk.claim is not None
    known, doubts = fields_of(desk.claim.purpose), request.GET.getlist("doubt")
    context = {
        "counters": places(actor=desk.actor),
        "doubtful": [field_label(name) for name in known if name in doubts],
        "entry": views.form(desk.claim.purpose, values),
        "side": views.side(),
        "may_ask": desk.may("consent"),
        "tells": tells(desk.claim.purpose),
        "others": any(tells(one) for one in desk.claims),
        "title": _("Counter"),
    }
    return page(request, "counter/counter.html", context | (more or {}), desk=desk, nav="counter", status=status)
