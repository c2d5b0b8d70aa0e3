"""Uses that an investigation keeps from the customers' own logs for a time: one office asks, another lets, an end."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.web.account.door import confirmed, step_up_first
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, page, purpose_label
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger import withheld
from kehu.guard.ledger.withheld import NotToDecide, UnknownWithholding, Withholding
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn

STATES: Final = {
    "waiting": ("gamboge", "hourglass", gettext_lazy("waits for another office")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("refused")),
    "in force": ("wisteria", "eye-off", gettext_lazy("in force")),
    "ended": ("", "clock", gettext_lazy("ended: the customers see it")),
    "lifted": ("malachite", "eye", gettext_lazy("lifted: the customers see it")),
}
NEWEST: Final = 200
"""Rows of the page besides those that are not over."""
DONE: Final = {
    "asked": gettext_lazy("Asked. Somebody of another office has to let it; until then nothing is kept back."),
    "approve": gettext_lazy("Kept back until its day, from now on."),
    "refuse": gettext_lazy("Refused: nothing is kept back."),
    "lift": gettext_lazy("Lifted: the customers see these uses now."),
    "over": gettext_lazy("Nothing changed: it was decided or lifted before, or its day has come."),
}


@staff_page
@require_http_methods(["GET", "POST"])
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """All of them, newest first, and the form that asks for one."""
    actor, wrong, status = desk.without_purpose, False, 200
    require_act("withhold", actor)
    if request.method == "POST":
        if (first := step_up_first(request, desk)) is not None:
            return first
        said = request.POST
        try:
            withheld.ask(
                actor=actor, email=_email_of(said.get("staff", "")), purpose=said.get("purpose", ""),
                since=_day(said.get("since", "")), until=_day(said.get("until", "")) or timezone.now(),
                reference=said.get("reference", ""),
            )  # fmt: skip
            return redirect(reverse("ledger-withheld") + "?done=asked")
        except (ValueError, LookupError):
            wrong, status = True, 422
    found = withheld.withholdings(actor=actor)
    shown = [one for n, one in enumerate(found) if n < NEWEST or one.state in ("waiting", "in force")]
    context = {
        "rows": [_row(one, desk) for one in shown],
        "older": len(found) - len(shown),
        "people": [
            (id, email.removesuffix("@home"))
            for id, email in Staff.objects.order_by("email").values_list("id", "email")
        ],
        "purposes": [(slug, purpose_label(slug)) for slug in withheld.MAY],
        "asked": request.POST,
        "wrong": wrong,
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "office/withheld.html", context, desk=desk, nav="ledger", status=status)


@staff_page
@confirmed
@require_POST
def take(request: HttpRequest, desk: SignedIn, withholding: UUID, step: str) -> HttpResponse:
    """Let it, refuse it, or lift it before its day."""
    actor, done = desk.without_purpose, step
    require_act("withhold", actor)
    if step not in ("approve", "refuse", "lift"):
        raise Http404
    try:
        if step == "lift":
            withheld.lift(withholding, actor=actor)
        else:
            withheld.decide(withholding, actor=actor, approve=step == "approve")
    except UnknownWithholding:
        raise Http404 from None
    except NotToDecide:
        done = "over"
    return redirect(reverse("ledger-withheld") + f"?done={done}")


def _row(held: Withholding, desk: SignedIn) -> dict[str, Any]:
    waits = held.state == "waiting"
    apart = desk.staff not in (held.asked_by, held.human) and desk.role != held.asked_role
    return {
        "held": held,
        "state": STATES[held.state],
        "purpose": purpose_label(held.purpose),
        "whose": _name(held.human),
        "asker": _name(held.asked_by),
        "asked_role": ROLE_LABELS[held.asked_role],
        "decider": _name(held.decided_by),
        "decided_role": ROLE_LABELS.get(held.decided_role or "", ""),
        # what an authority demanded is let or refused with the demand itself
        "may_decide": waits and apart and held.act is None,
        "may_lift": held.state in ("waiting", "in force"),
    }


def _name(id: UUID | None) -> str:
    found = Staff.objects.filter(id=id).values_list("email", flat=True).first() if id else None
    return str(found or "").removesuffix("@home")


def _email_of(text: str) -> str:
    found = Staff.objects.filter(id=UUID(text)).values_list("email", flat=True).first()
    if found is None:
        raise LookupError("nobody of that id")
    return str(found)


def _day(text: str) -> datetime | None:
    """The beginning of a day, in the reader's zone; None: left empty."""
    if not text:
        return None
    return datetime.combine(
        datetime.fromisoformat(text).date(), datetime.min.time(), tzinfo=timezone.get_current_timezone()
    )
