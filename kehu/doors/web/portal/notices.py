"""The public notice with its history and what is different between two versions; and what a customer has not seen yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.web.pages import field_label, language, whole
from kehu.doors.web.portal.entrance import guest_page, page, who_is
from kehu.doors.web.register import words
from kehu.govern.consent import notice_in_force
from kehu.govern.differences import pieces
from kehu.govern.models import Notice
from kehu.govern.notices import CoverDifference, history
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.serve.portal import notices


@require_http_methods(["GET"])
def notice(request: HttpRequest) -> HttpResponse:
    """The notice in force, for everybody."""
    try:
        held = notice_in_force()
    except Notice.DoesNotExist:
        raise Http404 from None
    return _show(request, held)


@require_http_methods(["GET"])
def version(request: HttpRequest, number: int) -> HttpResponse:
    """A version that is or was in force, or comes in force on a day that is announced; compared with the one before."""
    held = next((one for one in history() if one.version == number), None)
    if held is None:
        raise Http404
    return _show(request, held)


@guest_page
@require_POST
def seen(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Note that the customer has seen the version they were shown."""
    number = whole(request.POST.get("version", ""), 4)
    if number is None:
        raise Http404
    try:
        notices.mark_seen(guest, number)
    except Notice.DoesNotExist:
        raise Http404 from None
    return redirect(reverse("portal") + "?done=seen")


def news_of(guest: Guest, on_consent: Collection[str]) -> dict[str, Any]:
    """What the first page says of changes: the notice not seen yet, and the uses that are asked about again.

    ``on_consent``: the purposes that rest on this person's consent; of the others they are told only.
    """
    found = notices.news(guest)
    rules, said = installation().rules.purposes, language()
    return {
        "notice_news": found,
        "asked_again": [
            {
                "label": rules[one.purpose].label(said),
                "since": one.since,
                "differences": [words.difference(row) for row in one.differences if row.wider or not row.removed],
            }
            for one in notices.asked_again(guest)
            if one.purpose in on_consent
        ],
    }


def _show(request: HttpRequest, held: Notice) -> HttpResponse:
    said, rows = language(), history(held.name)
    guest = who_is(request)
    older = _older(rows, held, request.GET.get("from", ""))
    text = held.texts.get(said) or held.texts.get("en", "")
    before = (older.texts.get(said) or older.texts.get("en", "")) if older else ""
    unseen = notices.news(guest) if guest else None
    context = {
        "notice": held,
        "later": held.in_force_from > timezone.now(),
        "text": text,
        "compared": bool(request.GET.get("from")) and older is not None,
        "older": older,
        "pieces": pieces(before, text) if older else (),
        "changed": _changed(notices.covered_otherwise(older, held)) if older else [],
        "history": rows,
        "covered": _covered(held, said),
        "at": "portal-notice-version" if guest else "notice-version",
        "unseen": unseen is not None and unseen.current.version == held.version,
    }
    return page(request, "portal/notice.html", context, guest=guest)


def _older(rows: Iterable[Notice], held: Notice, wanted: str) -> Notice | None:
    found = [one for one in rows if one.version < held.version]
    return next((one for one in found if str(one.version) == wanted), found[0] if found else None)


def _covered(held: Notice, said: str) -> list[dict[str, Any]]:
    return [
        {"label": one.label(said), "description": one.descriptions[said], "grounds": sorted(set(one.grounds.values()))}
        for one in installation().rules.purposes.values()
        if one.id in held.purposes
    ]


def _changed(rows: Iterable[CoverDifference]) -> list[dict[str, Any]]:
    rules, said = installation().rules.purposes, language()
    return [
        {
            "label": rules[one.purpose].label(said), "kind": words.COVERS[one.kind],
            "added": [field_label(name) for name in one.added], "removed": [field_label(name) for name in one.removed],
        }
        for one in rows
    ]  # fmt: skip
