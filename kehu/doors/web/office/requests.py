"""Requests of customers: which are due, and one of them from its receipt to its answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.problems import problem_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.office.clocks import clock_view, past
from kehu.doors.web.pages import language, page
from kehu.doors.web.record import right_label
from kehu.doors.web.sent import customer_of, written
from kehu.doors.web.words import LAW_LABELS
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import acts_open_to, require_act
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.rights import probable, requests
from kehu.serve.rights.models import OUTCOMES, RIGHTS
from kehu.serve.rights.requests import AlreadyAnswered, ClockRefused, ErasedAlready, UnknownRequest

STATES: Final = {
    "open": ("azurite", "inbox", gettext_lazy("not answered")),
    "done": ("malachite", "check", gettext_lazy("done")),
    "partly": ("gamboge", "check", gettext_lazy("done in part")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("refused")),
}
STEPS: Final = {
    "confirm": gettext_lazy("Its receipt was confirmed"),
    "extend": gettext_lazy("Extended"),
    "suspend": gettext_lazy("Stopped, to learn who asks"),
    "resume": gettext_lazy("Runs again"),
}
PARTS: Final = {
    "open": ("gamboge", gettext_lazy("not confirmed")),
    "confirmed": ("malachite", gettext_lazy("theirs")),
    "declined": ("cinnabar", gettext_lazy("somebody else")),
    "left-out": ("", gettext_lazy("left out of the answer")),
}
DONE: Final = {
    "open": gettext_lazy("Taken in: its clocks run."),
    "confirm": gettext_lazy("Noted: the person was told that it came in."),
    "extend": gettext_lazy("Extended where the law allows it."),
    "suspend": gettext_lazy("The clock stands where the law lets it."),
    "resume": gettext_lazy("The clock runs again."),
    "assign": gettext_lazy("Noted who looks after it."),
    "answer": gettext_lazy("Answered and closed."),
    "confirm-part": gettext_lazy("Joined for certain: the answer covers that record, too."),
    "decline-part": gettext_lazy("Parted for good: that record is another customer's."),
}
_WHY = gettext_lazy("Not recorded: it needs a reason, which the person is told.")
_MISSING: Final = {
    "open": gettext_lazy("Not recorded: say what is asked for, and when it came: neither to come nor before 1990."),
    "assign": gettext_lazy("Not recorded: somebody of the privacy or legal office who is still here looks after it."),
    "answer": gettext_lazy("Not recorded: say how it ended."),
    "extend": _WHY,
    "suspend": _WHY,
}
_NO_MOMENT: Final = gettext_lazy("Not recorded: the time lies between its receipt, or the last step, and now.")
ERASED: Final = gettext_lazy("The person was erased: what they are told, with the certificate, is kept nowhere.")
_NOBODY: Final = gettext_lazy(
    "No customer has this id. It stands at the top of their record, whose address will do, too."
)


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every open request, the soonest due first; all of them on demand."""
    return _board(request, desk, {"told": DONE.get(request.GET.get("done", ""), "")})


def _board(request: HttpRequest, desk: SignedIn, more: dict[str, Any], status: int = 200) -> HttpResponse:
    everything = request.GET.get("all") == "1"
    found = requests.board(actor=desk.without_purpose, open_only=not everything)
    emails = _emails({row["assigned_to"] for row in found} - {None})
    rows = [_row(row, emails) for row in found]
    context = {
        "rows": rows,
        "late": sum(row["late"] for row in rows),
        "everything": everything,
        "newest": requests.MOST if sum(row["row"]["state"] != "open" for row in rows) >= requests.MOST else 0,
        "rights": [(right, right_label(right)) for right in RIGHTS],
        "typed": request.POST,
        **more,
    }
    return page(request, "office/requests.html", context, desk=desk, nav="requests", status=status)


@staff_page
@require_POST
def open_one(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Take a request of a customer in."""
    require_act("request", desk.without_purpose)
    said = request.POST
    try:
        made = requests.open_request(
            subject=_subject(said.get("customer", "")), right=said.get("right", ""), actor=desk.without_purpose,
            text=written(said.get("text")), received_at=past(said.get("received", "")),
        )  # fmt: skip
    except UnknownSubject:
        return _board(request, desk, {"told": _NOBODY, "wrong": "customer"}, 422)
    except ValueError:
        return _board(request, desk, {"told": _MISSING["open"], "wrong": "received"}, 422)
    return redirect(reverse("request", args=[made]) + "?done=open")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, request_id: UUID) -> HttpResponse:
    """One request: what was asked, every clock, what was done, and what there is to do."""
    return _one(request, desk, request_id, {"told": DONE.get(request.GET.get("done", ""), "")})


def _one(
    request: HttpRequest, desk: SignedIn, request_id: UUID, more: dict[str, Any], status: int = 200
) -> HttpResponse:
    found = requests.one(request_id, actor=desk.without_purpose)
    if not found:
        raise Http404
    [row] = found
    may_review = "review" in acts_open_to(desk.without_purpose)
    context = {
        **_row(row, _emails({row["assigned_to"]} - {None})),
        "clocks": [clock_view(clock) for clock in row["clocks"]],
        "steps": [
            {"what": STEPS[step["kind"]], "at": datetime.fromisoformat(step["at"]), "reason": step["reason"]}
            for step in row["steps"]
        ],
        "stands": [step["kind"] for step in row["steps"] if step["kind"] in ("suspend", "resume")][-1:] == ["suspend"],
        "kinds": {step["kind"] for step in row["steps"]},
        "office": [
            (id, email.removesuffix("@home"), str(id) == row["assigned_to"])
            for id, email in Staff.objects.filter(role__in=requests.OFFICE, is_active=True)
            .order_by("email")
            .values_list("id", "email")
        ],
        "outcomes": [(name, STATES[name][2]) for name in OUTCOMES],
        "parts": [(one, *PARTS[one.state]) for one in probable.parts_of(request_id, actor=desk.without_purpose)],
        "parts_wait": may_review and row["state"] == "open",
        "laws": [LAW_LABELS[law] for law in row["laws"]],
        "typed": request.POST,
        **more,
    }
    return page(request, "office/request.html", context, desk=desk, nav="requests", status=status)


@staff_page
@require_POST
def part(request: HttpRequest, desk: SignedIn, request_id: UUID, part_id: UUID) -> HttpResponse:
    """A record that linkage joined: the person's, and the answer reaches it; or somebody else's, and it is parted."""
    actor = desk.without_purpose
    require_act("request", actor)
    verdict = request.POST.get("verdict", "")
    if verdict not in ("confirm", "decline"):
        raise Http404
    try:
        if verdict == "confirm":
            probable.confirm(request_id, part_id, actor=actor)
        else:
            probable.decline(request_id, part_id, actor=actor, language=get_language() or "en")
    except (probable.UnknownPart, UnknownSubject):
        raise Http404 from None
    return redirect(reverse("request", args=[request_id]) + f"?done={verdict}-part")


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, request_id: UUID, step: str) -> HttpResponse:
    """Confirm, extend, stop, let run, assign or answer."""
    require_act("request", desk.without_purpose)
    if step not in (*STEPS, "assign", "answer"):
        raise Http404
    actor, said = desk.without_purpose, request.POST
    try:
        if step == "assign":
            whose = said.get("staff", "")
            requests.assign(request_id, UUID(whose) if whose else None, actor=actor)
        elif step == "answer":
            text = written(said.get("text"))
            requests.answer_request(
                request_id, outcome=said.get("outcome", ""), actor=actor, text=text, language=get_language() or "en"
            )
        else:
            reason = written(said.get("reason"))
            requests.step(request_id, step, actor=actor, reason=reason, at=past(said.get("at", "")))
    except UnknownRequest:
        raise Http404 from None
    except ErasedAlready:
        return _one(request, desk, request_id, {"told": ERASED, "wrong": step}, 422)
    except (AlreadyAnswered, ClockRefused) as refused:
        why = problem_of(refused).words(language())["message"]
        return _one(request, desk, request_id, {"told": why, "wrong": step}, 422)
    except ValueError:
        missing = _NO_MOMENT if said.get("at") else _MISSING.get(step, _NO_MOMENT)
        return _one(request, desk, request_id, {"told": missing, "wrong": step}, 422)
    return redirect(reverse("request", args=[request_id]) + f"?done={step}")


def _subject(text: str) -> UUID:
    """A customer's id as it was typed.

    Raises:
        UnknownSubject: it is none.
    """
    found = customer_of(text)
    if found is None:
        raise UnknownSubject(text)
    return found


def _emails(staff: set[str]) -> dict[str, str]:
    found = Staff.objects.filter(id__in=staff).values_list("id", "email") if staff else ()
    return {str(id): email for id, email in found}


def _row(row: dict[str, Any], emails: dict[str, str]) -> dict[str, Any]:
    clock = clock_view(row["clock"]) if row["clock"] else None
    email = emails.get(row["assigned_to"], "")
    return {
        "row": row,
        "right": right_label(row["right"]),
        "state": STATES[row["state"]],
        "received": datetime.fromisoformat(row["received_at"]),
        "clock": clock if row["state"] == "open" else None,
        "late": row["overdue"],
        "assigned": str(email or "").removesuffix("@home"),
        "who": row["subject"] or _("not matched with a customer"),
    }
