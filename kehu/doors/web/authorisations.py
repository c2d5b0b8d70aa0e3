"""What a customer allows, on their page in the office: receipts, separate consents, and how they may be written to."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web import errors, receipts
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import language, page, purpose_label
from kehu.doors.web.portal.channels import MEDIUM_LABELS
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import EVENTS, MEDIA
from kehu.govern.subscriptions import STATUSES, SuppressedHere
from kehu.govern.topics import load_topics, topic_named
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.rights.consents import actions as rights
from kehu.serve.rights.consents.channels import set_subscription, what_counts
from kehu.serve.rights.consents.receipts import UnknownConsent, receipt


@purpose_page
@require_GET
def receipt_page(request: HttpRequest, desk: SignedIn, subject: UUID, consent: UUID) -> HttpResponse:
    """The receipt of one statement, to be read."""
    context = {"receipt": receipts.view_of(_receipt(desk, consent)), "consent": consent, "subject": subject}
    return page(request, "web/receipt.html", context, desk=desk, nav="customers")


@purpose_page
@require_GET
def receipt_file(request: HttpRequest, desk: SignedIn, subject: UUID, consent: UUID) -> HttpResponse:
    """The same as JSON-LD."""
    return receipts.file_of(_receipt(desk, consent), consent)


@purpose_page
@require_POST
def subscription(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Record what the customer said of one medium and topic."""
    require_act("subscribe", desk.actor)
    medium, topic = request.POST.get("medium", ""), request.POST.get("topic", "")
    done = "subscription-set"
    try:
        set_subscription(subject, medium, topic, request.POST.get("status", ""), actor=desk.actor)
    except UnknownSubject:
        raise Http404 from None
    except SuppressedHere:
        done = "suppressed"
    except ValueError:
        return errors.unreadable(request)
    return redirect(reverse("customer", args=[subject]) + f"?done={done}#channels")


def of(desk: SignedIn, subject: UUID, *, typed: QueryDict | None = None) -> dict[str, Any]:
    """What the customer's page shows of it, to whom may record it; ``typed``: a separate consent that was not taken."""
    if not desk.may("consent") or desk.claim is None:
        return {}
    dictionary = installation().rules.dictionary
    least = installation().rules.purposes[desk.claim.purpose].least
    names = sorted(least, key=lambda name: dictionary.field(name).id)
    return {
        "said": [_said(row) for row in rights.consents(subject)],
        "typed": typed,
        "typed_fields": typed.getlist("fields") if typed is not None else [],
        "events": [(event, receipts.event_text(event)) for event in EVENTS],
        "separate_fields": [(name, dictionary.field(name).label(language())) for name in names],
        "channels": [_channel(row) for row in what_counts(subject)],
        "media": [(medium, MEDIUM_LABELS[medium][0]) for medium in MEDIA],
        "topics": [(topic.slug, topic.label(language())) for topic in load_topics().values()],
        "statuses": [(status, receipts.subscription_view(status)) for status in reversed(STATUSES)],
    }


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": row["at"],
        "label": purpose_label(row["purpose"]),
        "terms": receipts.terms_text(row["event"], row["recipient"], row["country"]),
        "state": receipts.state_of_dpv(row["state"]),
        "way": receipts.way_text(row["way"]),
        "proof": receipts.proof_text(row["proof"]),
    }


def _channel(row: dict[str, Any]) -> dict[str, Any]:
    label, icon = MEDIUM_LABELS[row["medium"]]
    return {
        "medium": label,
        "icon": icon,
        "topic": topic_named(row["topic"]).label(language()),
        "status": receipts.subscription_view(row["status"]),
        "ground": receipts.ground_text(row["ground"]),
    }


def _receipt(desk: SignedIn, consent: UUID) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(json.dumps(receipt(consent, actor=desk.actor)))
    except UnknownConsent:
        raise Http404 from None
    return found
