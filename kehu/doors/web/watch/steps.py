"""Steps of a case, by forms; each leads back to the case, or says why it was not taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kehu.doors.web.account.door import step_up_first
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import too_long
from kehu.doors.web.sent import written
from kehu.doors.web.watch.cases import REFUSALS, case_page
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.texts import TextTooLong
from kehu.guard.watch import case_own, case_steps
from kehu.guard.watch.alerts import AlertClosed, UnknownAlert
from kehu.guard.watch.cases import StepRefused, UnknownCase
from kehu.serve.rights.incidents.watched import open_incident_of

Taken = Callable[[HttpRequest, int, Actor], object]


def _joined(request: HttpRequest, number: int, actor: Actor) -> object:
    alert = request.POST.get("alert", "")
    if not (alert.isascii() and alert.isdecimal() and len(alert) < 19):
        raise UnknownAlert(alert)
    return case_steps.join(number, int(alert), actor=actor)


_STEPS: Final[dict[str, Taken]] = {
    "joined": _joined,
    "frozen": lambda request, number, actor: case_steps.freeze(number, actor=actor),
    "unfrozen": lambda request, number, actor: case_steps.unfreeze(number, actor=actor),
    "told": lambda request, number, actor: case_steps.tell(number, written(request.POST.get("text")), actor=actor),
    "heard": lambda request, number, actor: case_steps.hear(
        number, written(request.POST.get("text")), request.POST.get("way", ""), actor=actor
    ),
    "decided": lambda request, number, actor: case_steps.decide(
        number, request.POST.get("finding", ""), request.POST.getlist("measures"), written(request.POST.get("text")), actor=actor
    ),
    "confirmed": lambda request, number, actor: case_steps.confirm(number, actor=actor),
    "sent-back": lambda request, number, actor: case_steps.send_back(number, written(request.POST.get("text")), actor=actor),
    "measured": lambda request, number, actor: case_steps.carry_out(number, written(request.POST.get("text")), actor=actor),
    "incident": lambda request, number, actor: open_incident_of(number, written(request.POST.get("text")), actor=actor),
    "closed": lambda request, number, actor: case_steps.close(number, actor=actor),
}  # fmt: skip


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, number: int, step: str) -> HttpResponse:
    """Take one step, then back to the case."""
    taken = _STEPS.get(step)
    if taken is None:
        raise Http404
    if step in case_steps.STEPPED_UP and (first := step_up_first(request, desk)) is not None:
        # a decision took a while to write: the page keeps it, and the confirmation is made beside it
        return case_page(request, desk, number, failed=step, status=403) if step == "decided" else first
    try:
        taken(request, number, desk.without_purpose)
    except (UnknownCase, UnknownAlert):
        raise Http404 from None
    except StepRefused as no:
        return case_page(request, desk, number, failed=step, problem=str(REFUSALS[no.why]), status=409)
    except AlertClosed:
        return case_page(request, desk, number, problem=str(REFUSALS["alert"]), status=409)
    except TextTooLong as long:
        return case_page(request, desk, number, failed=step, problem=too_long(long), status=422)
    except ValueError:
        return case_page(request, desk, number, failed=step, problem=_problem(step), status=422)
    return redirect(reverse("watch-case", args=[number]) + f"?done={step}")


@staff_page
@require_POST
def link(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """A link for the person, shown once."""
    try:
        secret, until = case_own.make_link(number, actor=desk.without_purpose)
    except UnknownCase:
        raise Http404 from None
    except StepRefused as no:
        return case_page(request, desk, number, problem=str(REFUSALS[no.why]), status=409)
    address = request.build_absolute_uri(reverse("watch-answer", args=[secret]))
    return case_page(request, desk, number, link=address, link_until=until)


def _problem(step: str) -> str:
    if step == "decided":
        return _("Say what you find, what follows, and why.")
    if step == "heard":
        return _("Say how the person was heard, and what they said.")
    return _("Say it in words.")
