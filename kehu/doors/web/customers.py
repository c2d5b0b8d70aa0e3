"""The list of customers and the search: pages of masked rows."""

from __future__ import annotations

import functools
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import day_of, field_label, language, page, purpose_label
from kehu.doors.web.sent import id_of
from kehu.doors.web.templatetags.desk import consent_dot
from kehu.doors.web.words import source_mark, value_text
from kehu.govern.laws import load_packs
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.happened import came_at
from kehu.serve.desk.listing import (
    STALE_MONTHS,
    Filters,
    LeftOut,
    Page,
    Row,
    count_customers,
    list_customers,
    masked_page,
    names_of,
)
from kehu.serve.desk.searching import MOST, search

CONSENT_ICONS: Final = {
    "marketing": "megaphone", "personalisation": "sparkles", "analytics": "chart-column", "credit": "landmark",
}  # fmt: skip
_MARKS: Final = (
    ("gamboge", "octagon-pause", gettext_lazy("restricted")),
    ("", "flower-2", gettext_lazy("deceased")),
    ("wisteria", "lock", gettext_lazy("on hold")),
    ("azurite", "baby", gettext_lazy("under 18")),
    ("gamboge", "shield-off", gettext_lazy("no sale")),
    ("cinnabar", "hand", gettext_lazy("objected")),
)
_NOBODY: Final = UUID(int=0)
_KINDS: Final = (
    ("", gettext_lazy("All customers")),
    ("person", gettext_lazy("Persons")),
    ("organisation", gettext_lazy("Organisations")),
    ("unattached", gettext_lazy("Without profile")),
)


@purpose_page
@require_GET
def customers(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """A page of the list, newest first."""
    assert desk.claim is not None
    purpose = desk.claim.purpose
    filters = Filters.read(request.GET.dict(), purpose=purpose)
    found = list_customers(
        actor=desk.actor,
        purpose=purpose,
        filters=filters,
        after=id_of(request.GET.get("after")),
        before=id_of(request.GET.get("before")),
    )
    counts = count_customers(purpose=purpose, filters=filters)
    query = query_of(filters)
    context = _context(found, query, purpose) | {
        "filters": filters,
        "counts": counts,
        "hidden_count": counts.left_out,
        "rests_on_consent": installation().rules.purposes[purpose].kind == "consent",
        "no_consent": _words("house.consent-none"),
        "kinds": [
            (kind, label, query_of(Filters(kind, filters.pack, filters.consent, filters.stale)))
            for kind, label in _KINDS
        ],
        "ages": [(months, months // 12) for months in STALE_MONTHS],
        "packs": [(id, held.labels[language()]) for id, held in load_packs().items()],
        "newer": f"?{_joined(query, before=found.newer)}" if found.newer else "",
        "older": f"?{_joined(query, after=found.older)}" if found.older else "",
    }
    return page(request, "web/customers.html", context, desk=desk, nav="customers")


@purpose_page
@require_http_methods(["GET", "POST"])
def search_customers(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Customers found by a value. The value comes in the body: it stands in no address and no log."""
    assert desk.claim is not None
    text = request.POST.get("text", "").strip()
    if request.method == "GET" or not text:
        return redirect("customers")
    hits = search(text, actor=desk.actor, purpose=desk.claim.purpose)
    found = masked_page(hits.customers, actor=desk.actor, purpose=desk.claim.purpose)
    context = _context(found, "", desk.claim.purpose) | {
        "searched": text,
        "searched_fields": [field_label(name) for name in hits.fields],
        "more": hits.more,
        "most": MOST,
    }
    return page(request, "web/customers.html", context, desk=desk, nav="customers")


def query_of(filters: Filters) -> str:
    """Filters as the query of an address."""
    held: dict[str, str | int] = {
        "kind": filters.kind,
        "pack": filters.pack,
        "consent": filters.consent,
        "stale": filters.stale,
    }
    return urlencode({name: value for name, value in held.items() if value})


def _joined(query: str, **more: UUID | None) -> str:
    return "&".join(filter(None, [query, urlencode({name: str(id) for name, id in more.items() if id})]))


def _context(found: Page, query: str, purpose: str) -> dict[str, Any]:
    labels = [field_label(name) for name in found.columns]
    address, ending = reverse("customer", args=[_NOBODY]), f"?{query}" if query else ""
    place = address.removesuffix(str(_NOBODY))  # looked up once, not for every row
    return {
        "rows": [_row(row, found.columns, labels, (place, ending)) for row in found.rows],
        "columns": labels,
        "named": bool(names_of(purpose)),
        "left_out": [_left_out(one) for one in found.left_out],
        "seq": found.seq,
        "query": query,
    }


def _row(row: Row, columns: tuple[str, ...], labels: list[str], around: tuple[str, str]) -> dict[str, Any]:
    standing = row.standing
    return {
        "id": row.customer,
        "url": str(row.customer).join(around),
        "name": row.name,
        "organisation": standing.kind == "organisation",
        "cells": list(zip(labels, (value_text(name, row.values.get(name, "")) for name in columns), strict=True)),
        "consents": _dots(language(), tuple(standing.consents.items())),
        "packs": sorted(standing.packs),
        "marks": marks_of(standing),
        "since": day_of(came_at(row.customer)),
    }


@functools.lru_cache(maxsize=1024)
def _dots(said: str, consents: tuple[tuple[str, str], ...]) -> SafeString:
    """What somebody allowed, as a row of squares in the reader's language; few kinds of it stand on a page."""
    dots = (consent_dot(purpose_label(slug), state, CONSENT_ICONS.get(slug, "circle")) for slug, state in consents)
    return mark_safe("".join(dots))  # noqa: S308  (made by format_html)


def marks_of(standing: Any) -> list[tuple[str, str, str]]:
    """States worth a badge: (tone, icon, word)."""
    there = (
        standing.restricted, standing.deceased, standing.held, standing.child, standing.opted_out,
        bool(standing.objections),
    )  # fmt: skip
    said = [(tone, icon, str(word)) for holds, (tone, icon, word) in zip(there, _MARKS, strict=True) if holds]
    return said + [(one.tone, one.icon, one.text) for one in map(source_mark, standing.supplied)]


def _left_out(one: LeftOut) -> dict[str, Any]:
    return {"count": one.count, **_words(one.policy)}


def _words(policy: str) -> dict[str, Any]:
    return {"policy": policy, "words": installation().rules.policies.text(policy, language())}
