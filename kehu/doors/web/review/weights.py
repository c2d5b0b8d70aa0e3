"""Versions of the weights of linkage: which is in force, what a candidate would change, and putting it in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.review import words
from kehu.govern.models import Controller
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.models import CANDIDATE, IN_FORCE, Weights
from kehu.refine.resolve import weighing
from kehu.refine.resolve import weights as held
from kehu.serve.desk.reviewing import names_of

_ORIGINS: Final = {
    "shipped": gettext_lazy("shipped"),
    "learned": gettext_lazy("learned by a run"),
    "taught": gettext_lazy("with what people answered"),
}
_STATES: Final = {
    "candidate": ("gamboge", "hourglass", gettext_lazy("candidate")),
    "in-force": ("malachite", "circle-check", gettext_lazy("in force")),
    "retired": ("", "archive", gettext_lazy("retired")),
}
_SIDES: Final = {
    "merge": gettext_lazy("joined"),
    "question": gettext_lazy("asked about"),
    "apart": gettext_lazy("left apart"),
}


@staff_page
@require_GET
def versions(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every version, by controller and kind."""
    require_act("weights", desk.without_purpose)
    found = held.versions()
    names = names_of({id for one in found for id in (one.in_force_by, one.made_by) if id})
    houses = dict(Controller.objects.values_list("id", "name"))
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for one in found:
        groups.setdefault((one.controller, one.kind), []).append(_row(one, names))
    context = {
        "review_tabs": words.tabs(desk),
        "groups": [
            {"house": houses.get(controller, ""), "kind": _kind(kind), "key": f"{controller}:{kind}", "rows": rows}
            for (controller, kind), rows in groups.items()
        ],
        "may_teach": desk.may("teach-weights"),
        "told": words.told(request.GET.get("done", "")),
    }
    return page(request, "review/weights.html", context, desk=desk, nav="review")


def _shipped(fell_back: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Why comparisons keep their shipped weights, and which ones do so for each reason."""
    return [
        (words.shipped(why), sorted(words.aspect(name) for name, said in fell_back.items() if said == why))
        for why in sorted(set(fell_back.values()))
    ]


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, version: UUID) -> HttpResponse:
    """One version: where it comes from, and what it would change of what is in force."""
    require_act("weights", desk.without_purpose)
    made = _version(version)
    current = held.version_in_force(held.group_of(made))
    names = names_of({id for id in (made.in_force_by, made.made_by) if id})
    seen = made.compared
    context = {
        "review_tabs": words.tabs(desk),
        "row": _row(made, names),
        "prior": f"{made.content['prior']:.3g}",
        "learned": [words.aspect(name) for name in sorted(made.content["levels"])],
        "shipped": _shipped(made.content.get("fell_back", {})),
        "labels": made.labels,
        "current": current.number if current else None,
        "in_force": made.state == IN_FORCE,
        "seen": _compared(seen) if seen else None,
        "fresh": bool(seen and current and seen["against"] == str(current.id)),
        "little": held.changes_little(made),
        "bound": f"{100 * held.FEW:g}%",
        "may_compare": desk.may("link") and made.state != IN_FORCE and current is not None,
        "may_adopt": desk.may("adopt-weights") and made.state != IN_FORCE,
        "may_look": desk.may("review"),
        "told": words.told(request.GET.get("done", "")),
    }
    return page(request, "review/weights_one.html", context, desk=desk, nav="review")


@staff_page
@require_POST
def compare(request: HttpRequest, desk: SignedIn, version: UUID) -> HttpResponse:
    """Compare a version with the one in force."""
    require_act("link", desk.without_purpose)
    _version(version)
    try:
        weighing.compare(version, actor=desk.without_purpose)
    except held.UnknownWeights:
        raise Http404 from None
    return redirect(reverse("review-weights-one", args=[version]) + "?done=compared")


@staff_page
@require_POST
def adopt(request: HttpRequest, desk: SignedIn, version: UUID) -> HttpResponse:
    """Put a version in force."""
    require_act("adopt-weights", desk.without_purpose)
    _version(version)
    done = "adopted"
    try:
        held.put_in_force(version, actor=desk.without_purpose)
    except held.UnknownWeights:
        raise Http404 from None
    except held.NotCompared:
        done = "not-compared"
    return redirect(reverse("review-weights-one", args=[version]) + f"?done={done}")


@staff_page
@require_POST
def teach(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Make a candidate of the version in force and what people answered."""
    require_act("teach-weights", desk.without_purpose)
    group = held.group_named(request.POST.get("group", ""))
    if group is None:
        raise Http404
    try:
        made = held.teach(group, actor=desk.without_purpose)
    except held.UnknownWeights:
        raise Http404 from None
    except held.NothingLearned:
        return redirect(reverse("review-weights") + "?done=nothing-learned")
    return redirect(reverse("review-weights-one", args=[made.id]) + "?done=taught")


def _version(id: UUID) -> Weights:
    try:
        return held.version_of(id)
    except held.UnknownWeights:
        raise Http404 from None


def _row(one: Weights, names: dict[UUID, str]) -> dict[str, Any]:
    tone, icon, word = _STATES[one.state]
    by = names.get(one.in_force_by, "") if one.in_force_by else ""
    return {
        "id": one.id, "number": one.number, "kind": _kind(one.kind), "origin": _ORIGINS[one.origin], "labels": one.labels,
        "made_at": one.made_at, "made_by": names.get(one.made_by, "") if one.made_by else "", "tone": tone, "icon": icon,
        "word": word, "in_force_at": one.in_force_at, "by": by or _("by itself"),
        "changed": one.compared["changed"] if one.compared else None, "waits": one.state == CANDIDATE,
    }  # fmt: skip


def _kind(kind: str) -> str:
    return _("Organisations") if kind == "organisation" else _("Persons")


def _compared(seen: dict[str, Any]) -> dict[str, Any]:
    before, after = seen["judged"]
    return {
        "customers": seen["customers"], "pairs": seen["pairs"], "changed": seen["changed"], "same": seen["same"],
        "sides": [(*(_SIDES[side] for side in key.split(">")), count) for key, count in seen["sides"].items()],
        "samples": [(older, younger, _SIDES[was], _SIDES[then]) for older, younger, was, then in seen["samples"]],
        "judged": [
            {"who": who, "right": one["right"], "labels": one["labels"], "surprise": f"{one['surprise']:.2f}"}
            for who, one in ((_("in force"), before), (_("this version"), after))
        ],
    }  # fmt: skip
