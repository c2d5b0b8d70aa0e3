"""Who owns what: every thing with its owner and deputy, and the form that names them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kehu.doors.web.access.words import PLURALS, role_label, thing_label
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.guard.access import owners
from kehu.guard.access.leaving import people
from kehu.guard.access.owners import KINDS, Owned, UnknownThing
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.sign_ins import SignedIn


@staff_page
@require_http_methods(["GET", "POST"])
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """By kind; chosen ones are given an owner and a deputy in one go."""
    said, actor = request.POST or request.GET, desk.without_purpose
    kind = said.get("kind", "")
    kind = kind if kind in KINDS else KINDS[0]
    problem, status = "", 200
    if request.method == "POST":
        try:
            owners.set_owner(
                kind, said.getlist("names"), owner=said.get("owner", ""), deputy=said.get("deputy") or None, actor=actor
            )
            return redirect(reverse("access-owners") + f"?kind={kind}&done=named")
        except Refused:
            raise
        except (UnknownThing, UnknownStaff, ValueError):
            problem, status = _("Choose things, an owner, and another person as deputy."), 422
    every = owners.owners(actor=actor)
    rows = [_row(one, desk, said.getlist("names")) for one in every if one.kind == kind]
    context = {
        "kind": kind,
        "kinds": [(one, label, sum(o.kind == one and not o.whole for o in every)) for one, label in PLURALS.items()],
        "rows": rows,
        "may": any(row["may"] for row in rows),
        "people": [(one.email, f"{one.name or one.email} · {role_label(one.post)}") for one in people() if one.active],
        "owner": said.get("owner", ""),
        "deputy": said.get("deputy", ""),
        "problem": problem,
        "unnamed": sum(not one.named for one in every),
        "all": len(every),
        "told": _("Named, from now on.") if request.GET.get("done") == "named" else "",
    }
    return page(request, "access/owners.html", context, desk=desk, nav="access", status=status)


def _row(one: Owned, desk: SignedIn, chosen: list[str]) -> dict[str, Any]:
    return {
        "held": one,
        "label": thing_label(one.kind, one.name),
        "may": owners.may_set(one, desk.without_purpose),
        "chosen": one.name in chosen,
    }
