"""Sources of data that is not the customers' own: how each stands, its versions and audits, and the form of another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.problems import problem_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import category_label, day_text, field_label, language, page, purpose_label
from kehu.doors.web.register import words
from kehu.doors.web.register.purposes import may
from kehu.doors.web.register.steps import FAULTS
from kehu.govern.models import Change
from kehu.govern.slugs import PURPOSES
from kehu.govern.sources import GROUNDS, KINDS, OUTCOMES, AlreadyStopped, UnknownSource
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.register import changes, views
from kehu.serve.sources import register, untold
from kehu.serve.sources.register import Entry

KIND_LABELS: Final = {
    "third-party": ("package", gettext_lazy("Third party")),
    "public": ("landmark", gettext_lazy("Public place")),
}
# how a source stands: word, tone, icon
STANDINGS: Final = {
    "in-force": (gettext_lazy("may be brought in"), "malachite", "circle-check"),
    "expired": (gettext_lazy("contract has run out"), "cinnabar", "calendar-x"),
    "stopped": (gettext_lazy("stopped"), "cinnabar", "octagon-x"),
    "failed": (gettext_lazy("audit failed"), "cinnabar", "clipboard-x"),
    "unproven": (gettext_lazy("without proof"), "cinnabar", "file-x"),
    "proposed": (gettext_lazy("proposed"), "gamboge", "hourglass"),
    "refused": (gettext_lazy("refused"), "cinnabar", "circle-x"),
}
GROUND_LABELS: Final = {
    "separate-consent": gettext_lazy("separate consent of each person (PIPL 23)"),
    "consent": gettext_lazy("consent"),
    "contract": gettext_lazy("contract with the person"),
    "legal-duty": gettext_lazy("legal duty"),
    "legitimate-interest": gettext_lazy("legitimate interest"),
    "public": gettext_lazy("made public lawfully"),
}
PARTS: Final = {
    "party": gettext_lazy("Who it is"),
    "address": gettext_lazy("Where to reach them"),
    "country": gettext_lazy("Country"),
    "contract": gettext_lazy("Contract"),
    "until": gettext_lazy("Runs until"),
    "purposes": gettext_lazy("May be used for"),
    "fields": gettext_lazy("May give"),
    "ground": gettext_lazy("Gives it on"),
    "transfer": gettext_lazy("What lets it cross the border"),
    "obtained": gettext_lazy("How it came by it"),
    "scope": gettext_lazy("What is reasonable to take"),
    "proof": gettext_lazy("Hash of the proof"),
}
AUDITS: Final = {
    "passed": (gettext_lazy("passed"), "malachite", "circle-check"),
    "with-measures": (gettext_lazy("passed with measures"), "gamboge", "triangle-alert"),
    "failed": (gettext_lazy("failed"), "cinnabar", "circle-x"),
}
DONE: Final = {
    **words.DONE,
    "stopped": gettext_lazy(
        "Stopped: nothing of it comes in, and what came opens for rights, claims and the law alone."
    ),
    "audited": gettext_lazy("The audit is recorded."),
    "over": gettext_lazy("It was stopped before."),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every source, and how the duty to tell people stands."""
    rows = [_row(one) for one in register.entries(actor=desk.without_purpose)]
    context = {
        "rows": rows,
        "waiting": sum(1 for row in rows if row["one"].waiting),
        "duty": untold.figures(),
        "may_inform": desk.may("inform"),
        "may": may(desk),
    }
    return page(request, "register/sources.html", context, desk=desk, nav="register")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, name: str) -> HttpResponse:
    """One source: what is registered of it, its versions with their steps, its audits."""
    return _one(request, desk, name)


def _one(request: HttpRequest, desk: SignedIn, name: str, *, problem: str = "") -> HttpResponse:
    try:
        held, versions = register.entry(name, actor=desk.without_purpose)
    except UnknownSource:
        raise Http404 from None
    rows = [words.version(version) | {"parts": _differences(change)} for version, change in versions]
    context = {
        **_row(held),
        "facts": [(str(label), _value(part, held.said[part])) for part, label in PARTS.items() if held.said[part]],
        "versions": [row for row in rows if row["held"].status != views.WAITING],
        "waiting": next((row for row in rows if row["held"].status == views.WAITING), None),
        "audits": [(_day(audit.on), AUDITS[audit.outcome], audit.note) for audit in held.audits],
        "outcomes": [(outcome, AUDITS[outcome][0]) for outcome in OUTCOMES],
        "may": may(desk),
        "may_stop": desk.may("stop-source") and held.row is not None and held.row.stopped_at is None,
        "may_audit": desk.may("audit-source") and held.row is not None,
        "me": desk.staff,
        "told": DONE.get(request.GET.get("done", ""), ""),
        "problem": problem,
        "asked": request.POST,
        "today": timezone.localdate(),
    }
    return page(request, "register/source.html", context, desk=desk, nav="register", status=422 if problem else 200)


@staff_page
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, desk: SignedIn, name: str = "") -> HttpResponse:
    """The form of a new source, or of another version of one."""
    require_act("propose", desk.without_purpose)
    base: Mapping[str, Any] = {}
    if name:
        try:
            base = register.entry(name, actor=desk.without_purpose)[0].said
        except UnknownSource:
            raise Http404 from None
    asked, problem, status = base, "", 200
    if request.method == "POST":
        asked = _asked(request.POST)
        wanted = name or request.POST.get("name", "").strip()
        try:
            made = changes.propose_source(
                wanted, asked, reason=request.POST.get("reason", ""), actor=desk.without_purpose
            )
        except Refused:
            raise
        except FAULTS as fault:
            problem, status = _fault(fault), 409
        else:
            return redirect(reverse("register-source", args=[made.name]) + "?done=proposed#waiting")
    context = {
        "name": name,
        "typed": request.POST.get("name", ""),
        "form": _form(asked),
        "reason": request.POST.get("reason", ""),
        "problem": problem,
    }
    return page(request, "register/source_propose.html", context, desk=desk, nav="register", status=status)


@staff_page
@require_POST
def stop(request: HttpRequest, desk: SignedIn, name: str) -> HttpResponse:
    """Stop a source at once."""
    done = "stopped"
    try:
        register.stop(name, actor=desk.without_purpose)
    except UnknownSource:
        raise Http404 from None
    except AlreadyStopped:
        done = "over"
    return redirect(reverse("register-source", args=[name]) + f"?done={done}")


@staff_page
@require_POST
def audit(request: HttpRequest, desk: SignedIn, name: str) -> HttpResponse:
    """Record an audit of a source."""
    require_act("audit-source", desk.without_purpose)
    said = request.POST
    try:
        on = date.fromisoformat(said.get("on", ""))
        register.audit(
            name, on=on, outcome=said.get("outcome", ""), note=said.get("note", ""), actor=desk.without_purpose
        )
    except UnknownSource:
        raise Http404 from None
    except ValueError:
        problem = _("Not recorded: give the day it was made on, today at the latest, and how it ended.")
        return _one(request, desk, name, problem=problem)
    return redirect(reverse("register-source", args=[name]) + "?done=audited")


def _row(held: Entry) -> dict[str, Any]:
    said = held.said
    return {
        "one": held,
        "kind": KIND_LABELS[said["kind"]],
        "standing": STANDINGS[held.standing],
        "until": _day(date.fromisoformat(said["until"])) if said["until"] else "",
        "purposes": [purpose_label(slug) for slug in said["purposes"]],
    }


def _fault(fault: Exception) -> str:
    """Our own exact sentence names the part that is wrong; in other languages the part's label does."""
    part = str(fault).partition(":")[0]
    if isinstance(fault, ValueError) and part in (*PARTS, "name", "kind"):
        label = PARTS.get(part) or (_("Name") if part == "name" else _("Kind"))
        return _("Missing, or not of the form asked for: %(part)s") % {"part": label}
    return str(problem_of(fault).words(language())["message"])


def _differences(change: Change) -> list[tuple[str, str, str]]:
    """The parts of a version that differ from the one before it: label, before, after."""
    before: Mapping[str, Any] = change.base.content if change.base is not None else {}
    return [
        (str(label), _value(part, before.get(part)), _value(part, change.content[part]))
        for part, label in PARTS.items()
        if before and before.get(part) != change.content[part]
    ]


def _value(part: str, said: Any) -> str:
    if not said:
        return ""
    if part == "purposes":
        return _(", ").join(purpose_label(slug) for slug in said)
    if part == "fields":
        return _(", ").join(field_label(name) for name in said)
    if part == "until":
        return _day(date.fromisoformat(said))
    return str(GROUND_LABELS[said]) if part == "ground" else str(said)


def _day(day: date) -> str:
    return day_text(day, "DATE_FORMAT")


def _asked(said: QueryDict) -> dict[str, Any]:
    """The form's content, to be checked like any other."""
    texts = ("party", "address", "contract", "transfer", "obtained", "scope", "kind", "ground", "proof", "until")
    return {
        **{part: said.get(part, "").strip() for part in texts},
        "country": said.get("country", "").strip().upper(),
        "purposes": said.getlist("purposes"),
        "fields": said.getlist("fields"),
    }


def _form(asked: Mapping[str, Any]) -> dict[str, Any]:
    chosen, fields = set(asked.get("purposes", ())), set(asked.get("fields", ()))
    texts = ("party", "address", "contract", "transfer", "obtained", "scope", "proof", "until", "country")
    dictionary = installation().rules.dictionary
    return {
        **{part: asked.get(part) or "" for part in texts},
        "kinds": [(kind, KIND_LABELS[kind][1], kind == asked.get("kind")) for kind in KINDS],
        "grounds": [(ground, GROUND_LABELS[ground], ground == asked.get("ground")) for ground in GROUNDS],
        "purposes": [(slug, purpose_label(slug), slug in chosen) for slug in PURPOSES],
        "groups": [
            (category_label(category), [(field.name, field.label(language()), field.name in fields) for field in held])
            for category, held in dictionary.by_category.items()
        ],
        "named": bool(fields),
    }
