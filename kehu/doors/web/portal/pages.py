"""The first page, what we hold, what you allow, and the public notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.pages import language
from kehu.doors.web.portal.entrance import guest_page, page
from kehu.doors.web.portal.ledger import row_view
from kehu.doors.web.portal.notices import news_of
from kehu.doors.web.portal.requests import RIGHTS
from kehu.doors.web.words import contact_word, value_text
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Channel
from kehu.govern.sources import Mark
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.guard.ledger.own import own_ledger
from kehu.serve.portal import allowed
from kehu.serve.portal.held import Held, what_we_hold
from kehu.serve.portal.permissions import open_requests
from kehu.serve.portal.sign_in import confirm as confirm_fact
from kehu.serve.portal.waiting import waiting
from kehu.serve.upkeep.confirming import questions_for

CATEGORY_LABELS: Final = {
    "identity": (gettext_lazy("Who you are"), "user-round"),
    "contact": (gettext_lazy("How to reach you"), "mail"),
    "transaction": (gettext_lazy("What you bought"), "shopping-bag"),
    "interaction": (gettext_lazy("What we talked about"), "messages-square"),
    "preference": (gettext_lazy("What you like"), "sparkles"),
    "credit": (gettext_lazy("Payment and credit"), "wallet"),
    "social": (gettext_lazy("Social accounts"), "at-sign"),
}
EVENT_LABELS: Final = {"order": gettext_lazy("Orders"), "interaction": gettext_lazy("Conversations")}
CHANNEL_LABELS: Final = {
    "store": gettext_lazy("in a store"),
    "shop": gettext_lazy("in the online shop"),
    "form": gettext_lazy("by a form"),
    "file": gettext_lazy("from a list of ours"),
    "phone": gettext_lazy("on the phone"),
    "third-party": gettext_lazy("from another company"),
    "public": gettext_lazy("from a public source"),
}
_PURPOSE_ICONS: Final = {
    "marketing": "megaphone", "personalisation": "sparkles", "analytics": "chart-no-axes-column", "credit": "wallet",
    "service": "headset", "fulfilment": "truck", "billing": "receipt-text", "complaints": "message-circle-warning",
    "legal": "scale", "security": "shield", "accuracy": "spell-check", "rights-request": "shield-check", "claims": "gavel",
}  # fmt: skip
_LATEST: Final = 4


@dataclass(frozen=True, slots=True)
class PurposeView:
    """A purpose in the customer's words, with its switch."""

    slug: str
    icon: str
    label: str
    description: str
    held: allowed.Permission
    way: str
    read: str


@guest_page
@require_GET
def home(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Everything at a glance."""
    found = what_we_hold(guest)
    stands = allowed.standing(guest)
    waits = waiting(guest)
    ledger = own_ledger(guest.subject, actor=guest.actor, limit=_LATEST)
    context = {
        "name": found.name,
        "purposes": _purposes(stands.permissions, "consent"),
        "interests": _purposes(stands.permissions, "legitimate_interest"),
        "others": _purposes(stands.permissions, "contract", "legal_duty"),
        "stands": stands,
        "asked": open_requests(guest),
        "rows": [row_view(row) for row in ledger.rows],
        "categories": _summary(found),
        "rights": [
            {"right": right, "waiting": [one for one in waits if one.right == right.slug]}
            for right in RIGHTS
            if right.main
        ],
        "waiting": len(waits),
        "to_confirm": questions_for(guest, {one.field.name for held in found.categories.values() for one in held}),
        **news_of(guest, {one.purpose for one in stands.permissions if one.ground == "consent"}),
    }
    return page(request, "portal/home.html", context, guest=guest)


@guest_page
@require_GET
def held(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Every value, by category, with its source and age."""
    return _held(request, guest)


@guest_page
@require_POST
def confirm(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Take a second fact: sensitive values open for ten minutes."""
    if confirm_fact(guest, request.POST.get("fact", "")):
        return redirect("portal-held")
    return _held(request, guest, error=_("This does not fit, or was tried too often."), status=401)


@guest_page
@require_POST
def allow(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Allow or stop one use: one step either way."""
    purpose, wish = request.POST.get("purpose", ""), request.POST.get("wish", "")
    try:
        done = _change(guest, purpose, wish, read=request.POST.get("read", ""))
    except allowed.ReadOtherwise:
        done = "changed"
    except allowed.GuardianNeeded:
        done = "guardian"
    except allowed.OthersObjection:
        done = "ask-us"
    except ValueError:
        raise Http404 from None
    return redirect(reverse("portal") + f"?done={done}#allow")


def _change(guest: Guest, purpose: str, wish: str, *, read: str) -> str:
    """Carry a wish out; returns the code of what is said of it."""
    if wish == "give":
        allowed.allow(guest, purpose, language=language(), read=read)
        return "given"
    if wish == "withdraw":
        allowed.stop(guest, purpose)
        return "withdrawn"
    if wish in ("object", "lift"):
        allowed.object_to(guest, purpose, lift=wish == "lift")
        return "objected" if wish == "object" else "lifted"
    if wish in ("opt-out", "opt-in"):
        allowed.opt_out(guest, lift=wish == "opt-in")
        return "opted-out" if wish == "opt-out" else "lifted"
    if wish in ("refuse-public", "allow-public"):
        allowed.refuse_public(guest, lift=wish == "allow-public")
        return "objected" if wish == "refuse-public" else "lifted"
    raise ValueError("wish")


def _held(request: HttpRequest, guest: Guest, *, error: str = "", status: int = 200) -> HttpResponse:
    found, said = what_we_hold(guest), language()
    channels = _channels()
    context = {
        "categories": [
            {
                "slug": slug,
                "label": CATEGORY_LABELS[slug][0],
                "icon": CATEGORY_LABELS[slug][1],
                "fields": [
                    {
                        "label": one.field.label(said),
                        "values": [
                            (
                                value_text(one.field.name, v.text) if not v.masked else v.text,
                                v,
                                _from(v.mark) or channels.get(v.channel, ""),
                            )
                            for v in one.values
                        ],
                    }
                    for one in fields
                ],
            }
            for slug, fields in found.categories.items()
        ],
        "events": [
            {
                "label": EVENT_LABELS[kind],
                "rows": [
                    {
                        "at": one.at,
                        "channel": _from(one.mark) or channels.get(one.channel, ""),
                        "fields": [(field.label(said), _said(field.name, text)) for field, text in one.fields],
                    }
                    for one in rows
                ],
            }
            for kind, rows in found.events.items()
        ],
        "masked": found.masked,
        "error": error,
    }
    return page(request, "portal/held.html", context, guest=guest, status=status)


def _from(mark: Mark | None) -> str:
    """Whom something came from, if not from the customer."""
    if mark is None:
        return ""
    if not mark.party:
        return _("from another company") if mark.kind == "third-party" else _("from a public source")
    named = {"party": mark.party}
    return (
        _("from %(party)s, another company") % named
        if mark.kind == "third-party"
        else _("from %(party)s, in public") % named
    )


def _said(name: str, text: str) -> str:
    return contact_word(text) if name == "kind" else value_text(name, text)


def _summary(found: Held) -> list[dict[str, Any]]:
    said = language()
    rows = [
        {
            "slug": slug,
            "label": CATEGORY_LABELS[slug][0],
            "icon": CATEGORY_LABELS[slug][1],
            "fields": [one.field.label(said) for one in fields],
        }
        for slug, fields in found.categories.items()
    ]
    return rows + [
        {
            "slug": kind,
            "label": EVENT_LABELS[kind],
            "icon": CATEGORY_LABELS["transaction" if kind == "order" else "interaction"][1],
            "count": len(events),
        }
        for kind, events in found.events.items()
    ]


def _purposes(permissions: Iterable[allowed.Permission], *grounds: str) -> list[PurposeView]:
    said, rules, notice = language(), installation().rules.purposes, notice_in_force()
    ways = {allowed.WAY: _("here"), "recorded by staff": _("recorded by our staff")}
    return [
        PurposeView(
            slug=one.purpose,
            icon=_PURPOSE_ICONS[one.purpose],
            label=rules[one.purpose].label(said),
            description=rules[one.purpose].descriptions[said],
            held=one,
            way=ways.get(one.way) or str(CHANNEL_LABELS.get(one.way, "")),
            read=allowed.read_now(rules[one.purpose].version, notice),
        )
        for one in permissions
        if one.ground in grounds
    ]


def _channels() -> dict[int, str]:
    return {row.id: str(CHANNEL_LABELS.get(row.kind, row.name)) for row in Channel.objects.all()}
