"""What each role may open, as the policies answer it."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, category_label, language, page, purpose_label
from kehu.doors.web.words import LAW_LABELS
from kehu.govern.slugs import ROLES
from kehu.guard.installation import installation
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
_SHOWN: Final = 3  # purposes of a cell; the rest unfolds


@staff_page
@require_GET
def roles(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Category by level by action, for one role and one law, each cell with the rule it comes from."""
    role, law = request.GET.get("role", ""), request.GET.get("law", "")
    role = role if role in ROLES else desk.role
    law = law if law in LAWS else "CN"
    cells = sorted(matrix(actor=desk.without_purpose, law=law, role=role), key=lambda one: (one.category, one.level))
    rows = [
        {"category": category_label(category), "level": level, "cells": [_cell(one) for one in held]}
        for (category, level), held in groupby(cells, key=lambda one: (one.category, one.level))
    ]
    context = {
        "rows": rows,
        "columns": [_ACTIONS[one] for one in ACTIONS],
        "roles": [(one, ROLE_LABELS[one], one == role) for one in ROLES],
        "laws": [(one, LAW_LABELS.get(one, _("no law that is here")), one == law) for one in LAWS],
        "role_shown": ROLE_LABELS[role],
    }
    return page(request, "access/roles.html", context, desk=desk, nav="access")


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
