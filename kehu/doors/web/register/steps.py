"""The steps of a change, each a form: assess, approve, refuse, withdraw."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from kehu.doors.problems import problem_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import language, page
from kehu.govern import register
from kehu.govern.models import Change
from kehu.govern.register import Assessment
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.register import changes

_STEPS: Final = ("assess", "approve", "refuse", "withdraw")
FAULTS: Final = (
    register.NothingChanges, register.ProposalOpen, register.ProposalEnded, register.ProposalOutdated, ValueError,
)  # fmt: skip


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, change: UUID, step: str) -> HttpResponse:
    """Take one step; then back to the purpose, notice or source it is about."""
    if step not in _STEPS:
        raise Http404
    try:
        held = register.change_of(change)
        _take(request, desk.without_purpose, held, step)
    except register.UnknownChange:
        raise Http404 from None
    except Refused:
        raise
    except FAULTS as fault:
        words = problem_of(fault).words(language())
        return page(
            request,
            "register/fault.html",
            {"words": words, "back": page_of(held)},
            desk=desk,
            nav="register",
            status=409,
        )
    return redirect(f"{page_of(held)}?done={step}")


def page_of(change: Change) -> str:
    """The page on which a change stands."""
    if change.register == "purpose":
        return reverse("register-purpose", args=[change.name])
    if change.register == "source":
        return reverse("register-source", args=[change.name])
    return reverse("register-notice", args=[change.name, change.version])


def _take(request: HttpRequest, actor: Actor, change: Change, step: str) -> None:
    said = request.POST
    if step == "assess":
        changes.assess(change.id, _assessment(said.get("on", ""), said), actor=actor)
    elif step == "approve":
        changes.approve(change.id, actor=actor)
    elif step == "refuse":
        changes.refuse(change.id, reason=said.get("reason", ""), actor=actor)
    else:
        changes.withdraw(change.id, actor=actor)


def _assessment(day: str, said: dict[str, str]) -> Assessment:
    try:
        on = date.fromisoformat(day)
    except ValueError:
        raise ValueError("assessment: the day it was made") from None
    return Assessment(on, said.get("risk", ""), said.get("outcome", ""), said.get("measures", ""), said.get("who", ""))
