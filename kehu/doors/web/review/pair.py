"""Two customers side by side, and what a reviewer says of them; an answer brings the next question in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web import errors
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import language, page, whole
from kehu.doors.web.review import described, words
from kehu.doors.web.review.queue import query_of, sought_by
from kehu.guard.gate.acts import require_act
from kehu.guard.handed import NotOfThis, open_handed, seal_handed
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.models import NO, UNSURE, YES
from kehu.refine.resolve import weights
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import waiting
from kehu.refine.resolve.review.labels import odds
from kehu.refine.resolve.review.waiting import Proposal, Sought
from kehu.serve.desk import reviewing
from kehu.serve.desk.comparing import Pair, compare, compare_two, may_compare

_SALT: Final = "kehu.review.evidence"


@purpose_page
@require_GET
def pair(request: HttpRequest, desk: SignedIn, proposal: UUID) -> HttpResponse:
    """One question: both sides through the gate, and why the model is in doubt."""
    require_act("review", desk.actor)
    one = waiting.proposal_of(proposal)
    if one is None:
        raise Http404
    return _page(request, desk, one, told=words.told(request.GET.get("done", ""), request.GET.get("by", "")))


@purpose_page
@require_POST
def answer(request: HttpRequest, desk: SignedIn, proposal: UUID) -> HttpResponse:
    """Take an answer; whatever comes of it, the next question follows."""
    require_act("review", desk.actor)
    asked, sought = request.POST, sought_by(request.GET, desk)
    place = waiting.proposal_of(proposal)
    verdict = asked.get("do", "")
    if verdict not in (YES, NO, UNSURE):
        return errors.unreadable(request)
    assert desk.claim is not None
    if place is not None and not may_compare(place, actor=desk.actor, purpose=desk.claim.purpose):
        return _page(request, desk, place, told=words.told("may-not"))
    kept = _evidence(asked.get("evidence", ""), proposal)
    done, by = "", ""
    try:
        outcome = review.answer(
            proposal, verdict, actor=desk.actor, sure=verdict != UNSURE and asked.get("sure") != "no",
            round=whole(asked.get("round", "")), evidence=kept,
        )  # fmt: skip
        done = outcome.state
    except review.AnsweredMeanwhile as late:
        done, by = "meanwhile", str(late.by)
    except review.MustDecide:
        return _page(request, desk, place, told=words.told("must-decide")) if place else _gone(request)
    except review.MayNotBeJoined:
        return _page(request, desk, place, told=words.told("may-not")) if place else _gone(request)
    except review.UnknownProposal:
        if place is None:
            raise Http404 from None
        done = "settled"
    return _onwards(request, desk, place, sought, done, by)


@purpose_page
@require_POST
def take_back(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Take back one's own newest answer, and show its question again."""
    require_act("review", desk.actor)
    done, by, one = "", "", None
    try:
        undone = reviewing.take_back(actor=desk.actor, language=language())
        done = "taken-back-incident" if undone.incident else "taken-back"
        one = waiting.proposal_of(undone.taken.proposal)
    except review.SettledMeanwhile:
        done = "settled-since"
    except review.NothingToTakeBack:
        done = "nothing-to-take-back"
    except review.AnsweredMeanwhile as late:
        done, by = "answered-after", str(late.by)
    if one is None:
        return _gone(request, done, by)
    return _shown(request, desk, one, done, by)


@purpose_page
@require_GET
def look(request: HttpRequest, desk: SignedIn, older: UUID, younger: UUID) -> HttpResponse:
    """Two customers side by side, to look at only: a pair on which two versions of weights differ."""
    require_act("review", desk.actor)
    assert desk.claim is not None
    if older == younger or not weights.is_sample(older, younger):
        raise Http404
    found = compare_two(older, younger, actor=desk.actor, purpose=desk.claim.purpose, apart=True)
    context = {"pair": described.two(found) if found else None, "review_tabs": words.tabs(desk)}
    return page(request, "review/look.html", context, desk=desk, nav="review")


def _onwards(
    request: HttpRequest, desk: SignedIn, place: Proposal | None, sought: Sought, done: str, by: str
) -> HttpResponse:
    after = (place.value, place.id) if place else None
    rest = waiting.open_proposals(limit=1, after=after, sought=sought) or waiting.open_proposals(limit=1, sought=sought)
    return _shown(request, desk, rest[0], done, by) if rest else _gone(request, done, by)


def _shown(request: HttpRequest, desk: SignedIn, one: Proposal, done: str, by: str) -> HttpResponse:
    """The next question: in place for htmx, by its address else."""
    url = reverse("review-pair", args=[one.id]) + query_of(request.GET)
    if not getattr(request, "htmx", False):
        said = f"done={done}" + (f"&by={by}" if by else "")
        return redirect(f"{url}{'&' if '?' in url else '?'}{said}")
    answer = _page(request, desk, one, told=words.told(done, by))
    answer["HX-Push-Url"] = url
    return answer


def _gone(request: HttpRequest, done: str = "", by: str = "") -> HttpResponse:
    """Back to the queue: nothing more waits, or not this."""
    query = query_of(request.GET)
    said = f"done={done}" if done else ""
    url = reverse("review") + query + (("&" if query else "?") + said if said else "")
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _page(request: HttpRequest, desk: SignedIn, one: Proposal, *, told: Mapping[str, str] | None) -> HttpResponse:
    assert desk.claim is not None
    sought = sought_by(request.GET, desk)
    held = compare(one, actor=desk.actor, purpose=desk.claim.purpose)
    following = waiting.open_proposals(limit=1, after=(one.value, one.id), sought=sought)
    preceding = waiting.before(one.value, one.id, sought=sought)
    query = query_of(request.GET)
    context: dict[str, Any] = {
        "one": one,
        "asked": {
            "percent": words.percent(odds().of(one.weight)), "stage": words.stage(one.state),
            "settles": one.state == "privacy",
        },
        "pair": described.pair(held) if held else None,
        "evidence": _sealed(held, one) if held else "",
        "mine": _answered_by(one, desk),
        "day": waiting.today(desk.actor.human, sought=sought),
        "query": query,
        "next": reverse("review-pair", args=[following[0].id]) + query if following else "",
        "prev": reverse("review-pair", args=[preceding.id]) + query if preceding else "",
        "told": told,
        "keys": words.KEYS,
    }  # fmt: skip
    if getattr(request, "htmx", False):
        return render(request, "review/pair_part.html", context | {"swapped": True})
    return page(request, "review/pair.html", context, desk=desk, nav="review")


def _answered_by(one: Proposal, desk: SignedIn) -> bool:
    """Whether this reviewer has answered it already: somebody else is wanted."""
    return bool(one.answers) and review.answered(one.id, by=desk.actor.human)


def _sealed(held: Pair, one: Proposal) -> str:
    """What the answer keeps, sealed: degrees of agreement, also of what this reader is not told; no values."""
    if held.explained is None:
        return ""
    said = {"of": str(one.id), "degrees": dict(held.explained.kept())}
    return signing.dumps(seal_handed(orjson.dumps(said), about=one.id), salt=_SALT)


def _evidence(text: str, proposal: UUID) -> dict[str, Any]:
    try:
        kept = signing.loads(text, salt=_SALT, max_age=86_400) if text else ""
        said = orjson.loads(open_handed(kept, about=proposal)) if kept else {}
    except (signing.BadSignature, NotOfThis):
        return {}
    if said.get("of") != str(proposal):
        return {}
    degrees: dict[str, Any] = said["degrees"]
    return degrees
