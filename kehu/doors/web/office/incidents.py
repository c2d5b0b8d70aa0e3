"""Incidents: what happened, what is known of it, the clocks of each law, and how far it reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.ledger import action_label
from kehu.doors.web.office.clocks import clock_view, past
from kehu.doors.web.pages import field_label, language, page, purpose_label, too_long
from kehu.doors.web.sent import written
from kehu.doors.web.words import LAW_LABELS
from kehu.govern.packs import FACTS, PACKS
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.texts import TextTooLong
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.incidents.register import Learned, UnknownIncident, Window

FACT_LABELS: Final = {
    "high-risk": gettext_lazy("a high risk to the persons"),
    "risk-unlikely": gettext_lazy("a risk is unlikely"),
    "harm-averted": gettext_lazy("harm was averted"),
    "unintelligible": gettext_lazy("nobody could read it (encrypted)"),
    "sensitive": gettext_lazy("sensitive information"),
    "property-harm": gettext_lazy("harm to property is possible"),
    "wrongful": gettext_lazy("done on purpose, wrongfully"),
    "minors": gettext_lazy("children among them"),
}
_FACTS: Final = {"yes": True, "no": False}
_SAID: Final = {said: word for word, said in _FACTS.items()}
_TIMES: Final = ("handled", "told")
_FORGETTABLE: Final = {name: name for name in ("persons", *_TIMES)} | {name: f"fact-{name}" for name in FACTS}
DONE: Final = {
    "open": gettext_lazy("In the register: the clocks of every law run until it is said which apply."),
    "assess": gettext_lazy("Recorded; the clocks follow."),
    "report": gettext_lazy("Noted as done."),
    "undo": gettext_lazy("Taken back: the clock runs again."),
}
WRONG: Final = gettext_lazy(
    "Not recorded: a time lies in the future or before awareness, it was done before, or a part is missing."
)


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Incidents, the newest first."""
    return _board(request, desk, {"told": DONE.get(request.GET.get("done", ""), "")})


def _board(request: HttpRequest, desk: SignedIn, more: dict[str, Any], status: int = 200) -> HttpResponse:
    rows = [_row(row) for row in incidents.board(actor=desk.without_purpose)]
    context = {
        "rows": rows,
        "late": sum(row["late"] for row in rows),
        "people": _people(),
        "longest": incidents.LONGEST_TEXT,
        "typed": request.POST,
        **more,
    }
    return page(request, "office/incidents.html", context, desk=desk, nav="incidents", status=status)


@staff_page
@require_POST
def open_one(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Put an incident into the register."""
    require_act("incident", desk.without_purpose)
    said = request.POST
    if not (text := written(said.get("text"))):
        return _board(request, desk, {"told": _("Say what happened."), "wrong": True}, 422)
    try:
        account = said.get("staff", "")
        window = Window(UUID(account) if account else None, past(said.get("since", "")), past(said.get("until", "")))
        made = incidents.open_incident(
            window=window,
            text=text,
            actor=desk.without_purpose,
            aware_at=past(said.get("aware", "")),
        )
    except TextTooLong as long:
        return _board(request, desk, {"told": too_long(long), "wrong": True}, 422)
    except ValueError:
        return _board(request, desk, {"told": WRONG, "wrong": True}, 422)
    return redirect(reverse("incident", args=[made]) + "?done=open")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, incident: UUID) -> HttpResponse:
    """One incident."""
    return _page(request, desk, incident, {})


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, incident: UUID, step: str) -> HttpResponse:
    """Say what became known, note a report as made, or count how far it reached."""
    require_act("incident", desk.without_purpose)
    if step not in ("assess", "report", "undo", "reach"):
        raise Http404
    actor = desk.without_purpose
    try:
        if step == "reach":
            found = incidents.reach(incidents.window_of(incident), actor=actor, incident=incident)
            return _page(request, desk, incident, {"reach": _reach(found)})
        if step == "report":
            at = past(request.POST.get("at", ""))
            incidents.report_made(incident, request.POST.get("clock", ""), actor=actor, at=at)
        elif step == "undo":
            incidents.take_report_back(incident, request.POST.get("clock", ""), actor=actor)
        else:
            incidents.assess(incident, _learned(request.POST), actor=actor)
    except UnknownIncident:
        raise Http404 from None
    except ValueError:
        typed = request.POST if step == "assess" else None
        return _page(request, desk, incident, {"told": WRONG, "wrong": True}, typed=typed, status=422)
    return redirect(reverse("incident", args=[incident]) + f"?done={step}")


def _page(
    request: HttpRequest, desk: SignedIn, id: UUID, more: Mapping[str, Any], *, typed: QueryDict | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    """One incident; ``typed``: what became known as it was typed, where it was not taken."""
    try:
        [row] = incidents.listed(actor=desk.without_purpose, id=id)
    except UnknownIncident:
        raise Http404 from None
    found = wrong_merge.report_of(id, actor=desk.without_purpose) if row["wrong_merge"] else None
    if found is not None:
        row["text"] = wrong_merge.told(found, language())
    account = Staff.objects.filter(id=row["account"]).values_list("email", flat=True).first() if row["account"] else ""
    noted = incidents.noted_reports(id)
    context = {
        **_row(row),
        "account": str(account or "").removesuffix("@home"),
        "clocks": [
            clock_view(clock)
            | {"open": clock["state"] != "done", "noted": clock["clock"] in noted, "mistaken": mistaken}
            for clock in row["clocks"]
            for mistaken in [[_when(one) for one in row["taken_back"] if one["clock"] == clock["clock"]]]
        ],
        **_known(row, typed),
        "told": DONE.get(request.GET.get("done", ""), ""),
        "report": _report(found),
        **more,
    }
    return page(request, "office/incident.html", context, desk=desk, nav="incidents", status=status)


def _when(taken_back: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(taken_back[name]) for name in ("noted", "at")}


def _known(row: dict[str, Any], typed: QueryDict | None) -> dict[str, Any]:
    """What the form of what became known holds: what stands in the register, or what was typed."""
    laws, facts, persons = row["laws"], row["facts"], row["persons"]
    held = {name: _field(row[f"{name}_at"]) for name in _TIMES}
    times = held
    if typed is not None:
        times = {name: typed.get(name, "") for name in _TIMES}
        laws, persons = typed.getlist("law"), typed.get("persons", "")
        facts = {name: _FACTS.get(typed.get(f"fact-{name}", "")) for name in FACTS}
    return {
        "laws": [(law, LAW_LABELS[law], law in laws) for law in PACKS],
        "facts": [(name, FACT_LABELS[name], facts.get(name), _SAID.get(row["facts"].get(name), "")) for name in FACTS],
        "persons": persons,
        "held": {**held, "persons": row["persons"]},
        "times": times,
    }


def _report(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a wrong merge showed to whom, as the page shows it."""
    if found is None:
        return None
    uses = [
        {
            "at": datetime.fromisoformat(use["at"]), "who": use["who"], "what": action_label(use["act"]),
            "purpose": purpose_label(use["purpose"]) if use["purpose"] else "—",
            "to": " ".join(part for part in (use["recipient"], use["country"]) if part),
            "fields": [field_label(name) for name in use["fields"]],
        }
        for use in found["uses"]
    ]  # fmt: skip
    laws = [LAW_LABELS.get(law, law) for law in found["jurisdictions"]]
    return {"customers": found["customers"], "uses": uses, "outside": found["outside"], "laws": laws}


def _learned(said: QueryDict) -> Learned:
    """What the form says; what stood in it when it was shown and was emptied since is not known after all.

    Raises:
        ValueError: a number or a time that is none.
    """
    persons = said.get("persons", "").strip()
    if persons and not (persons.isascii() and persons.isdigit() and len(persons) < 12):
        raise ValueError("persons: 0 or more")
    return Learned(
        said.getlist("law") or None,
        int(persons) if persons else None,
        {name: fact for name in FACTS if (fact := _FACTS.get(said.get(f"fact-{name}", ""))) is not None},
        past(_new(said, "handled")),
        past(_new(said, "told")),
        forget=frozenset(
            name for name, field in _FORGETTABLE.items() if said.get(f"held-{name}") and not said.get(field, "").strip()
        ),
    )


def _new(said: QueryDict, name: str) -> str:
    """A time as it was typed; none where it is the one that was shown: a form knows no seconds."""
    return "" if said.get(name, "") == said.get(f"held-{name}") else said.get(name, "")


def _field(at: str | None) -> str:
    """A moment as a form's ``datetime-local`` field holds it, in the reader's zone."""
    return timezone.localtime(datetime.fromisoformat(at)).strftime("%Y-%m-%dT%H:%M") if at else ""


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": row,
        "aware": datetime.fromisoformat(row["aware_at"]),
        "since": datetime.fromisoformat(row["since"]) if row["since"] else None,
        "until": datetime.fromisoformat(row["until"]) if row["until"] else None,
        "clock": clock_view(row["clock"]) if row["clock"] else None,
        "late": row["overdue"],
        "law_names": [LAW_LABELS[law] for law in row["laws"]],
    }


def _reach(found: Mapping[str, Any]) -> dict[str, Any]:
    known = installation().rules.dictionary.fields
    return {
        **found,
        "fields": [field_label(one["field"]) for one in found["fields"] if one["field"] in known],
        "jurisdictions": [(LAW_LABELS.get(law, "—"), uses) for law, uses in found["jurisdictions"].items() if uses],
    }


def _people() -> list[tuple[UUID, str]]:
    return [
        (id, email.removesuffix("@home")) for id, email in Staff.objects.order_by("email").values_list("id", "email")
    ]
