"""Corrections: recipients still to be told, one customer's corrections, and a value put right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.office.clocks import past
from kehu.doors.web.pages import field_label, page, purpose_label
from kehu.doors.web.sent import customer_of, written
from kehu.govern.parts import UnknownSubject, part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import acts_open_to, require_act
from kehu.guard.gate.admit import SubjectGone
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.corrections import queries, telling
from kehu.serve.corrections.actions import NotCorrected, correct
from kehu.serve.corrections.models import WAYS

WAY_LABELS: Final = {
    "letter": gettext_lazy("letter"),
    "email": gettext_lazy("email"),
    "api": gettext_lazy("a message to their system"),
    "in-person": gettext_lazy("in person"),
}
STATES: Final = {
    "open": ("gamboge", "clock", gettext_lazy("to be told")),
    "told": ("malachite", "check", gettext_lazy("told")),
    "cannot": ("", "circle-minus", gettext_lazy("cannot be told")),
}
DONE: Final = {
    "corrected": gettext_lazy("Corrected. What stood before is kept beside it."),
    "told": gettext_lazy("Recorded, with its proof."),
    "not-told": gettext_lazy("Taken back: they wait to be told again."),
    "wrong": gettext_lazy("Not recorded: a proof or reason is missing, or it was done before."),
}
_NOBODY: Final = gettext_lazy("No customer has this id.")
WRONG: Final = {
    "no-reason": gettext_lazy("Say why."),
    "too-long": gettext_lazy("At most 2,000 characters."),
    "invalid": gettext_lazy("This is not in the form of that field."),
    "same": gettext_lazy("It stands so already."),
    "not-a-value": gettext_lazy("Choose a field."),
    "no-request": gettext_lazy("This customer has no open request of that id."),
}


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Whom to tell next, the soonest due first."""
    done = request.GET.get("done", "")
    return _board(request, desk, {"told": DONE.get(done, ""), "wrong": done == "wrong"})


def _board(request: HttpRequest, desk: SignedIn, more: Mapping[str, Any], status: int = 200) -> HttpResponse:
    rows = [_telling(row) for row in queries.waiting(actor=desk.without_purpose)]
    context = {"rows": rows, "late": sum(row["overdue"] for row in rows), **more}
    return page(request, "corrections/board.html", context, desk=desk, nav="requests", status=status)


@staff_page
@require_POST
def find(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """A customer by their id, or by an address that holds it; of nobody what was typed stands there still."""
    actor, typed = desk.without_purpose, request.POST.get("customer", "")
    require_act("correct", actor)
    said = customer_of(typed)
    try:
        if said is not None:
            part_of(said, whole=True)
            return redirect(reverse("corrections-of", args=[said]))
    except UnknownSubject:
        pass
    if "tell" not in acts_open_to(actor):  # the page that asks is not theirs
        raise Http404
    return _board(request, desk, {"told": _NOBODY, "wrong": True, "typed": typed}, status=404)


@staff_page
@require_http_methods(["GET", "POST"])
def of_customer(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """One customer's corrections, and one more."""
    actor = _actor(desk)
    require_act("correct", actor)
    if request.method == "POST":
        try:
            asked = request.POST.get("request", "").strip()
            correct(
                subject, request.POST.get("field", ""), request.POST.get("value", ""),
                reason=written(request.POST.get("reason")), actor=actor, request=UUID(asked) if asked else None,
            )  # fmt: skip
        except (UnknownSubject, SubjectGone):
            raise Http404 from None
        except NotCorrected as refused:
            return _of(request, desk, subject, {"error": WRONG[refused.why], "typed": request.POST}, status=400)
        except ValueError:
            return _of(request, desk, subject, {"error": WRONG["no-request"], "typed": request.POST}, status=400)
        return redirect(reverse("corrections-of", args=[subject]) + "?done=corrected")
    return _of(request, desk, subject, {})


@staff_page
@require_GET
def letter(request: HttpRequest, desk: SignedIn, telling_id: UUID) -> HttpResponse:
    """The letter to one recipient, in the reader's language."""
    try:
        text = telling.letter(telling_id, actor=desk.without_purpose, language=get_language() or "en")
    except (telling.UnknownTelling, UnknownSubject):
        raise Http404 from None
    context = {"letter": text, "id": telling_id, "ways": WAY_LABELS.items()}
    return page(request, "corrections/letter.html", context, desk=desk, nav="requests")


@staff_page
@require_POST
def close(request: HttpRequest, desk: SignedIn, telling_id: UUID) -> HttpResponse:
    """A recipient was told, or cannot be."""
    actor, said, done = desk.without_purpose, request.POST, "told"
    require_act("tell", actor)
    try:
        if said.get("way", "") in WAYS:
            telling.tell(
                telling_id, way=said["way"], proof=said.get("proof", ""), actor=actor, at=past(said.get("at", ""))
            )
        else:
            telling.cannot(telling_id, reason=said.get("proof", ""), actor=actor)
    except (telling.UnknownTelling, ValueError):
        done = "wrong"
    return redirect(reverse("corrections") + f"?done={done}")


@staff_page
@require_POST
def undo(request: HttpRequest, desk: SignedIn, telling_id: UUID) -> HttpResponse:
    """That a recipient was told was noted by mistake: they wait again."""
    require_act("tell", desk.without_purpose)
    try:
        subject = telling.take_back(telling_id, actor=desk.without_purpose)
    except telling.UnknownTelling:
        return redirect(reverse("corrections") + "?done=wrong")
    return redirect(reverse("corrections-of", args=[subject]) + "?done=not-told")


def _actor(desk: SignedIn) -> Actor:
    """In their purpose, where they claimed one; the privacy office in its own."""
    return desk.actor if desk.claim else desk.without_purpose


def _of(
    request: HttpRequest, desk: SignedIn, subject: UUID, more: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    actor = _actor(desk)
    try:
        rows = queries.of_customer(subject, actor=actor)
    except UnknownSubject:
        raise Http404 from None
    done = request.GET.get("done", "")
    context = {
        "subject": subject,
        "rows": [_correction(row) for row in rows],
        "fields": [(one.name, field_label(one.name)) for one in _correctable(actor)],
        "office": "tell" in acts_open_to(desk.without_purpose),
        "told": DONE.get(done, ""),
        **more,
    }
    return page(request, "corrections/customer.html", context, desk=desk, nav="requests", status=status)


def _correctable(actor: Actor) -> list[Any]:
    """Fields of a profile that their purpose needs."""
    rules = installation().rules
    least = rules.purposes[actor.purpose or queries.PURPOSE].least
    return [one for one in rules.dictionary.fields.values() if one.name in least and not one.event]


def _correction(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "label": field_label(row["field"]),
        "when": datetime.fromisoformat(row["at"]),
        "tellings": [_telling(one) for one in row["tellings"]],
    }


def _telling(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(row[name]) for name in ("first_at", "last_at", "due", "done_at") if row[name]}
    more = {"label": field_label(row["field"])} if "field" in row else {}
    return (
        row
        | times
        | more
        | {
            "look": STATES[row["state"]],
            "purpose_label": purpose_label(row["purpose"]),
            "way_label": WAY_LABELS.get(row["way"] or "", ""),
        }
    )
