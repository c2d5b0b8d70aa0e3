"""Suppression and do-not-call lists: a file sent, what it would come to, how far it is, and the lists that are here."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import by_itself, staff_page, who_is
from kehu.doors.web.intake.words import countries, tabs, unreadable
from kehu.doors.web.pages import language, page
from kehu.doors.web.portal.channels import MEDIUM_LABELS
from kehu.doors.web.uploads import SealedUpload, SealingHandler
from kehu.govern.topics import load_topics
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.derive.smallest import smallest_group
from kehu.serve.mailing import bringing, lists
from kehu.serve.mailing.bringing import UnknownBringing
from kehu.serve.mailing.lists import LONGEST, MEDIA, Scope
from kehu.serve.mailing.models import DONE, FAILED, LOOKED, LOOKING, STOPPING, Bringing

_WORKING: Final = (LOOKING, STOPPING)
_STATES: Final = {
    LOOKING: ("azurite", gettext_lazy("being looked at")),
    LOOKED: ("gamboge", gettext_lazy("waits for your word")),
    STOPPING: ("azurite", gettext_lazy("coming into force")),
    DONE: ("malachite", gettext_lazy("in force")),
    FAILED: ("cinnabar", gettext_lazy("not read")),
}
_FAULTS: Final = {
    "gone": gettext_lazy("The upload is gone: it is kept for a day. Send the file again."),
    "left": gettext_lazy("Whoever sent it works here no longer. Send the file again."),
    "refused": gettext_lazy("Whoever sent it may not bring lists in any more. Send the file again."),
    "broken": gettext_lazy(
        "Something broke off. Send the file again: what is in force stays, and nothing is done twice."
    ),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The lists that are here, those that are on their way, and the form for another."""
    return _listed(request, desk)


@csrf_exempt
def send(request: HttpRequest) -> HttpResponse:
    """Take a file in. The handler must stand before the body is read, and reading it checks the form's mark."""
    desk = who_is(request)
    if desk is not None and desk.may("subscribe"):
        request.upload_handlers = [SealingHandler(request, actor=desk.actor, use="list")]
    return _sent(request)


@csrf_protect
@staff_page
@require_POST
def _sent(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    require_act("subscribe", desk.actor)
    held, said = request.FILES.get("file"), request.POST
    if not isinstance(held, SealedUpload):
        return _listed(request, desk, problem=_("Choose a file that is not empty."), status=422)
    scope = Scope(said.get("name", ""), said.get("medium", ""), said.get("topic", ""), said.get("country", ""))
    try:
        return redirect("list", bringing_id=bringing.begin(held.staged, scope, actor=desk.actor))
    except ValueError:
        problem = _("Give the list a name of at most %(most)d characters, and choose from what is offered.") % {
            "most": LONGEST
        }
        return _listed(request, desk, problem=problem, status=422)


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, bringing_id: UUID) -> HttpResponse:
    """What a list would come to, how far it is, or what came of it."""
    return page(request, "intake/list.html", _standing(bringing_id, desk), desk=desk, nav="imports")


@staff_page
@by_itself
@require_GET
def progress(request: HttpRequest, desk: SignedIn, bringing_id: UUID) -> HttpResponse:
    """The part of the page that changes while it works; the whole page is fetched once at the end."""
    context = _standing(bringing_id, desk)
    response = render(request, "intake/list_progress.html", context)
    if not context["working"]:
        response["HX-Refresh"] = "true"
    return response


@staff_page
@require_POST
def put_in_force(request: HttpRequest, desk: SignedIn, bringing_id: UUID) -> HttpResponse:
    """Have it stop whoever stands on it; pressed twice it is put in force once, and the page says how far it is."""
    with suppress(UnknownBringing):
        bringing.put_in_force(bringing_id, actor=desk.actor)
    return redirect("list", bringing_id=bringing_id)


@staff_page
@require_POST
def give_up(request: HttpRequest, desk: SignedIn, bringing_id: UUID) -> HttpResponse:
    """Destroy it before it does anything."""
    try:
        bringing.give_up(bringing_id, actor=desk.actor)
    except UnknownBringing:
        return redirect("list", bringing_id=bringing_id)
    return redirect(reverse("lists") + "?done=given-up")


def _listed(request: HttpRequest, desk: SignedIn, *, problem: str = "", status: int = 200) -> HttpResponse:
    done = request.GET.get("done") == "given-up"
    context: dict[str, Any] = {
        "intake_tabs": tabs(desk),
        "lists": lists.lists(actor=desk.actor),
        "sent": [_described(row) for row in bringing.recent(actor=desk.actor)],
        "media": [(medium, MEDIUM_LABELS[medium][0]) for held in MEDIA.values() for medium in held],
        "topics": [(slug, topic.label(language())) for slug, topic in load_topics().items()],
        "countries": countries(),
        "longest": LONGEST,
        "asked": request.POST,
        "told": _("Given up: nothing of the file is kept.") if done else "",
        "problem": problem,
    }
    return page(request, "intake/lists.html", context, desk=desk, nav="imports", status=status)


def _standing(id: UUID, desk: SignedIn) -> dict[str, Any]:
    try:
        row = bringing.one(id, actor=desk.actor)
    except UnknownBringing:
        raise Http404 from None
    return _described(row) | {"own": row.staff == desk.staff}


def _described(row: Bringing) -> dict[str, Any]:
    tone, word = _STATES[row.state]
    topic = load_topics().get(row.topic)
    return {
        "row": row,
        "tone": tone,
        "word": word,
        "working": row.state in _WORKING,
        "smallest": smallest_group(),
        "share": row.rows / row.expected if row.expected else 0.0,
        "medium": MEDIUM_LABELS[row.medium][0] if row.medium else _("every medium that reaches such an address"),
        "topic": topic.label(language()) if topic else _("everything that is advertising"),
        "why": (_FAULTS.get(row.fault) or unreadable(row.fault)) if row.fault else "",
    }
