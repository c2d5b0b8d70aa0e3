"""The review queue: what waits, the worthiest answer first. Nothing of a customer is opened here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import page
from kehu.doors.web.review import words
from kehu.doors.web.sent import date_of
from kehu.doors.web.words import channel_label
from kehu.govern.models import Channel
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.resolve.compare.odds import Odds
from kehu.refine.resolve.review import waiting
from kehu.refine.resolve.review.labels import odds
from kehu.refine.resolve.review.waiting import BANDS, PRIVACY_ROLES, Proposal, Sought

PAGE: Final = 25
_FILTERS: Final = ("kind", "channel", "since", "band")
_KINDS: Final = {"person": 1, "organisation": 2}


@purpose_page
@require_GET
def queue(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What waits for this reviewer, a page of it, and how far today has come."""
    require_act("review", desk.actor)
    asked = request.GET
    sought, after = sought_by(asked, desk), _place(asked.get("after", ""))
    found = waiting.open_proposals(limit=PAGE + 1, after=after, sought=sought)
    read, query = odds(), query_of(asked)
    rows = [row_of(one, read) for one in found[:PAGE]]
    context: dict[str, Any] = {
        "review_tabs": words.tabs(desk),
        "rows": rows,
        "first": reverse("review-pair", args=[rows[0]["id"]]) + query if rows else "",
        "after": f"{found[PAGE - 1].value!r},{found[PAGE - 1].id}" if len(found) > PAGE else "",
        "paged": after is not None,
        "day": waiting.today(desk.actor.human, sought=sought),
        "whole": waiting.count_waiting() if query else None,
        "query": query,
        "chosen": {name: asked.get(name, "") for name in _FILTERS},
        "channels": [(str(one.id), channel_label(one.name)) for one in Channel.objects.order_by("name")],
        "bands": [(band, words.band_label(band)) for band in BANDS],
        "told": words.told(asked.get("done", "")),
    }
    return page(request, "review/queue.html", context, desk=desk, nav="review")


def sought_by(asked: QueryDict, desk: SignedIn) -> Sought:
    """The questions that a page's filters leave, for this reviewer; what cannot be read filters nothing."""
    day, channel = date_of(asked.get("since", "")), asked.get("channel", "")
    since = timezone.make_aware(datetime(day.year, day.month, day.day)) if day else None  # noqa: DTZ001  (made aware)
    return Sought(
        kind=_KINDS.get(asked.get("kind", "")),
        channel=int(channel) if channel.isdecimal() and len(channel) < 5 else None,
        since=since,
        band=asked.get("band") if asked.get("band") in BANDS else None,
        by=desk.actor.human,
        settles=desk.role in PRIVACY_ROLES,
    )


def query_of(asked: QueryDict) -> str:
    """The filters as the end of an address."""
    kept = QueryDict(mutable=True)
    kept.update({name: str(asked[name]) for name in _FILTERS if asked.get(name)})
    return f"?{kept.urlencode()}" if kept else ""


def row_of(one: Proposal, read: Odds) -> dict[str, Any]:
    """A question as a row: how sure the model is, what hangs on it, and who is asked."""
    probability = read.of(one.weight)
    return {
        "id": one.id, "found_at": one.found_at, "kind": words.kind_label(one.kind), "percent": words.percent(probability),
        "share": probability, "bits": words.bits(one.weight), "value": f"{one.value:.1f}", "stage": words.stage(one.state),
    }  # fmt: skip


def _place(text: str) -> tuple[float, UUID] | None:
    value, _, id = text.partition(",")
    try:
        return float(value), UUID(id)
    except ValueError:
        return None
