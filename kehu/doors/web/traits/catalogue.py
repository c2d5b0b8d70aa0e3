"""The catalogue, one trait with its spread and versions, and the RFM matrix."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import field_label, language, page, purpose_label
from kehu.doors.web.traits import words
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.derive import counts, due, queries, runs
from kehu.refine.derive.counts import Spread
from kehu.refine.derive.definition import Definition
from kehu.refine.derive.smallest import smallest_group
from kehu.refine.derive.tasks import defer_compute

_HEATS: Final = 5
NAV: Final = "traits"


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every trait: what it tells, for which purpose, of which level, whose, how fresh, of how many."""
    actor = desk.without_purpose
    rows = [_row(one) for one in queries.catalogue(actor=actor)]
    context = {
        "rows": rows,
        "tab": "list",
        "may_declare": desk.may("declare-trait"),
        "may_compute": desk.may("derive") and any(row["state"] == "in-force" for row in rows),
        "due": due.waiting(),
        "stopped": [(purpose_label(purpose), _against(policy)) for purpose, policy in runs.stopped().items()],
        "fewest": smallest_group(),
        "done": request.GET.get("done", ""),
    }
    return page(request, "traits/list.html", context, desk=desk, nav=NAV)


@staff_page
@require_POST
def compute(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Have everything computed anew, as a job."""
    require_act("derive", desk.without_purpose)
    defer_compute()
    return redirect(reverse("traits") + "?done=computing")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """One trait."""
    actor = desk.without_purpose
    rows = {row.definition.slug: row for row in queries.catalogue(actor=actor)}
    if slug not in rows:
        raise Http404
    held = rows[slug]
    definition = held.definition
    spread = counts.spread(slug, actor=actor) if held.state == "in-force" and desk.may("count-traits") else None
    context = {
        "row": _row(held),
        "inputs": [field_label(name) for name in held.inputs],
        "needs": [(name, rows[name].definition.label(language())) for name in held.needs if name in rows],
        "used_by": [
            (name, other.definition.label(language()))
            for name, other in rows.items()
            if slug in other.needs and other.state == "in-force"
        ],
        "unit": words.UNITS[definition.unit],
        "spread": spread_rows(definition, spread) if spread and spread.says else None,
        "total": spread.total if spread else None,
        "may_count": desk.may("count-traits"),
        "versions": queries.versions_of(slug, actor=actor),
        "may_declare": desk.may("declare-trait"),
        "may_retire": desk.may("retire-trait") and held.state == "in-force",
        "fewest": smallest_group(),
        "done": request.GET.get("done", ""),
        "tab": "lifecycle" if slug == "lifecycle" else "list",
    }
    return page(request, "traits/one.html", context, desk=desk, nav=NAV)


@staff_page
@require_GET
def rfm(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Customers by the score of recency and of frequency, five by five."""
    table = counts.matrix(actor=desk.without_purpose)
    most = max((count for row in table or [] for count in row if count is not None), default=0)
    context = {
        "tab": "rfm",
        "matrix": [
            (5 - place, [(count, _heat(count, most)) for count in row]) for place, row in enumerate(table or [])
        ],
        "there": bool(most),
        "sides": range(1, counts.SIDES + 1),
        "heats": range(1, _HEATS + 1),
        "fewest": smallest_group(),
    }
    return page(request, "traits/rfm.html", context, desk=desk, nav=NAV)


def spread_rows(definition: Definition, spread: Spread) -> list[dict[str, Any]]:
    """The rows of a spread, each with its share of the most."""
    most = max((count for count in spread.counts if count is not None), default=0)
    return [
        {"band": band, "count": count, "share": (count or 0) / most if most else 0.0}
        for band, count in zip(words.band_texts(definition, spread.bands), spread.counts, strict=True)
    ]


def _against(policy: str) -> str:
    """What a policy says of those who may not ask; empty: it stood against some customers only, or nothing any more."""
    return installation().rules.policies.text(policy, language()).reason if policy else ""


def _row(held: queries.Row) -> dict[str, Any]:
    one = held.definition
    return {
        "slug": one.slug,
        "label": one.label(language()),
        "description": one.description(language()),
        "purpose": purpose_label(one.purpose),
        "level": one.level,
        "level_text": words.LEVELS[one.level],
        "state": held.state,
        "mark": words.STATES[held.state],
        "version": held.version,
        "owner": held.owner,
        "deputy": held.deputy,
        "covered": held.covered,
        "computed_at": held.computed_at,
        "days": one.retention_days,
        "language": "SQL" if one.language == "sql" else "Python",
        "source": one.source,
        "expression": one.expression,
    }


def _heat(count: int | None, most: int) -> int:
    """Which of five shades a count has; 0: it is withheld."""
    return 0 if count is None or not most else max(1, -(-_HEATS * count // most))
