"""What authorities demand: registered with its document by the legal office, let or refused by the privacy office."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.account.door import confirmed
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import category_label, field_label, page
from kehu.doors.web.sent import customers_of
from kehu.govern.dictionary import UnknownField
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger import withheld
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.staff.step_up import needs_step_up
from kehu.serve.leaving import demands
from kehu.serve.leaving.demands import APPROVALS, PURPOSE, Asked, Demand, NotToHandOver, UnknownDemand

STATES: Final = {
    "waiting": ("gamboge", "hourglass", gettext_lazy("waits for the privacy office")),
    "ready": ("azurite", "circle-check", gettext_lazy("may be handed over")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("refused")),
    "expired": ("", "clock", gettext_lazy("over: let more than a week ago")),
    "interrupted": ("cinnabar", "circle-alert", gettext_lazy("interrupted")),
    "done": ("malachite", "check", gettext_lazy("handed over")),
}
LAWS: Final = {
    "CN": gettext_lazy("China: approval of the competent authority (PIPL 41)"),
    "EU": gettext_lazy("Europe: an agreement in force (GDPR 48)"),
}
DONE: Final = {
    "register": gettext_lazy("Registered. The privacy office reads the document and decides."),
    "approval": gettext_lazy("Recorded: the gate lets this law's customers through to this authority."),
    "approve": gettext_lazy("Let, for a week and one time."),
    "refuse": gettext_lazy("Refused."),
}
WRONG: Final = {
    "over": gettext_lazy("Nothing changed: it is not at that point any more."),
    "wrong": gettext_lazy(
        "Not recorded: a part is missing, a customer is not here, or the document is empty or too large (2.5 MB here)."
    ),
}


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Demands, newest first, and for the legal office the form."""
    return _board(request, desk, {"told": DONE.get(request.GET.get("done", ""), "")})


def _board(request: HttpRequest, desk: SignedIn, more: dict[str, Any], status: int = 200) -> HttpResponse:
    rules = installation().rules
    names, ticked = rules.purposes[PURPOSE].least, request.POST.getlist("field")
    rows = [_row(one) for one in demands.demands(actor=desk.without_purpose)]
    context = {
        "rows": rows,
        "older": demands.how_many() - len(rows),
        "may_register": desk.role == "legal",
        "confirm_first": needs_step_up(desk.without_purpose),
        "groups": [
            (category_label(category), asked)
            for category, fields in rules.dictionary.by_category.items()
            if (
                asked := [
                    (one.name, field_label(one.name), one.name in ticked)
                    for one in fields
                    if one.name in names and not one.event
                ]
            )
        ],
        "typed": request.POST,
        **more,
    }
    return page(request, "office/authorities.html", context, desk=desk, nav="exports", status=status)


@staff_page
@confirmed
@require_POST
def register(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Put a demand into the register, as the legal office; whoever else is refused by the register itself."""
    actor, said = desk.without_purpose, request.POST
    require_act("give", actor)
    demands.require_legal(actor)
    try:
        asked = Asked(
            said.get("authority", ""), said.get("country", ""), said.get("provision", ""), said.get("reference", ""),
            tuple(said.getlist("field")), customers_of(said.get("customers", "")), _day(said.get("silent", "")),
        )  # fmt: skip
        made = demands.register_demand(asked, _file(request), actor=actor)
    except (ValueError, UnknownSubject, UnknownField):
        return _board(request, desk, {"told": WRONG["wrong"], "wrong": True}, 422)
    return redirect(reverse("authority", args=[made.id]) + "?done=register")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, demand: UUID) -> HttpResponse:
    """One demand: what it says, who let it, how it stands, and what there is to do."""
    try:
        held = demands.shown(demand, actor=desk.without_purpose)
    except UnknownDemand:
        raise Http404 from None
    waits, silent = held.state == "waiting", withheld.withholding_of(held.silent) if held.silent else None
    context = {
        **_row(held),
        "fields": [field_label(name) for name in held.fields],
        "silent": silent,
        "approvals": [(LAWS[one.law], one) for one in held.approvals],
        "asker": _name(held.asked_by),
        "decider": _name(held.decided_by),
        "digest": held.sha256.hex() if held.sha256 else "",
        "may_decide": waits and desk.role == "privacy" and desk.staff != held.asked_by,
        "may_add": [(law, LAWS[law]) for law in APPROVALS if law not in {one.law for one in held.approvals}]
        if waits and desk.role == "legal"
        else [],
        "may_read": desk.role in ("legal", "privacy") and held.subjects,
        "told": (DONE | WRONG).get(request.GET.get("done", ""), ""),
        "wrong": request.GET.get("done") in WRONG,
    }
    return page(request, "office/authority.html", context, desk=desk, nav="exports")


@staff_page
@confirmed
@require_GET
def document(request: HttpRequest, desk: SignedIn, demand: UUID) -> HttpResponse:
    """The authority's document, or what an approval rests on (``law``), as a file; opening it is a row of the ledger."""
    law = request.GET.get("law") or None
    try:
        content = demands.document_of(demand, actor=desk.without_purpose, law=law)
    except UnknownDemand:
        raise Http404 from None
    name = f"demand-{demand}{'-' + law if law in APPROVALS else ''}"
    return HttpResponse(
        content,
        content_type="application/octet-stream",  # never shown inside this site
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@staff_page
@confirmed
@require_POST
def take(request: HttpRequest, desk: SignedIn, demand: UUID, step: str) -> HttpResponse:
    """Record an approval from abroad, let it, or refuse it."""
    actor, done = desk.without_purpose, step
    require_act("give" if step == "approval" else "approve", actor)
    if step not in ("approval", "approve", "refuse"):
        raise Http404
    try:
        if step == "approval":
            law, reference = request.POST.get("law", ""), request.POST.get("reference", "")
            demands.approve_abroad(demand, law, reference=reference, document=_file(request) or None, actor=actor)
        else:
            demands.decide(demand, actor=actor, approve=step == "approve")
    except UnknownDemand:
        raise Http404 from None
    except NotToHandOver:
        done = "over"
    except ValueError:
        done = "wrong"
    return redirect(reverse("authority", args=[demand]) + f"?done={done}")


def _row(held: Demand) -> dict[str, Any]:
    return {"held": held, "state": STATES[held.state]}


def _file(request: HttpRequest) -> bytes:
    found = request.FILES.get("document")
    return found.read() if isinstance(found, UploadedFile) else b""


def _name(id: UUID | None) -> str:
    found = Staff.objects.filter(id=id).values_list("email", flat=True).first() if id else None
    return str(found or "").removesuffix("@home")


def _day(text: str) -> datetime | None:
    if not text:
        return None
    return datetime.combine(
        datetime.fromisoformat(text).date(), datetime.min.time(), tzinfo=timezone.get_current_timezone()
    )
