"""The review queue of linkage: two records side by side, and a person who says whether they are one."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import field_label, page
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.resolve.queue import open_count
from kehu.refine.resolve.review import UnknownProposal, accept, open_proposals, reject
from kehu.serve.desk.comparing import Pair, compare

PAGE: Final = 10


@purpose_page
@require_GET
def queue(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What waits, surest first."""
    assert desk.claim is not None
    require_act("review", desk.actor)
    waiting = open_proposals(limit=PAGE)
    pairs = compare(waiting, actor=desk.actor, purpose=desk.claim.purpose)
    context = {"pairs": [_pair(one) for one in pairs], "total": open_count(), "kept_back": len(waiting) - len(pairs)}
    return page(request, "web/review.html", context, desk=desk, nav="review")


@purpose_page
@require_POST
def decide(request: HttpRequest, desk: SignedIn, proposal: UUID) -> HttpResponse:
    """Accept or reject one."""
    accepting = request.POST.get("do") == "accept"
    try:
        if accepting:
            accept(proposal, actor=desk.actor)
        else:
            reject(proposal, actor=desk.actor)
    except UnknownProposal:
        raise Http404 from None
    return redirect(reverse("review") + f"?done={'accepted' if accepting else 'rejected'}")


def _pair(one: Pair) -> dict[str, Any]:
    lines = [
        {"label": field_label(line.field), "older": line.older, "younger": line.younger, "verdict": line.verdict}
        for line in one.lines
    ]
    odds = 2.0**one.proposal.weight
    return {
        "id": one.proposal.id,
        "older": one.older.customer,
        "younger": one.younger.customer,
        "percent": min(99, round(100 * odds / (1 + odds))),  # the model is never sure
        "lines": lines,
    }
