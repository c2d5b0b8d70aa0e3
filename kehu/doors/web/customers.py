"""The list of customers and the search: pages of masked rows."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import field_label, language, page, purpose_label
from kehu.govern.laws import load_packs
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.listing import Filters, LeftOut, Page, Row, count_customers, list_customers, masked_page
from kehu.serve.desk.record import came_at
from kehu.serve.desk.searching import MOST, search

CONSENT_ICONS: Final = {
    "marketing": "megaphone", "personalisation": "sparkles", "analytics": "chart-column", "credit": "landmark",
}  # fmt: skip
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
        after=_id(request.GET.get("after")),
        before=_id(request.GET.get("before")),
    )
    counts = count_customers(purpose=purpose, filters=filters)
    query = query_of(filters)
    context = _context(found, query) | {
        "filters": filters,
        "counts": counts,
        "hidden_count": max(0, counts.total - counts.matching) if filters.consent == "given" else 0,
        "rests_on_consent": installation().rules.purposes[purpose].kind == "consent",
        "no_consent": _words("house.consent-none"),
        "kinds": [(kind, label, query_of(Filters(kind, filters.pack, filters.consent))) for kind, label in _KINDS],
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
    context = _context(found, "") | {
        "searched": text,
        "searched_fields": [field_label(name) for name in hits.fields],
        "more": hits.more,
        "most": MOST,
    }
    return page(request, "web/customers.html", context, desk=desk, nav="customers")


def query_of(filters: Filters) -> str:
    """Filters as the query of an address."""
    held = {"kind": filters.kind, "pack": filters.pack, "consent": filters.consent}
    return urlencode({name: value for name, value in held.items() if value})


def _joined(query: str, **more: UUID | None) -> str:
    return "&".join(filter(None, [query, urlencode({name: str(id) for name, id in more.items() if id})]))


def _context(found: Page, query: str) -> dict[str, Any]:
    return {
        "rows": [_row(row, found.columns) for row in found.rows],
        "columns": [field_label(name) for name in found.columns],
        "left_out": [_left_out(one) for one in found.left_out],
        "seq": found.seq,
        "query": query,
    }


def _row(row: Row, columns: tuple[str, ...]) -> dict[str, Any]:
    standing = row.standing
    return {
        "id": row.customer,
        "name": row.name,
        "standing": standing,
        "cells": [(field_label(name), row.values.get(name, "")) for name in columns],
        "consents": [
            (purpose_label(slug), state, CONSENT_ICONS.get(slug, "circle")) for slug, state in standing.consents.items()
        ],
        "marks": marks_of(standing),
        "since": came_at(row.customer),
    }


def marks_of(standing: Any) -> list[tuple[str, str, str]]:
    """States worth a badge: (tone, icon, word)."""
    found = [
        (standing.restricted, "gamboge", "octagon-pause", _("restricted")),
        (standing.deceased, "", "flower-2", _("deceased")),
        (standing.held, "wisteria", "lock", _("on hold")),
        (standing.child, "azurite", "baby", _("under 18")),
        (standing.opted_out, "gamboge", "shield-off", _("no sale")),
        (bool(standing.objections), "cinnabar", "hand", _("objected")),
    ]
    return [(tone, icon, word) for there, tone, icon, word in found if there]


def _left_out(one: LeftOut) -> dict[str, Any]:
    return {"count": one.count, **_words(one.policy)}


def _words(policy: str) -> dict[str, Any]:
    return {"policy": policy, "words": installation().rules.policies.text(policy, language())}


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
