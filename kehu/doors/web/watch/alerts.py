"""The queue of alerts, and one of them: what was counted, who has it, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.watch.rows import alert_row, tabs
from kehu.doors.web.watch.words import SEVERITIES, kind_label
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.watch import alerts, cases
from kehu.guard.watch.alerts import Alert, AlertClosed, UnknownAlert
from kehu.guard.watch.kinds import KINDS

PAGE: Final = 50
_STATES: Final = {
    "": gettext_lazy("not closed"),
    "open": gettext_lazy("waits for somebody"),
    "taken": gettext_lazy("is looked into"),
    "dismissed": gettext_lazy("dismissed"),
    "case": gettext_lazy("became a case"),
    "every": gettext_lazy("all"),
}
DONE: Final = {
    "taken": gettext_lazy("It is yours from now on."),
    "dismissed": gettext_lazy("Dismissed, with your reason."),
}


@staff_page
@require_GET
def queue(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Alerts, the newest first; what is not closed unless something else is asked for."""
    asked = _asked(request)
    found = alerts.alerts(
        actor=desk.without_purpose, state=_states(asked["state"]), kind=asked["kind"] or None,
        severity=asked["severity"] or None, before=int(asked["before"]) if asked["before"] else None, limit=PAGE + 1,
    )  # fmt: skip
    shown = found[:PAGE]
    kept = urlencode({name: value for name, value in asked.items() if value and name != "before"})
    context = {
        "watch_tabs": tabs(desk),
        "rows": [alert_row(one) for one in shown],
        "asked": asked,
        "narrowed": any(asked.values()),
        "states": _STATES.items(),
        "kinds": [(kind, kind_label(kind)) for kind in KINDS],
        "severities": [(one, words) for one, (_tone, _icon, words) in SEVERITIES.items()],
        "older": f"?{kept}{'&' if kept else ''}before={shown[-1].number}" if len(found) > PAGE else "",
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "watch/alerts.html", context, desk=desk, nav="watch")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """One alert with its evidence, and where to look further."""
    return _one(request, desk, number)


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Take it up."""
    try:
        alerts.take(number, actor=desk.without_purpose)
    except UnknownAlert:
        raise Http404 from None
    except AlertClosed:
        return _one(request, desk, number, problem=_("It was closed in the meantime."), status=409)
    return redirect(reverse("watch-alert", args=[number]) + "?done=taken")


@staff_page
@require_POST
def dismiss(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Close it as nothing, with a reason."""
    try:
        alerts.dismiss(number, actor=desk.without_purpose, reason=request.POST.get("reason", ""))
    except UnknownAlert:
        raise Http404 from None
    except AlertClosed:
        return _one(request, desk, number, problem=_("It was closed in the meantime."), status=409)
    except ValueError:
        said = _("Say why, in %(least)d to %(most)d characters.") % {
            "least": alerts.SHORTEST_REASON, "most": alerts.LONGEST_REASON,
        }  # fmt: skip
        return _one(request, desk, number, problem=said, status=422)
    return redirect(reverse("watch") + "?done=dismissed")


def _one(request: HttpRequest, desk: SignedIn, number: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    actor = desk.without_purpose
    try:
        held = alerts.alert(number, actor=actor)
    except UnknownAlert:
        raise Http404 from None
    context = {
        "row": alert_row(held),
        "rows": [(seq, _row_url(held, seq)) for seq in held.rows],
        "inquiry": _inquiry_url(held),
        "case": cases.case_of_alert(held.id),
        "still_cases": [
            one
            for one in cases.cases(actor=actor, still=True, human=held.human)
            if one.state in ("open", "told", "heard")
        ],
        "others": [
            alert_row(other)
            for other in alerts.alerts(actor=actor, human=held.human, limit=11)
            if other.number != held.number
        ][:10],
        "may_open": desk.may("open-case"),
        "mine": held.owner == desk.email,
        "least": alerts.SHORTEST_REASON,
        "most": alerts.LONGEST_REASON,
        "reason": request.POST.get("reason", ""),
        "problem": problem,
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "watch/alert.html", context, desk=desk, nav="watch", status=status)


def _asked(request: HttpRequest) -> dict[str, str]:
    given = request.GET
    before = given.get("before", "")
    return {
        "state": given.get("state", "") if given.get("state") in _STATES else "",
        "kind": given.get("kind", "") if given.get("kind") in KINDS else "",
        "severity": given.get("severity", "") if given.get("severity") in SEVERITIES else "",
        "before": before if before.isascii() and before.isdecimal() and len(before) < 19 else "",
    }


def _states(asked: str) -> str | list[str] | None:
    return None if asked == "every" else asked or ["open", "taken"]


def _row_url(held: Alert, seq: int) -> str:
    asked: dict[str, Any] = {"staff": held.human, "before": seq + 1}
    return reverse("ledger") + "?" + urlencode(asked) + f"#r{seq}"


def _inquiry_url(held: Alert) -> str:
    # the day of whom it is about may begin before the reader's, and end after it
    day, one = held.day, timedelta(days=1)
    asked: dict[str, Any] = {"staff": held.human, "since": day - one, "until": day + one}
    return reverse("ledger-inquiry") + "?" + urlencode(asked)
