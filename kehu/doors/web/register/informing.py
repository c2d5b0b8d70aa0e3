"""Who is to be told where their data came from: how many, until when, the letters by mail, and those by post."""

from __future__ import annotations

import contextlib
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from procrastinate.exceptions import AlreadyEnqueued

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import day_text, page
from kehu.doors.web.words import source_mark
from kehu.govern.deadlines import NotExcused
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.rights.tasks import inform
from kehu.serve.sources import informing, noted, untold

_SHOWN: Final = 50
EXCUSES: Final = {
    "knows": gettext_lazy("they know it already"),
    "effort": gettext_lazy("impossible, or out of all proportion; and what is done instead"),
    "law": gettext_lazy("a law says so"),
    "secret": gettext_lazy("professional or official secrecy"),
}
DONE: Final = {
    "sending": gettext_lazy("The letters are going out; whoever has no mailbox is noted for the post."),
    "posted": gettext_lazy("Noted: they were told."),
    "some": gettext_lazy(
        "Not noted of all: whoever had been told already, or of whom something more came meanwhile, was left out."
    ),
    "excused": gettext_lazy("Noted: they need not be told, and why stands in their own copy."),
    "nobody": gettext_lazy("Nobody was chosen, or there was nothing left to tell them."),
    "taken-back": gettext_lazy("Taken back: they wait to be told, by the day they had."),
    "nothing-noted": gettext_lazy("Nothing was taken back: it was before, or they are not here any more."),
}
_WAYS: Final = {
    "post": gettext_lazy("told by post"),
    "other": gettext_lazy("told otherwise"),
    "excused": gettext_lazy("need not be told"),
}
_NOTED: Final = 20


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The figures, and who is due first; nothing of them is opened here."""
    return _board(request, desk)


def _board(request: HttpRequest, desk: SignedIn, *, problem: str = "") -> HttpResponse:
    today, chosen = timezone.now().date(), request.POST.getlist("customer")
    rows = [
        {
            "customer": one.customer,
            "by": day_text(one.by, "DATE_FORMAT"),
            "late": one.by < today,
            "by_post": one.by_post,
            "seen": one.seen,
            "chosen": str(one.customer) in chosen,
            "marks": [source_mark(mark) for mark in one.marks],
        }
        for one in untold.waiting(actor=desk.without_purpose, limit=_SHOWN)
    ]
    by_hand = [
        {
            "one": one,
            "way": _WAYS[one.way],
            "excuse": EXCUSES.get(one.excuse, ""),
            "marks": [source_mark(mark) for mark in one.marks],
        }
        for one in noted.noted(actor=desk.without_purpose, limit=_NOTED)
    ]
    context = {
        "rows": rows,
        "noted": by_hand,
        "duty": untold.figures(),
        "shown": _SHOWN,
        "excuses": EXCUSES.items(),
        "least": informing.LEAST_REASON,
        "longest": informing.LONGEST_REASON,
        "told": DONE.get(request.GET.get("done", ""), ""),
        "problem": problem,
        "asked": request.POST,
    }
    return page(request, "register/informing.html", context, desk=desk, nav="register", status=422 if problem else 200)


@staff_page
@require_POST
def send(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Have the letters written as a job; one that waits already will do."""
    require_act("inform", desk.without_purpose)
    with contextlib.suppress(AlreadyEnqueued):
        inform.defer(human=str(desk.staff), again=request.POST.get("again") == "yes")
    return redirect(reverse("register-informing") + "?done=sending")


@staff_page
@require_POST
def posted(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Note that those chosen were told by post."""
    actor = desk.without_purpose
    require_act("inform", actor)
    try:
        chosen = [UUID(one) for one in request.POST.getlist("customer")]
        seen = {one: said for one in chosen if (said := request.POST.get(f"seen-{one}"))}
        told = informing.posted(chosen, actor=actor, seen=seen)
    except (ValueError, UnknownSubject):
        chosen, told = [], 0
    done = "nobody" if not chosen else "posted" if told == len(set(chosen)) else "some"
    return redirect(reverse("register-informing") + f"?done={done}")


@staff_page
@require_POST
def excused(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Note that those chosen need not be told: all of them, where every law that applies to them knows the excuse."""
    actor, asked = desk.without_purpose, request.POST
    require_act("inform", actor)
    try:
        chosen = [UUID(one) for one in asked.getlist("customer")]
        why: Any = asked.get("why", "")
        done = informing.excuse(chosen, why, reason=asked.get("reason", ""), actor=actor) if chosen else 0
    except NotExcused as held:
        problem = _("%(article)s knows no such excuse for one of them: nothing was noted.") % {"article": held.article}
        return _board(request, desk, problem=problem)
    except UnknownSubject:
        done = 0
    except ValueError:
        problem = _("Choose why they need not be told, and say it in %(least)d to %(most)d characters.") % {
            "least": informing.LEAST_REASON, "most": informing.LONGEST_REASON,
        }  # fmt: skip
        return _board(request, desk, problem=problem)
    return redirect(reverse("register-informing") + f"?done={'excused' if done else 'nobody'}")


@staff_page
@require_POST
def take_back(request: HttpRequest, desk: SignedIn, note: UUID) -> HttpResponse:
    """What was noted of somebody was a mistake: they wait to be told again."""
    require_act("inform", desk.without_purpose)
    try:
        noted.take_back(note, actor=desk.without_purpose)
    except noted.NothingNoted:
        return redirect(reverse("register-informing") + "?done=nothing-noted")
    return redirect(reverse("register-informing") + "?done=taken-back")
