"""What was derived of a customer: on their record for a purpose, and for themselves, with the way to object."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.pages import field_label, language, purpose_label
from kehu.doors.web.portal.entrance import guest_page, page
from kehu.doors.web.traits import words
from kehu.govern.masks import DOTS
from kehu.govern.slugs import PURPOSES
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.derive import queries
from kehu.serve.desk.record import Record
from kehu.serve.portal.allowed import object_to as object_to_interest
from kehu.serve.rights.consents import actions as rights


def of(desk: SignedIn, record: Record) -> dict[str, Any]:
    """What the record's page says of traits: those that the claimed purpose shows, and why others are not there."""
    assert desk.claim is not None
    seen = queries.traits_of(record.customer, actor=desk.actor, purpose=desk.claim.purpose)
    return {
        "derived": [_shown(one) for one in seen.shown],
        "derived_others": _(", ").join(purpose_label(name) for name, why in seen.held_back if why == "purpose"),
        "derived_back": sum(1 for _, why in seen.held_back if why != "purpose"),
        "derived_seq": seen.seq,
    }


@guest_page
@require_GET
def derived(request: HttpRequest, guest: Guest) -> HttpResponse:
    """What we derived about you, for which purpose, from what; and how to object."""
    found = queries.own_traits(guest.subject, actor=guest.actor)
    groups: dict[str, dict[str, Any]] = {}
    for one in found:
        purpose = installation().rules.purposes[one.purpose]
        group = groups.setdefault(
            one.purpose,
            {
                "slug": one.purpose,
                "label": purpose_label(one.purpose),
                "why": purpose.descriptions[language()],
                "rows": [],
            },
        )
        group["rows"].append(_shown(one))
    return page(request, "traits/own.html", {"groups": list(groups.values())}, guest=guest)


@guest_page
@require_POST
def object_to(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Object to the purpose that something was derived for: what was derived for it goes with this very act."""
    purpose = request.POST.get("purpose", "")
    if purpose not in PURPOSES:
        raise Http404
    try:
        object_to_interest(guest, purpose)
    except ValueError:  # it rests on consent: an objection to it ends it all the same
        rights.enter_state(guest.subject, "objection", actor=guest.actor, act="object", purpose=PURPOSES[purpose])
    return redirect(reverse("portal-derived") + "?done=objected")


def _shown(one: queries.Derived) -> dict[str, Any]:
    return {
        "slug": one.slug,
        "label": one.label(language()),
        "description": one.description(language()),
        "text": DOTS if one.covered else words.value_text(one.value, one.unit),
        "covered": one.covered,
        "inputs": _(", ").join(field_label(name) for name in sorted(one.inputs)),
        "sensitive": one.level > 3,
    }
