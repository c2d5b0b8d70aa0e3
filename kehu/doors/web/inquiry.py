"""Inquiries into the ledger: who used a customer's data, what a person saw, all under a purpose, the reach of an account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.ledger import action_label
from kehu.doors.web.pages import field_label, page, purpose_label
from kehu.doors.web.sent import beginning_of, customer_of, date_of, email_of, end_of
from kehu.doors.web.words import human_label
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.assurance.queries import inquire

SHOWN: Final = 200  # lines, those of the most uses
_LATELY: Final = (1, 7, 30)  # days that a first inquiry begins with


@staff_page
@require_GET
def inquiry(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Sums over the rows that the bounds leave; without bounds nothing is asked yet."""
    require_act("read-ledger", desk.without_purpose)
    asked, status = _asked(request), 200
    context: dict[str, Any] = {
        "asked": asked,
        "purposes": [(slug, purpose_label(slug)) for slug in PURPOSES],
        "lately": [(days, timezone.localdate() - timedelta(days=days)) for days in _LATELY],
        "people": Staff.objects.order_by("email").values_list("id", "email"),
    }
    if any(asked.values()):
        try:
            context |= _found(desk, asked)
        except UnknownSubject:  # nor is it a question about everybody
            context["unknown"], status = True, 404
        except ValueError:
            context["reversed"] = True
    return page(request, "web/inquiry.html", context, desk=desk, nav="ledger", status=status)


def _asked(request: HttpRequest) -> dict[str, str]:
    """What the query narrows to: ids as they were written, a purpose, days; anything else is left out."""
    given = request.GET
    days = {name: date_of(given.get(name, "")) for name in ("since", "until")}
    return {
        "customer": given.get("customer", "").strip(),
        "staff": given.get("staff", "").strip(),
        "purpose": given.get("purpose", "") if given.get("purpose") in PURPOSES else "",
        **{name: day.isoformat() if day else "" for name, day in days.items()},
    }


def _found(desk: SignedIn, asked: dict[str, str]) -> dict[str, Any]:
    subject = customer_of(asked["customer"])
    if asked["customer"] and subject is None:
        raise UnknownSubject(asked["customer"])
    answer = inquire(
        actor=desk.actor,
        subject=subject,
        staff=email_of(asked["staff"]),
        purpose=asked["purpose"] or None,
        since=beginning_of(date_of(asked["since"])),
        until=end_of(date_of(asked["until"])),
    )
    return {
        "found": answer,
        "laws": _laws(answer["jurisdictions"]),
        "fields": [
            one | {"label": _field(one["field"]), "laws": _laws(one["jurisdictions"])} for one in answer["fields"]
        ],
        "by": [_group(one) for one in answer["by"][:SHOWN]],
        "more": max(0, len(answer["by"]) - SHOWN),
    }


def _laws(uses: dict[str, int]) -> list[tuple[str, int]]:
    return [(_("no law") if law == "none" else law, count) for law, count in uses.items()]


def _group(one: dict[str, Any]) -> dict[str, Any]:
    return one | {
        "human": human_label(one["human"], one["department"]),
        "purpose": purpose_label(one["purpose"]) if one["purpose"] else "",
        "action": action_label(one["action"]),
        "first": datetime.fromisoformat(one["first"]),
        "last": datetime.fromisoformat(one["last"]),
        "fields": [_field(name) for name in one["fields"]],
    }


def _field(name: str) -> str:
    return field_label(name) if name in installation().rules.dictionary.fields else name
