"""Purposes in force, one with its versions, and the form that proposes another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from kehu.doors.problems import problem_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, category_label, field_label, language, page, whole
from kehu.doors.web.register import words
from kehu.doors.web.register.steps import FAULTS
from kehu.doors.web.words import department_label
from kehu.govern import register
from kehu.govern.purposes import AGEING, KINDS, Content, Purpose, content_of
from kehu.govern.register import OUTCOMES, RISKS
from kehu.govern.slugs import GROUNDS, LANGUAGES, PURPOSES, ROLES
from kehu.govern.widening import differences
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.staff.models import Department
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.register import changes, views

_LISTS: Final = ("roles", "departments", "least")
_PARTS: Final = {  # of a purpose, by what its form calls them
    "label": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "roles": gettext_lazy("Roles"),
    "recipients": gettext_lazy("Recipients, one a line"),
    "countries": gettext_lazy("Countries, by two letters"),
    "retention_days": gettext_lazy("Kept for, in days after the last act"),
    "fresh": gettext_lazy("Only what was said or confirmed within so many days; empty: of any age"),
    "kind": gettext_lazy("What carries it"),
    "grounds": gettext_lazy("Ground"),
}


@staff_page
@require_GET
def purposes(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What is in force, and what waits."""
    said = language()
    rows = [
        {
            "purpose": one.purpose,
            "label": one.purpose.label(said),
            "description": one.purpose.descriptions[said],
            "kind": words.GROUNDS[one.purpose.kind],
            "roles": words.listed("roles", sorted(one.purpose.roles)),
            "waiting": one.waiting,
            "waits": words.WAITS.get(one.waiting.waits_for, "") if one.waiting else "",
        }
        for one in views.purposes()
    ]
    context = {"rows": rows, "waiting": sum(1 for row in rows if row["waiting"]), "tab": "purposes"}
    return page(request, "register/purposes.html", context, desk=desk, nav="register")


@staff_page
@require_GET
def purpose(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """One purpose: what it says, its versions with their differences, and the steps open to the reader."""
    try:
        held, versions = views.purpose(slug)
    except KeyError:
        raise Http404 from None
    rows = [words.version(one) for one in versions]
    told = installation().rules.told.get(slug)
    context = {
        "slug": slug,
        "label": held.label(language()),
        "description": held.descriptions[language()],
        "facts": _facts(held),
        "groups": _groups(held.least),
        "untold": [] if told is None else [field_label(name) for name in sorted(held.least - told)],
        "number": held.number,
        "versions": rows,
        "waiting": next((row for row in rows if row["held"].status == views.WAITING), None),
        "may": may(desk),
        "me": desk.staff,
        "risks": [(name, words.RISKS[name]) for name in RISKS],
        "outcomes": [(name, words.OUTCOMES[name]) for name in OUTCOMES],
        "told": words.DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "register/purpose.html", context, desk=desk, nav="register")


@staff_page
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """The form of a new version: what it would change is looked at before it is proposed."""
    if slug not in PURPOSES:
        raise Http404
    require_act("propose", desk.without_purpose)
    base: Content = register.in_force("purpose")[slug].content
    asked: Mapping[str, Any] = base
    shown: list[dict[str, Any]] = []
    problem, status = "", 200
    meaning, reason = request.POST.get("meaning") == "yes", request.POST.get("reason", "")
    if request.method == "POST":
        asked = _asked(request.POST)
        try:
            new = content_of(slug, asked)
            shown = [words.difference(one) for one in differences(base, new)]
            if request.POST.get("do") == "propose":
                changes.propose_purpose(slug, new, meaning=meaning, reason=reason, actor=desk.without_purpose)
                return redirect(reverse("register-purpose", args=[slug]) + "?done=proposed#waiting")
        except Refused:
            raise
        except FAULTS as fault:
            problem, status = _fault(fault), 409
    context = {
        "slug": slug,
        "label": register.purposes_in_force()[slug].label(language()),
        "form": _form(asked),
        "looked": request.method == "POST",
        "differences": shown,
        "wider": meaning or any(row["wider"] for row in shown),
        "meaning": meaning,
        "reason": reason,
        "problem": problem,
    }
    return page(request, "register/purpose_propose.html", context, desk=desk, nav="register", status=status)


def _fault(fault: Exception) -> str:
    """What is wrong, by the label that the part has in the form, where it is one of them."""
    part = next((label for name, label in _PARTS.items() if f": {name}" in str(fault)), None)
    if isinstance(fault, ValueError) and part is not None:
        return _("Missing, or not of the form asked for: %(part)s") % {"part": part}
    return str(problem_of(fault).words(language())["message"])


def may(desk: SignedIn) -> dict[str, bool]:
    """Which steps the reader's role may take."""
    return {act: desk.may(act) for act in ("propose", "assess", "approve", "refuse", "retract")}


def _facts(held: Purpose) -> list[tuple[str, list[str]]]:
    """What a purpose says beside its fields, part by part."""
    grounds = [f"{words.LAWS[law]}: {words.GROUNDS[ground]}" for law, ground in held.grounds.items()]
    alike = len(set(held.grounds.values())) == 1
    return [
        (str(words.PARTS["grounds"]), [str(words.GROUNDS[held.grounds["house"]])] if alike else grounds),
        (str(words.PARTS["roles"]), words.listed("roles", sorted(held.roles))),
        (str(words.PARTS["departments"]), words.listed("departments", sorted(held.departments))),
        (str(words.PARTS["recipients"]), sorted(held.recipients)),
        (str(words.PARTS["countries"]), sorted(held.countries)),
        (str(words.PARTS["retention_days"]), [words.days(held.retention_days)]),
        (str(words.PARTS["fresh"]), [f"{category_label(name)}: {words.days(n)}" for name, n in held.fresh.items()]),
        (str(words.PARTS["automated"]), [words.value("automated", "true" if held.automated else "false")]),
    ]


def _groups(chosen: frozenset[str]) -> list[tuple[str, list[str]]]:
    """Fields by category, in the reader's words."""
    dictionary = installation().rules.dictionary
    found = [
        (category_label(category), [one.label(language()) for one in fields if one.name in chosen])
        for category, fields in dictionary.by_category.items()
    ]
    return [(label, names) for label, names in found if names]


def _asked(said: QueryDict) -> dict[str, Any]:
    """The form's content, to be checked like any other."""
    return {
        "kind": said.get("kind", ""),
        "label": {one: said.get(f"label_{one}", "").strip() for one in LANGUAGES},
        "description": {one: said.get(f"description_{one}", "").strip() for one in LANGUAGES},
        "grounds": {law: said.get(f"ground_{law}", "") for law in words.LAWS},
        **{part: said.getlist(part) for part in _LISTS},
        "recipients": [line.strip() for line in said.get("recipients", "").splitlines() if line.strip()],
        "countries": said.get("countries", "").upper().replace(",", " ").split(),
        "retention_days": whole(said.get("retention_days", "")) or 0,
        "automated": said.get("automated") == "yes",
        "fresh": {name: whole(text) or 0 for name in AGEING if (text := said.get(f"fresh_{name}", "").strip())},
    }


def _form(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the form's fields hold."""
    dictionary, said = installation().rules.dictionary, language()
    units = Department.objects.exclude(slug="owner").order_by("slug").values_list("slug", flat=True)
    return {
        "texts": [
            {"language": one, "name": words.LANGUAGE_NAMES[one], "label": asked["label"].get(one, ""),
             "description": asked["description"].get(one, "")}
            for one in LANGUAGES
        ],
        "kinds": [(one, words.GROUNDS[one], one == asked["kind"]) for one in KINDS],
        "grounds": [
            {"law": law, "label": label,
             "choices": [(g, words.GROUNDS[g], g == asked["grounds"].get(law)) for g in GROUNDS
                         if (law, g) != ("CN", "legitimate_interest")]}
            for law, label in words.LAWS.items()
        ],
        "roles": [(one, ROLE_LABELS[one], one in asked["roles"]) for one in ROLES if one not in ("owner", "engineer")],
        "departments": [(one, department_label(one), one in asked["departments"]) for one in units],
        "groups": [
            (category_label(category), [(one.name, one.label(said), one.level, one.name in asked["least"]) for one in fields])
            for category, fields in dictionary.by_category.items()
        ],
        "recipients": "\n".join(asked["recipients"]),
        "countries": " ".join(asked["countries"]),
        "retention_days": asked["retention_days"],
        "automated": asked["automated"],
        "fresh": [(name, category_label(name), asked.get("fresh", {}).get(name, "")) for name in AGEING],
    }  # fmt: skip
