"""What scans found in free text, by source and field; scanning, accepting, dismissing, giving a field its level back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.classify.words import DONE, KIND_LABELS, LEVELS, REASONS, STATES
from kehu.doors.web.entrance import by_itself, staff_page
from kehu.doors.web.pages import field_label, page
from kehu.doors.web.quality.words import tabs
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.host.jobs import waits
from kehu.refine.classify import actions, names, queries
from kehu.refine.classify.models import FAILED, OPEN, RUNNING, Scan
from kehu.refine.classify.queries import Found
from kehu.refine.classify.tasks import defer_scan, scan


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Findings that wait, then those that were decided or need no decision."""
    rows = [_row(one) for one in queries.findings(actor=desk.without_purpose)]
    last = queries.last_scan(actor=desk.without_purpose)
    raised = [
        {"field": field, "label": field_label(field), "level": LEVELS[level]}
        for field, level in queries.raised_fields(actor=desk.without_purpose).items()
    ]
    context = _standing(last) | {
        "quality_tabs": tabs(desk),
        "waiting": [row for row in rows if row["state"] == OPEN],
        "others": [row for row in rows if row["state"] != OPEN],
        "raised": raised,
        "reasons": REASONS.items(),
        "may_scan": desk.may("classify"),
        "may_decide": desk.may("accept-finding"),
        "may_open": bool(desk.claims),
        "models": names.installed(),
        "told": DONE.get(request.GET.get("done", "")),
    }
    return page(request, "classify/index.html", context, desk=desk, nav="classify")


@staff_page
@require_POST
def begin(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Have everything scanned; one that waits or runs already will do."""
    require_act("classify", desk.actor)
    defer_scan(desk.actor.human)
    return redirect(reverse("classify") + "?done=begun")


@staff_page
@by_itself
@require_GET
def progress(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The part of the page that changes while a scan runs; the whole page is fetched once at the end."""
    context = _standing(queries.last_scan(actor=desk.without_purpose))
    response = render(request, "classify/progress.html", context)
    if not context["working"]:
        response["HX-Redirect"] = reverse("classify")
    return response


@staff_page
@require_POST
def decide(request: HttpRequest, desk: SignedIn, finding: UUID) -> HttpResponse:
    """Accept a finding, or dismiss it for a reason."""
    reason = request.POST.get("reason", "")
    try:
        if reason:
            actions.dismiss(finding, reason, actor=desk.without_purpose)
        else:
            actions.accept(finding, actor=desk.without_purpose)
    except (actions.UnknownFinding, ValueError):
        raise Http404 from None
    except actions.Decided:
        return redirect(reverse("classify") + "?done=decided")
    return redirect(reverse("classify") + f"?done={'dismissed' if reason else 'accepted'}")


@staff_page
@require_POST
def lower(request: HttpRequest, desk: SignedIn, field: str) -> HttpResponse:
    """Give a field the level back that it ships with."""
    try:
        actions.lower(field, actor=desk.without_purpose)
    except actions.NotRaised:
        raise Http404 from None
    return redirect(reverse("classify") + "?done=lowered")


def _standing(last: Scan | None) -> dict[str, Any]:
    working = last is not None and last.state == RUNNING
    return {
        "scan": last,
        "working": working or waits(scan),
        "failed": last is not None and last.state == FAILED,
        "share": min(last.done / max(last.total, 1), 1.0) if last is not None and working else 0.0,
    }


def _row(one: Found) -> dict[str, Any]:
    return {
        "id": one.id, "source": one.source, "field": field_label(one.field), "kind": KIND_LABELS[one.kind.name],
        "level": LEVELS[one.kind.level], "now": LEVELS[one.now], "texts": one.texts, "found": one.found, "state": one.state,
        "word": STATES.get(one.state), "reason": REASONS.get(one.reason, ""), "seen": one.seen, "fewest": queries.FEWEST,
    }  # fmt: skip
