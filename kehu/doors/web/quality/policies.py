"""Policies of verification: how often what is confirmed, of whom and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, field_label, page, whole
from kehu.doors.web.quality import words
from kehu.guard.access.owners import owners
from kehu.guard.gate.acts import ACTS, require_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.upkeep import letters, policies
from kehu.serve.upkeep.confirming import VERIFIABLE
from kehu.serve.upkeep.models import WAYS, WHOM, Policy, Task
from kehu.serve.upkeep.queue import HERE
from kehu.serve.upkeep.tasks import who_writes


@staff_page
@require_http_methods(["GET", "POST"])
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What is in force; and the form of another one."""
    actor, problem = desk.without_purpose, ""
    said: Any = request.POST
    require_act("verify-task", actor)
    if request.method == "POST":
        try:
            policies.make_policy(_wanted(said), owner=said.get("owner", ""), deputy=said.get("deputy", ""), actor=actor)
            return redirect(reverse("verification-policies") + "?done=made")
        except UnknownStaff:
            problem = _("Owner and deputy are two people who work here, by their emails.")
        except ValueError:
            problem = _("Something is missing or unknown: a short name, a field, months or messages, and two people.")
    owned = {one.name: one for one in owners(actor=actor, kind=policies.OWNED)}
    if request.method == "GET":
        said = _again(request.GET.get("again", ""), owned)
    context: dict[str, Any] = {
        "quality_tabs": words.tabs(desk),
        "rows": [
            {
                "row": one, "field": field_label(one.field), "whom": words.WHOM[one.whom], "way": words.WAYS[one.way],
                "role": ROLE_LABELS[one.role], "owned": owned.get(one.slug),
                "open": Task.objects.filter(HERE, policy=one, state__in=["open", "taken"]).count(),
            }
            for one in policies.in_force()
        ],
        "nobody_writes": any(one.way == "mail" for one in policies.in_force()) and who_writes() is None,
        "letters": letters.to_go(),
        "letters_most": letters.at_most(),
        "may_write": desk.may("verify-policy"),
        "said": said,
        "fields": [(name, field_label(name)) for name in VERIFIABLE],
        "whoms": [(one, words.WHOM[one]) for one in WHOM],
        "ways": [(one, words.WAYS[one]) for one in WAYS],
        "roles": [(one, ROLE_LABELS[one]) for one in ROLE_LABELS if one in ACTS["verify-task"]],
        "people": list(Staff.objects.filter(is_active=True).order_by("email").values_list("email", flat=True)),
        "most": policies.MOST_AT_ONCE,
        "problem": problem,
        "told": {
            "made": _("In force from tonight on."),
            "retired": _("Retired; its tasks stay. The form below holds it: put it in force to take that back."),
        }.get(request.GET.get("done", ""), ""),
    }  # fmt: skip
    return page(request, "quality/policies.html", context, desk=desk, nav="quality", status=422 if problem else 200)


@staff_page
@require_POST
def retire(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """End a policy."""
    slug = request.POST.get("slug", "")
    try:
        policies.retire_policy(slug, actor=desk.without_purpose)
    except policies.UnknownPolicy:
        raise Http404 from None
    return redirect(reverse("verification-policies") + f"?done=retired&again={slug}")


def _again(slug: str, owned: Mapping[str, Any]) -> dict[str, Any]:
    """A policy that was retired, as its form says it; empty: there is none of that name."""
    row = Policy.objects.filter(slug=slug).order_by("-made_at").first() if slug else None
    if row is None:
        return {}
    whose = owned.get(slug)
    return {
        "slug": slug, "field": row.field, "months": row.months or "", "bounces": row.bounces or "", "whom": row.whom,
        "way": row.way, "role": row.role, "due": row.due_days,
        "owner": whose.owner_email if whose else "", "deputy": whose.deputy_email if whose else "",
    }  # fmt: skip


def _wanted(said: Any) -> policies.Wanted:
    number = {name: whole(said.get(name, "")) for name in ("months", "bounces", "due")}
    return policies.Wanted(
        slug=said.get("slug", "").strip(), field=said.get("field", ""), months=number["months"], bounces=number["bounces"],
        whom=said.get("whom", ""), way=said.get("way", ""), role=said.get("role", ""), due_days=number["due"] or 30,
    )  # fmt: skip
