"""The policies for those who answer for them: in words by law, and a change tried on what was decided."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import by_itself, staff_page
from kehu.doors.web.ledger import action_label
from kehu.doors.web.pages import ROLE_LABELS, field_label, language, page, purpose_label
from kehu.doors.web.why import ANSWERS
from kehu.doors.web.words import LAW_LABELS
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.replay import COLLECTING
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.assurance import rules, trials
from kehu.serve.assurance.models import PolicyTrial
from kehu.serve.assurance.trial import LARGEST, tested
from kehu.serve.assurance.trials import UnknownTrial

DAYS: Final = (7, 30, 90, 365)
_SHOWN: Final = 200  # lines of a result
_LAWS: Final = {"house": gettext_lazy("House rules")} | {law.lower(): label for law, label in LAW_LABELS.items()}


@staff_page
@require_GET
def policies(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every policy in force in words, by law."""
    require_act("read-ledger", desk.without_purpose)
    return _page(request, desk, {})


@staff_page
@require_POST
def replay(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Have a set of files, a ZIP or a text tried on what was decided in the last days; nothing comes in force."""
    require_act("read-ledger", desk.without_purpose)
    days = int(request.POST["days"]) if request.POST.get("days") in {str(n) for n in DAYS} else DAYS[1]
    law, text = request.POST.get("law", ""), request.POST.get("text", "").strip()
    sent = request.FILES.getlist("files")
    if large := [str(one.name) for one in sent if (one.size or 0) > LARGEST]:
        wrong = f"larger than {LARGEST:,} bytes: {', '.join(large)}"
        return _page(request, desk, {"wrong": wrong, "text": text, "law": law}, status=413)
    if not sent and not text:
        told = _("Choose files or a ZIP, or write the text of one law.")
        return _page(request, desk, {"told": told, "law": law}, status=422)
    files = {str(one.name): one.read() for one in sent}
    if text and law in _LAWS:
        files[f"{law}.cedar"] = text.encode()
    try:
        made = trials.ask(files, days=days, actor=desk.without_purpose)
    except ValueError as wrong:  # what does not fit names a policy, and no person
        return _page(request, desk, {"wrong": str(wrong), "text": text, "law": law}, status=422)
    return redirect("policies-trial", trial=made.id)


@staff_page
@require_GET
def trial(request: HttpRequest, desk: SignedIn, trial: UUID) -> HttpResponse:
    """One trial: how far it is, then what came out; it can be come back to for thirty days."""
    return page(request, "web/trial.html", _standing(desk, trial), desk=desk, nav="policies")


@staff_page
@by_itself
@require_GET
def progress(request: HttpRequest, desk: SignedIn, trial: UUID) -> HttpResponse:
    """The same as a part of the page, for the browser that waits."""
    return render(request, "web/parts/trial.html", _standing(desk, trial))


@staff_page
@require_POST
def cancel(request: HttpRequest, desk: SignedIn, trial: UUID) -> HttpResponse:
    """Stop one that one asked for oneself."""
    try:
        trials.cancel(trial, actor=desk.without_purpose)
    except UnknownTrial:
        raise Http404 from None
    return redirect("policies-trial", trial=trial)


def _standing(desk: SignedIn, id: UUID) -> dict[str, Any]:
    try:
        held = trials.trial_of(id, actor=desk.without_purpose)
    except UnknownTrial:
        raise Http404 from None
    answer = dict(held.result or {})
    if answer:
        answer["changes"] = [_change(one) for one in answer["changes"][:_SHOWN]]
        answer["purposes"] = [
            (action_label(slug) if slug == "collect" else purpose_label(slug), n)
            for slug, n in answer["purposes"].items()
        ]
    return {
        "held": held,
        "asker": trials.asker_of(held),
        "own": held.asked_by == desk.staff,
        "trial": answer,
        "said": _said(held),
        "w_sep": _(", "),
    }


def _said(held: PolicyTrial) -> tuple[str, str, str]:
    """Tone, icon and word of its state."""
    return {
        "waiting": ("gamboge", "clock", _("waiting")),
        "running": ("azurite", "history", _("working")),
        "done": ("malachite", "circle-check", _("done")),
        "failed": ("cinnabar", "circle-x", _("failed")),
        "cancelled": ("", "ban", _("cancelled")),
    }[held.state]


def _page(request: HttpRequest, desk: SignedIn, more: dict[str, Any], *, status: int = 200) -> HttpResponse:
    counts = tested()
    held = rules.policies(language())
    groups = [(label, [(one, counts[one.id]) for one in held if one.law == law]) for law, label in _LAWS.items()]
    context = {
        "groups": groups,
        "total": len(held),
        "days": DAYS,
        "laws": list(_LAWS.items()),
        "asked_days": DAYS[1],
        "trials": [
            {"held": one, "asker": asker, "said": _said(one)}
            for one, asker in trials.trials(actor=desk.without_purpose)
        ],
        **more,
    }
    return page(request, "web/policies.html", context, desk=desk, nav="policies", status=status)


def _change(line: dict[str, Any]) -> dict[str, Any]:
    return line | {
        "purpose": purpose_label(line["purpose"]) if line["purpose"] else "",
        "action": action_label(line["use"]),
        "role": ROLE_LABELS.get(line["role"], line["role"]),
        "fields": [_("bringing in") if name == COLLECTING else field_label(name) for name in line["fields"]],
        "before": ANSWERS[line["before"]],
        "after": ANSWERS[line["after"]],
    }
