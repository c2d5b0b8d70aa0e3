"""What a person sees of the watch themselves: that they are watched, cases about them, and what they answer."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page, too_long
from kehu.doors.web.sent import written
from kehu.doors.web.watch.rows import alert_row
from kehu.doors.web.watch.words import FINDINGS, OWN_STATES, OWN_STEPS, STEPS, WAYS, measure_labels
from kehu.guard.access import lapses
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.texts import TextTooLong
from kehu.guard.watch import case_own
from kehu.guard.watch.alerts import Alert
from kehu.guard.watch.case_own import LinkOver, Own
from kehu.guard.watch.cases import LONGEST_TEXT, Case, Step, StepRefused, UnknownCase


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """That uses are watched and what for, and the cases one was told of."""
    context = {
        "rows": [_row(one) for one in case_own.own_cases(actor=desk.without_purpose)],
        "watching_until": lapses.standing_of(desk.staff).watching_until,
    }
    return page(request, "watch/own.html", context, desk=desk, nav="me")


@staff_page
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """A case about oneself: what one is told, counts and times, what one answered, what was decided."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            case_own.answer(number, written(request.POST.get("text")), actor=desk.without_purpose)
            return redirect(reverse("watch-own-case", args=[number]) + "?done=answered")
        except UnknownCase:
            raise Http404 from None
        except StepRefused:
            problem, status = _("It is closed: nothing can be added."), 409
        except TextTooLong as long:
            problem, status = too_long(long), 422
        except ValueError:
            problem, status = _("Say it in words."), 422
    try:
        found = case_own.own_case(number, actor=desk.without_purpose)
    except UnknownCase:
        raise Http404 from None
    context = _context(found, request) | {"problem": problem}
    return page(request, "watch/own_case.html", context, desk=desk, nav="me", status=status)


@require_http_methods(["GET", "POST"])
def by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """The same for somebody who cannot sign in; the link is used up with the answer."""
    problem, status = "", 200
    try:
        if request.method == "POST":
            try:
                case_own.answer_by_link(secret, written(request.POST.get("text")))
                return page(request, "watch/answered.html")
            except TextTooLong as long:
                problem, status = too_long(long), 422
            except ValueError:
                problem, status = _("Say it in words."), 422
        actor, number = case_own.by_link(secret)
        found = case_own.own_case(number, actor=actor)
    except (LinkOver, StepRefused, UnknownCase):
        return page(request, "watch/link_over.html", status=404)
    context = _context(found, request) | {"problem": problem}
    return page(request, "watch/answer.html", context, status=status)


def _context(found: Own, request: HttpRequest) -> dict[str, Any]:
    return {
        "row": _row(found.held),
        "steps": [_step(one) for one in found.steps],
        "alerts": [_alert(one) for one in found.alerts],
        "may_answer": found.may_answer,
        "text": request.POST.get("text", ""),
        "failed": "answer",
        "longest": LONGEST_TEXT,
        "told": _("Your answer is kept; whoever decides reads it.") if request.GET.get("done") == "answered" else "",
    }


def _row(held: Case) -> dict[str, Any]:
    # until it is in force, what was found is not the person's yet
    final = held.state in ("decided", "measured", "closed")
    return {
        "held": held,
        "state": OWN_STATES[held.state],
        "finding": FINDINGS[held.finding] if final and held.finding else None,
        "measures": measure_labels(held.measures) if final else [],
    }


def _alert(one: Alert) -> dict[str, Any]:
    row = alert_row(one)
    # that there are records made to be found is not for everybody to know
    return row | {"kind": _("A record that nobody has a reason to open")} if one.kind == "honey" else row


def _step(one: Step) -> dict[str, Any]:
    tone, icon, words = STEPS[one.step]
    return {
        "one": one,
        "tone": tone,
        "icon": icon,
        "words": OWN_STEPS.get(one.step, words),
        "way": WAYS.get(one.way or "", ""),
        "finding": FINDINGS[one.finding] if one.finding else None,
        "measures": measure_labels(one.measures),
    }
