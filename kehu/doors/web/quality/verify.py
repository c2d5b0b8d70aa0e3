"""The queue of verification, and one task: the value, what is known of it, and what somebody says of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web import errors
from kehu.doors.web.entrance import purpose_page, staff_page
from kehu.doors.web.pages import field_label, language, page, purpose_label
from kehu.doors.web.quality import words
from kehu.doors.web.words import value_text
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.admit import SubjectGone
from kehu.guard.gate.read import PROFILE_KINDS, gate
from kehu.guard.installation import installation
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.survive import survive, text_of
from kehu.serve.desk.listing import masked_page
from kehu.serve.upkeep import confirming, queue
from kehu.serve.upkeep.models import Task
from kehu.serve.upkeep.reliance import reliance_of


@purpose_page
@require_GET
def queue_page(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Tasks that wait, the soonest due first."""
    assert desk.claim is not None
    actor, mine = desk.without_purpose, request.GET.get("mine") == "1"
    found = queue.waiting(actor=actor, mine=mine, after=request.GET.get("after", ""))
    customers = list(dict.fromkeys(customer for _task, customer in found.tasks))
    shown = {
        one.customer: one.name for one in masked_page(customers, actor=desk.actor, purpose=desk.claim.purpose).rows
    }
    today, names = timezone.localdate(), dict(Staff.objects.values_list("id", "email"))
    rows = [
        {
            "task": task, "customer": customer, "name": shown.get(customer, ""), "field": field_label(task.field),
            "why": words.WHY[task.why], "state": words.TASK_STATES[task.state], "way": words.WAYS[task.way],
            "late": task.due < today, "who": names.get(task.taken_by, "") if task.taken_by else "",
            "mine": task.taken_by == desk.staff,
        }
        for task, customer in found.tasks
    ]  # fmt: skip
    context = {
        "quality_tabs": words.tabs(desk), "rows": rows, "counts": queue.counts(actor=actor), "mine": mine,
        "after": found.after, "told": _done(request),
    }  # fmt: skip
    return page(request, "quality/verification.html", context, desk=desk, nav="quality")


@purpose_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, task: UUID) -> HttpResponse:
    """One task; the value is opened under the purpose of accuracy alone."""
    return _page(request, desk, _task(task, desk), problem=_problem(request.GET.get("done", "")))


def _page(
    request: HttpRequest, desk: SignedIn, row: Task, *, problem: str, typed: QueryDict | None = None, status: int = 200
) -> HttpResponse:
    assert desk.claim is not None
    customer = queue.current_customers([row.subject]).get(row.subject)
    if customer is None:
        raise Http404
    context: dict[str, Any] = {
        "quality_tabs": words.tabs(desk), "task": row, "customer": customer, "field": field_label(row.field),
        "why": words.WHY[row.why], "state": words.TASK_STATES[row.state], "way": words.WAYS[row.way],
        "outcome": words.OUTCOMES.get(row.outcome, ""), "mine": row.taken_by == desk.staff,
        "late": row.due < timezone.localdate() and row.state in ("open", "taken"),
        "right_purpose": desk.claim.purpose == confirming.PURPOSE, "wanted": purpose_label(confirming.PURPOSE),
        "hows": list(words.HOW.items()), "may_verify": desk.may("verify"), "told": _done(request),
        "problem": problem, "typed": typed,
        "may_undo": row.state == "done" and row.record is not None and row.done_by is not None
        and row.done_at is not None and row.done_at > timezone.now() - confirming.UNDO,
        "may_reopen": row.state == "done" and row.outcome == "unreachable",
    }  # fmt: skip
    if context["right_purpose"]:
        context |= _value(desk, row)
    return page(request, "quality/task.html", context, desk=desk, nav="quality", status=status)


@staff_page
@require_POST
def step(request: HttpRequest, desk: SignedIn, task: UUID) -> HttpResponse:
    """Take, give back, confirm, correct, end, undo."""
    do, said = request.POST.get("do", ""), request.POST
    require_act("verify-task", desk.without_purpose)
    row = _task(task, desk)
    try:
        if do in ("confirm", "correct"):
            value, how = said.get("value", "") if do == "correct" else None, said.get("how", "")
            if how not in words.HOW:
                return errors.unreadable(request)
            if do == "confirm" and said.get("value", "").strip():  # which of the two is right, nobody has said
                return _page(request, desk, row, problem=_problem("both"), typed=said, status=422)
            shown = said.get("shown", "")
            confirming.confirm(row.subject, row.field, how=how, actor=desk.actor, value=value, task=task, shown=shown)
        elif do == "undo" and row.record is not None:
            confirming.undo(row.record, actor=desk.without_purpose)
        elif do in _STEPS:
            _STEPS[do](task, actor=desk.without_purpose)
        else:
            raise Http404
    except confirming.NotValid:
        return _page(request, desk, row, problem=_problem("invalid"), typed=said, status=422)
    except confirming.NotShown:
        do = "changed"
    except (queue.UnknownTask, confirming.NothingToConfirm, confirming.TooLate, SubjectGone):
        do = "gone"
    back = "verification" if said.get("back") == "queue" else ""
    address = reverse(back) if back else reverse("verification-task", args=[task])
    return redirect(f"{address}?done={do}")


def _task(id: UUID, desk: SignedIn) -> Task:
    try:
        return queue.task_of(id, actor=desk.without_purpose)
    except queue.UnknownTask:
        raise Http404 from None


_STEPS = {"take": queue.take, "give-back": queue.give_back, "end": queue.end, "reopen": queue.reopen}


def _value(desk: SignedIn, row: Task) -> dict[str, Any]:
    opened = gate().open(
        [row.subject], actor=desk.actor, purpose=confirming.PURPOSE, fields=[row.field], kinds=PROFILE_KINDS
    )
    kept = survive(opened[0].contributions).get(row.field) if opened else None
    if kept is None:
        denied = opened[0].denied().get(row.field) if opened else None
        return {"refused": installation().rules.policies.text(denied.policy, language()) if denied else None}
    held = installation().rules.dictionary.field(row.field)
    said = text_of(kept.said, held.type)
    reliance = reliance_of([kept.said], opened[0].origins)[row.field]
    return {
        "value": value_text(row.field, said), "clear": kept.said.answer == "clear", "reliance": reliance,
        "raw": said if kept.said.answer == "clear" else "", "seq": opened[0].seq, "shown": kept.said.record,
        "percent": words.percent(reliance.share) if reliance.share is not None else "",
    }  # fmt: skip


def _problem(done: str) -> str:
    return {
        "invalid": _("This is no valid form of it."),
        "both": _("You typed another value: correct it, or empty the field and say that the old one is right."),
        "changed": _(
            "Another value counts by now than the one you were shown: nothing was confirmed. It stands below."
        ),
    }.get(done, "")


def _done(request: HttpRequest) -> str:
    return {
        "take": _("The task is yours."),
        "give-back": _("Given back."),
        "confirm": _("Confirmed: the value is as good as new."),
        "correct": _("Corrected; what it was before stays behind it."),
        "end": _("Ended without an answer."),
        "undo": _("Taken back: the task waits as it did."),
        "reopen": _("Opened again: the task is yours."),
        "gone": _("It was done, or taken by somebody else, meanwhile."),
    }.get(request.GET.get("done", ""), "")
