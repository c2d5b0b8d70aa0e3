"""What answers teach: predictions against what people said, and how far reviewers agree with each other."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.review import charts, words
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.resolve.compare import odds
from kehu.refine.resolve.compare.odds import LEAST_LABELS, Odds
from kehu.refine.resolve.review.agreement import agreement
from kehu.refine.resolve.review.labels import labels


@staff_page
@require_GET
def answers(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The calibration curve with its table, and agreement; counts only, of nobody."""
    require_act("weights", desk.without_purpose)
    found = labels()
    bent = odds.fitted(found)
    model = odds.curve(found, Odds())
    context: dict[str, Any] = {
        "review_tabs": words.tabs(desk),
        "count": len(found),
        "yes": sum(said for _, said in found),
        "least": LEAST_LABELS,
        "chart": charts.curve(model) if model else "",
        "bins": [_bin(one) for one in model],
        "bent": bent if bent.labels else None,
        "slope": f"{bent.slope:.2f}",
        "shift": words.bits(bent.shift),
        "surprise": (f"{odds.log_loss(found, Odds()):.2f}", f"{odds.log_loss(found, bent):.2f}") if found else None,
        "agreement": agreement(),
    }
    return page(request, "review/answers.html", context, desk=desk, nav="review")


def _bin(one: odds.Bin) -> dict[str, str | int]:
    return {
        "predicted": words.percent(one.predicted), "count": one.count, "yes": one.yes, "share": f"{100 * one.share:.0f}%",
        "low": f"{100 * one.low:.0f}%", "high": f"{100 * one.high:.0f}%",
    }  # fmt: skip
