"""Is this still right? Values that the house wants confirmed: confirmed, corrected, or asked to be removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.pages import field_label
from kehu.doors.web.portal.entrance import guest_page, page
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.admit import SubjectGone
from kehu.guard.guests.credentials import Guest
from kehu.serve.upkeep import confirming


@guest_page
@require_GET
def questions(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Everything the customer is asked about."""
    return _shown(request, guest)


@guest_page
@require_POST
def answer(request: HttpRequest, guest: Guest, task: UUID) -> HttpResponse:
    """What they say of one."""
    do = request.POST.get("do", "")
    try:
        value = request.POST.get("value", "") if do == "correct" else None
        shown = request.POST.get("shown", "")
        said = confirming.answer(guest, task, value=value, remove=do == "remove", shown=shown)
    except confirming.NotValid:
        problem = _("This does not look right: please check it.")
        return _shown(request, guest, problem=problem, status=422, typed={"typed_of": task, "typed": value})
    except confirming.NotShown:
        return _shown(request, guest, problem=_("This changed meanwhile: please look at it again."), status=409)
    except confirming.AlreadyAnswered:
        said = "answered"
    except (confirming.NothingToConfirm, SubjectGone, Refused):
        return _shown(request, guest, problem=_("This question is not open any more."), status=404)
    return redirect(reverse("portal-right") + f"?done={said}")


def _shown(
    request: HttpRequest, guest: Guest, *, problem: str = "", status: int = 200, typed: Mapping[str, Any] | None = None
) -> HttpResponse:
    told = {
        "confirmed": _("Thank you: it stays as it is."),
        "corrected": _("Thank you: we use what you told us from now on."),
        "answered": _("You answered this already: what you said first counts."),
        "removal": _("We received that you want it removed; you find it under your requests."),
    }.get(request.GET.get("done", ""), "")
    context = {
        "asked": [(one, field_label(one.task.field)) for one in confirming.asked_of(guest)],
        "told": told,
        "problem": problem,
        **(typed or {}),
    }
    return page(request, "portal/still_right.html", context, guest=guest, status=status)
