"""What each role may open, as the policies answer it."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web.account.door import step_up_first
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.ledger import action_label
from kehu.doors.web.pages import ROLE_LABELS, category_label, language, page, purpose_label
from kehu.doors.web.words import LAW_LABELS
from kehu.govern.slugs import CATEGORIES, PURPOSES, ROLES
from kehu.guard.access import roles as house
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import claims_of, installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.office.matrix import ACTIONS, LAWS, Cell, matrix

_ACTIONS: Final = {
    "open": gettext_lazy("Open"),
    "mask": gettext_lazy("See masked"),
    "match": gettext_lazy("Compare"),
}
_ANSWERS: Final = {
    "yes": ("malachite", "circle-check", gettext_lazy("yes")),
    "second-factor": ("gamboge", "shield-check", gettext_lazy("with a second factor")),
    "no": ("cinnabar", "circle-x", gettext_lazy("no")),
}
STATES: Final = {
    "waiting": ("gamboge", "hourglass", gettext_lazy("waits for a second person")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("not let through")),
    "live": ("malachite", "circle-check", gettext_lazy("in force now")),
    "replaced": ("", "clock", gettext_lazy("replaced")),
}
DONE: Final = {
    "proposed": gettext_lazy("Proposed. A second person lets it through."),
    "approve": gettext_lazy("In force, for everybody who holds it."),
    "refuse": gettext_lazy("Not let through."),
}
_SHOWN: Final = 3  # purposes of a cell; the rest unfolds


@staff_page
@require_GET
def roles(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Category by level by action, for one role and one law, each cell with the rule it comes from."""
    role, law = request.GET.get("role", ""), request.GET.get("law", "")
    every = house.house_roles(actor=desk.without_purpose)
    own = house.names_in_force()
    role = role if role in ROLES or role in own else desk.role
    law = law if law in LAWS else "CN"
    cells = sorted(matrix(actor=desk.without_purpose, law=law, role=role), key=lambda one: (one.category, one.level))
    rows = [
        {"category": category_label(category), "level": level, "cells": [_cell(one) for one in held]}
        for (category, level), held in groupby(cells, key=lambda one: (one.category, one.level))
    ]
    context = {
        "rows": rows,
        "columns": [_ACTIONS[one] for one in ACTIONS],
        "roles": [(one, ROLE_LABELS.get(one, one), one == role) for one in (*ROLES, *own)],
        "house_roles": [_house(one, desk) for one in every],
        "may_propose": desk.may("propose-role"),
        "told": DONE.get(request.GET.get("done", ""), ""),
        "laws": [(one, LAW_LABELS.get(one, _("no law that is here")), one == law) for one in LAWS],
        "role_shown": ROLE_LABELS.get(role, role),
    }
    return page(request, "access/roles.html", context, desk=desk, nav="access")


@staff_page
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The form: a shipped role first, then what is left of it."""
    require_act("propose-role", desk.without_purpose)
    said, problem, status = request.POST or request.GET, "", 200
    base = said.get("base", "")
    base = base if base in house.BASES else ""
    if request.method == "POST":
        try:
            house.propose(
                said.get("name", "").strip(), base, purposes=said.getlist("purposes"), categories=said.getlist("categories"),
                level=int(said["level"]) if said.get("level") in ("1", "2", "3", "4") else 0,
                actions=said.getlist("actions"), acts=said.getlist("acts"), actor=desk.without_purpose,
            )  # fmt: skip
            return redirect(reverse("access-roles") + "?done=proposed#house")
        except house.RoleDecided:
            problem, status = _("Another version of this role waits."), 409
        except ValueError:
            problem, status = (
                _("Give it a name of small letters, the base it has had, and no more than that base."),
                422,
            )
    first = request.method == "GET"
    context = {
        "bases": [(one, ROLE_LABELS[one], one == base) for one in house.BASES],
        "base": base,
        "base_label": ROLE_LABELS[base] if base else "",
        "name": said.get("name", ""),
        "parts": _parts(base, said, first=first) if base else [],
        "levels": [(str(n), str(n) == said.get("level", "4")) for n in range(1, 5)],
        "problem": problem,
    }
    return page(request, "access/role_propose.html", context, desk=desk, nav="access", status=status)


@staff_page
@require_POST
def decide(request: HttpRequest, desk: SignedIn, role: UUID, step: str) -> HttpResponse:
    """Let one through that waits, or stop it."""
    if step not in ("approve", "refuse"):
        raise Http404
    actor = desk.without_purpose
    require_act(f"{step}-role", actor)
    if step == "approve" and (first := step_up_first(request, desk)) is not None:
        return first
    try:
        house.decide(role, actor=actor, approve=step == "approve")
    except house.UnknownRole:
        raise Http404 from None
    except house.RoleDecided:
        return redirect(reverse("access-roles") + "#house")
    return redirect(reverse("access-roles") + f"?done={step}#house")


def _parts(base: str, said: QueryDict, *, first: bool) -> list[tuple[str, Any, list[tuple[str, Any, bool]]]]:
    """What the base has, each ticked where it is left: at first all of it."""
    held: tuple[tuple[str, Any, list[tuple[str, Any]]], ...] = (
        ("purposes", _("Purposes"), [(one, purpose_label(one)) for one in PURPOSES if one in claims_of(base)]),
        ("categories", _("Categories"), [(one, category_label(one)) for one in CATEGORIES]),
        ("actions", _("What it may do with a value"), [(one, _ACTIONS[one]) for one in ACTIONS]),
        ("acts", _("What else it may do"), [(one, action_label(one)) for one in house.acts_of(base)]),
    )
    return [
        (part, label, [(one, text, first or one in said.getlist(part)) for one, text in rows])
        for part, label, rows in held
        if rows
    ]


def _house(one: house.HouseRole, desk: SignedIn) -> dict[str, Any]:
    actor = desk.without_purpose
    return {
        "held": one,
        "base": ROLE_LABELS[one.base],
        "state": STATES[one.state],
        "purposes": [purpose_label(slug) for slug in one.purposes],
        "categories": [category_label(name) for name in one.categories],
        "actions": [_ACTIONS[name] for name in one.actions],
        "acts": [action_label(name) for name in one.acts],
        "may_approve": house.may_decide(one, actor, approve=True),
        "may_refuse": house.may_decide(one, actor, approve=False),
    }


def _cell(one: Cell) -> dict[str, Any]:
    labels = [purpose_label(slug) for slug in one.purposes]
    return {
        "action": _ACTIONS[one.action],
        "answer": _ANSWERS[one.answer],
        "first": labels[:_SHOWN],
        "rest": labels[_SHOWN:],
        "reached": one.fields[0],
        "all": one.fields[1],
        "policies": sorted(set(one.purposes.values())) or [one.policy],
        "reason": "" if one.purposes else installation().rules.policies.text(one.policy, language()).reason,
    }
