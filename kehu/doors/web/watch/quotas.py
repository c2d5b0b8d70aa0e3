"""Quotas: what holds for each role and purpose, and what was taken of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, page, purpose_label
from kehu.doors.web.watch.rows import tabs
from kehu.govern.quotas import FREE, METERS, Quota
from kehu.govern.slugs import PURPOSES, ROLES
from kehu.guard.gate import quotas as held_quotas
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.sign_ins import SignedIn

SHOWN: Final = 50
METER_LABELS: Final[dict[str, Promise]] = {
    "opened": gettext_lazy("records opened"),
    "listed": gettext_lazy("rows of lists"),
}
MOST: Final = 1_000_000  # more is no bound
DONE: Final = {
    "set": gettext_lazy("In force within ten seconds."),
    "back": gettext_lazy("What held before holds again."),
}


@staff_page
@require_http_methods(["GET", "POST"])
def quotas(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The quotas that hold and who is near theirs; by the form one is set or taken back."""
    actor, problem, status = desk.without_purpose, "", 200
    if request.method == "POST":
        try:
            return redirect(reverse("watch-quotas") + "?done=" + _set(request, desk))
        except Refused:
            raise
        except ValueError:
            problem, status = _("Give whole numbers up to 1,000,000, the day's not less than the hour's."), 422
    limits = held_quotas.limits()
    most = {(one.role, one.meter, one.purpose): one.quota for one in limits}
    context: dict[str, Any] = {
        "watch_tabs": tabs(desk),
        "rows": [_limit_row(one) for one in limits],
        "taken": [_taken_row(one, most) for one in held_quotas.taken(actor=actor)[:SHOWN]],
        "may_set": desk.may("set-quota"),
        "roles": [(role, ROLE_LABELS[role]) for role in ROLES if role not in ("owner", "engineer", desk.role)],
        "purposes": [(purpose, purpose_label(purpose)) for purpose in PURPOSES],
        "meters": METER_LABELS.items(),
        "asked": request.POST,
        "problem": problem,
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "watch/quotas.html", context, desk=desk, nav="watch", status=status)


def _set(request: HttpRequest, desk: SignedIn) -> str:
    asked = request.POST
    back = asked.get("do") == "back"
    quota = None if back else Quota(_number(asked.get("hour", "")), _number(asked.get("day", "")))
    purpose = asked.get("purpose") or None
    meter = asked.get("meter", "")
    held_quotas.set_limit(asked.get("role", ""), meter, quota, actor=desk.without_purpose, purpose=purpose)
    return "back" if back else "set"


def _number(text: str) -> int | None:
    number = int(text) if text.strip() else None
    if number is not None and number > MOST:
        raise ValueError("number")
    return number


def _limit_row(one: held_quotas.Limit) -> dict[str, Any]:
    return {
        "one": one,
        "role": ROLE_LABELS[one.role],
        "purpose": purpose_label(one.purpose) if one.purpose else "",
        "meter": METER_LABELS[one.meter],
    }


def _taken_row(one: held_quotas.Taken, limits: Mapping[tuple[str, str, str], Quota]) -> dict[str, Any]:
    most = limits.get((one.role, one.meter, one.purpose)) or limits.get((one.role, one.meter, "")) or FREE
    used = max(one.in_hour / most.per_hour if most.per_hour else 0, one.in_day / most.per_day if most.per_day else 0)
    return {
        "one": one,
        "purpose": purpose_label(one.purpose),
        "meter": METER_LABELS[one.meter],
        "used": round(min(used, 1) * 100),
        "full": used >= 1 or bool(one.refused),
    }


if set(METER_LABELS) != set(METERS):
    raise RuntimeError("a meter has no words")
