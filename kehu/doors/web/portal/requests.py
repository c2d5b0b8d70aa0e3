"""This is a privacy request: its clock starts when it is received here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.core.signing import BadSignature, dumps, loads
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.web.portal.entrance import guest_page, page
from kehu.doors.web.sent import written
from kehu.guard.gate.acts import Refused
from kehu.guard.guests.credentials import Guest
from kehu.serve.rights import probable
from kehu.serve.rights import requests as register
from kehu.vault.ids import new_id

_LONGEST: Final = 4_000  # characters
_FACT: Final = 320  # characters, as the longest email address


@dataclass(frozen=True, slots=True)
class Right:
    """A right as the customer meets it; ``main``: offered on the first page."""

    slug: str
    icon: str
    label: str | Promise
    hint: str | Promise
    main: bool = False


RIGHTS: Final = (
    Right("access", "file-down", gettext_lazy("Get a copy"), gettext_lazy("Sealed for you alone"), True),
    Right("correct", "pencil", gettext_lazy("Correct"), gettext_lazy("Something about me is wrong"), True),
    Right(
        "restrict", "octagon-pause", gettext_lazy("Restrict the use"), gettext_lazy("Stop using, do not erase"), True
    ),
    Right("erase", "trash-2", gettext_lazy("Erase"), gettext_lazy("You can get a copy first"), True),
    Right("object", "hand", gettext_lazy("Object"), gettext_lazy("I do not want this use")),
    Right("move", "arrow-right-left", gettext_lazy("Move"), gettext_lazy("Give my data to another company")),
    Right("explain", "circle-question-mark", gettext_lazy("Explain"), gettext_lazy("How was this decided about me?")),
    Right("other", "message-circle-warning", gettext_lazy("Complain"), gettext_lazy("Anything else about my privacy")),
)
STATE_LABELS: Final = {
    "open": gettext_lazy("received"),
    "done": gettext_lazy("done"),
    "partly": gettext_lazy("partly done"),
    "refused": gettext_lazy("refused"),
}
_OTHERS: Final = {
    "copy": gettext_lazy("Get a copy"),
    "withdraw": gettext_lazy("Withdraw a consent"),
    "human-review": gettext_lazy("Have a person decide"),
}


@dataclass(frozen=True, slots=True)
class RequestView:
    """One of the customer's requests. ``due``: the end of its clock, where a law's clock runs.

    ``parts``: records that may be theirs, not confirmed; ``tries``: how often a fact may still be named for them.
    """

    id: UUID
    right: str
    state: str
    state_label: str
    received_at: datetime
    due: datetime | None
    text: str | None
    answer: str | None
    parts: int
    tries: int


@guest_page
@require_http_methods(["GET", "POST"])
def requests(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Make a request, and see what became of earlier ones."""
    if request.method == "POST":
        right, text = request.POST.get("right", ""), written(request.POST.get("text"))
        if right not in {one.slug for one in RIGHTS}:
            return _page(request, guest, error=_("Choose what you want."), text=text, status=400)
        if len(text) > _LONGEST:
            error = _("Please keep it below %(count)d characters.") % {"count": _LONGEST}
            return _page(request, guest, error=error, text=text, status=400)
        register.open_request(
            subject=guest.subject, right=right, actor=guest.actor, text=text, id=_made_for(request, guest, right, text)
        )
        return redirect(reverse("portal-requests") + "?done=received")
    return _page(request, guest)


@guest_page
@require_POST
def part(request: HttpRequest, guest: Guest, request_id: UUID) -> HttpResponse:
    """Name a fact that only a record carries which may be theirs: then the answer reaches it."""
    done = "part"
    try:
        probable.name_fact(request_id, request.POST.get("fact", "")[:_FACT], actor=guest.actor)
    except probable.NotTheirs:
        done = "no-part"
    except (probable.UnknownPart, Refused):
        raise Http404 from None
    return redirect(reverse("portal-requests") + f"?done={done}#r")


def _made_for(request: HttpRequest, guest: Guest, right: str, text: str) -> UUID | None:
    """An id by what is asked on one page of this customer: what is sent twice by a double click is one, another wish is another."""
    try:
        page = UUID(loads(request.POST.get("once", ""), salt=f"request {guest.subject}"))
    except BadSignature:
        return None
    return uuid5(page, f"{right}\0{text}")


def _listed(guest: Guest) -> list[RequestView]:
    """The customer's requests, the newest first."""
    return [_view(row, guest) for row in reversed(register.listed(actor=guest.actor, subject=guest.subject))]


def _page(request: HttpRequest, guest: Guest, *, error: str = "", text: str = "", status: int = 200) -> HttpResponse:
    chosen = request.POST.get("right", "") or request.GET.get("right", "")
    if request.method != "POST" and chosen and chosen not in {one.slug for one in RIGHTS}:
        raise Http404
    context = {"rights": RIGHTS, "rows": _listed(guest), "chosen": chosen, "error": error, "text": text}
    context["once"] = dumps(str(new_id()), salt=f"request {guest.subject}")
    return page(request, "portal/requests.html", context, guest=guest, status=status)


def _view(row: dict[str, Any], guest: Guest) -> RequestView:
    labels, id = {one.slug: one.label for one in RIGHTS} | _OTHERS, UUID(row["id"])
    parts = probable.parts_of(id, actor=guest.actor) if row["state"] == "open" else []
    waiting = [one for one in parts if one.state == "open"]
    return RequestView(
        id=id,
        right=str(labels.get(row["right"], row["right"])),
        state=row["state"],
        state_label=str(STATE_LABELS[row["state"]]),
        received_at=datetime.fromisoformat(row["received_at"]),
        due=datetime.fromisoformat(row["due"]) if row["due"] else None,
        text=row["text"],
        answer=row["answer"],
        parts=len(waiting),
        tries=max((one.tries_left for one in waiting), default=0),
    )
