"""Violation cases: which there are, opening one, and one with its timeline and the step that leads on."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.watch.rows import alert_row, case_row, tabs
from kehu.doors.web.watch.words import FINDINGS, MEASURES, STEPS, WAYS, measure_labels
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.staff.step_up import needs_step_up
from kehu.guard.watch import alerts, case_steps, cases
from kehu.guard.watch.alerts import AlertClosed, UnknownAlert
from kehu.guard.watch.cases import HEAVY, LONGEST_TEXT, Case, Step, StepRefused, UnknownCase

REFUSALS: Final = {
    "state": gettext_lazy("This is not the step of this case now: somebody may have taken it before you."),
    "hand": gettext_lazy("Your role does not take this step."),
    "party": gettext_lazy("Nobody handles a case about themselves, or one in which they are a party."),
    "second": gettext_lazy("Another person than who decided confirms it."),
    "last-privacy": gettext_lazy("Nobody of the privacy office would be left to end it. Make another account first."),
    "owner": gettext_lazy("The owner of the home is the root of trust: no case here is about them."),
    "frozen": gettext_lazy("The account is still frozen: let it in again before you close."),
    "retrain": gettext_lazy("The training is still to be passed."),
    "measures": gettext_lazy("These do not go together: no measure, or some; and none where nothing was violated."),
    "alert": gettext_lazy("The alert is about somebody else, or in a case already."),
}
NEWEST: Final = 100
"""Closed cases that the page lists."""
DONE: Final = {
    "opened": gettext_lazy("The case is open. The person knows nothing of it yet."),
    "joined": gettext_lazy("The alert is part of the case: the person is told of it before anybody decides."),
    "frozen": gettext_lazy("Frozen: every window and token has ended, and nobody signs in."),
    "unfrozen": gettext_lazy("Let in again: they sign in anew."),
    "told": gettext_lazy("Told: a letter says that there is something to read."),
    "heard": gettext_lazy("The hearing is recorded."),
    "decided": gettext_lazy("Decided."),
    "confirmed": gettext_lazy("Confirmed: it is in force from now on."),
    "sent-back": gettext_lazy("Sent back: it is decided anew."),
    "measured": gettext_lazy("Recorded as carried out."),
    "incident": gettext_lazy("The incident is in the register; its clocks run."),
    "closed": gettext_lazy("Closed."),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Cases that are not closed, then those that are; none about oneself."""
    found = [case_row(one) for one in cases.cases(actor=desk.without_purpose)]
    closed = [row for row in found if row["held"].state == "closed"]
    context = {
        "watch_tabs": tabs(desk),
        "still": [row for row in found if row["held"].state != "closed"],
        "closed": closed[:NEWEST],
        "older": max(0, len(closed) - NEWEST),
        "may_open": desk.may("open-case"),
    }
    return page(request, "watch/cases.html", context, desk=desk, nav="watch")


@staff_page
@require_http_methods(["GET", "POST"])
def open_one(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Open a case, from alerts or by hand."""
    actor, said = desk.without_purpose, request.POST or request.GET
    require_act("open-case", actor)
    held = [alert_row(one) for one in _alerts(desk, said.getlist("alert"))]
    problem, status = "", 200
    if request.method == "POST":
        try:
            human = held[0]["one"].human if held else _id(said.get("staff", ""))
            made = cases.open_case(
                actor=actor, human=human, alerts=[row["one"].number for row in held],
                parties=[_id(one) for one in said.getlist("party")],
            )  # fmt: skip
            return redirect(reverse("watch-case", args=[made.number]) + "?done=opened")
        except StepRefused as no:
            problem, status = str(REFUSALS[no.why]), 409
        except AlertClosed:
            problem, status = _("One of these alerts was closed in the meantime."), 409
        except (ValueError, LookupError):
            problem, status = _("Say whom it is about."), 422
    chosen = set(said.getlist("party"))
    people = Staff.objects.filter(is_active=True).exclude(id=desk.staff).exclude(role="owner").order_by("email")
    context = {
        "alerts": held,
        "people": [(one.id, one.email, str(one.id) == said.get("staff", "")) for one in people],
        "parties": [(one.id, one.email, str(one.id) in chosen) for one in people],
        "problem": problem,
    }
    return page(request, "watch/open.html", context, desk=desk, nav="watch", status=status)


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """One case; reading its words is written down."""
    return case_page(request, desk, number)


def case_page(
    request: HttpRequest,
    desk: SignedIn,
    number: int,
    *,
    failed: str = "",
    problem: str = "",
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """The page of a case, also after a step that was not taken or that shows something once.

    Raises:
        Http404: there is none of that number that this reader may see.
    """
    actor = desk.without_purpose
    try:
        held = cases.case_of(number, actor=actor)
    except UnknownCase:
        raise Http404 from None
    open_steps = case_steps.steps_open(held, actor)
    said = request.POST
    context = {
        "row": case_row(held),
        "timeline": [_step(one) for one in cases.timeline(number, actor=actor)],
        "alerts": _alert_rows(held, desk),
        "others": _others(held, desk) if "joined" in open_steps else [],
        "parties": Staff.objects.filter(id__in=held.parties).order_by("email").values_list("email", flat=True),
        "party": desk.staff in held.parties,
        "next": _way_on(held, open_steps),
        "confirm_first": needs_step_up(actor),
        "open": open_steps,
        "may_link": held.told_at is not None and held.state != "closed" and desk.may("hear-case"),
        "way_names": [(way, words, way == said.get("way")) for way, words in WAYS.items() if way != "silent" or held.answer_over],
        "findings": [(one, words, one == said.get("finding")) for one, (_tone, _icon, words) in FINDINGS.items()],
        "measures": [
            (one, words, one in HEAVY, one in said.getlist("measures")) for one, words in MEASURES.items()
        ],
        "text": said.get("text", ""),
        "failed": failed,
        "may_incident": desk.may("incident"),
        "longest": LONGEST_TEXT,
        "problem": problem,
        "told": DONE.get(request.GET.get("done", ""), ""),
    } | more  # fmt: skip
    return page(request, "watch/case.html", context, desk=desk, nav="watch", status=status)


def _way_on(held: Case, open_steps: tuple[str, ...]) -> str:
    """The one step that leads on; empty where somebody else has to take it, or the person may still answer."""
    leads = {"told", "heard", "decided", "confirmed", "measured", "closed"}
    return next((one for one in open_steps if one in leads), "")


def _step(one: Step) -> dict[str, Any]:
    tone, icon, words = STEPS[one.step]
    return {
        "one": one,
        "tone": tone,
        "icon": icon,
        "words": words,
        "way": WAYS.get(one.way or "", ""),
        "finding": FINDINGS[one.finding] if one.finding else None,
        "measures": measure_labels(one.measures),
    }


def _alert_rows(held: Case, desk: SignedIn) -> list[dict[str, Any]]:
    rows = [alert_row(one) for one in cases.alerts_of(held)]
    linked = desk.may("watch")
    return [row | {"linked": linked} for row in rows]


def _others(held: Case, desk: SignedIn) -> list[dict[str, Any]]:
    found = alerts.alerts(actor=desk.without_purpose, state=["open", "taken"], human=held.human, limit=20)
    return [alert_row(one) for one in found]


def _alerts(desk: SignedIn, numbers: list[str]) -> list[alerts.Alert]:
    """The alerts a case is to be opened from; all about the same person.

    Raises:
        Http404: one of them is not to be seen.
    """
    try:
        wanted = [int(one) for one in numbers if one.isascii() and one.isdecimal() and len(one) < 19]
        return [alerts.alert(one, actor=desk.without_purpose) for one in dict.fromkeys(wanted)]
    except UnknownAlert:
        raise Http404 from None


def _id(text: str) -> UUID:
    return UUID(text)
