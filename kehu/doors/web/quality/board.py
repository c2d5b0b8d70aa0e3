"""The overview: scores by dimension, field, source and segment, over time; and the records behind a check, masked."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web import charts
from kehu.doors.web.entrance import by_itself, purpose_page, staff_page
from kehu.doors.web.pages import day_text, field_label, language, page
from kehu.doors.web.quality import words
from kehu.doors.web.sent import id_of
from kehu.doors.web.words import channel_label, value_text
from kehu.govern.models import Channel
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.host.jobs import waits
from kehu.refine.quality import scores
from kehu.refine.quality.models import DIMENSIONS
from kehu.refine.quality.rules import left_out, rules_in_force
from kehu.refine.quality.tally import AGEING, EXPECTED, MOST_FINDINGS
from kehu.refine.quality.tasks import defer_measuring
from kehu.refine.quality.tasks import measure as measure_job
from kehu.serve.desk.listing import Page, masked_page, names_of
from kehu.serve.upkeep import queue
from kehu.serve.upkeep.confirming import VERIFIABLE

_TONES: Final = {
    "completeness": "accent", "validity": "ok", "uniqueness": "privacy", "consistency": "warn", "timeliness": "bad",
}  # fmt: skip
_OF_FIELD: Final = ("completeness", "validity", "consistency", "timeliness")


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """All scores of the last run."""
    actor = desk.without_purpose
    found, run = scores.board(actor=actor), scores.latest(actor=actor)
    context: dict[str, Any] = {
        "quality_tabs": words.tabs(desk),
        "run": run,
        "running": run is not None and run.state == "running",
        "share": run.done / run.total if run is not None and run.total else 0.0,
        "failed": run is not None and run.state == "failed",
        "begun": (run is None or run.state != "running") and waits(measure_job),
        "may_measure": desk.may("measure"),
        "smallest": scores.SMALL,
        "left_out": left_out(),
    }
    if found is not None:
        counts, days = scores.checks(actor=actor), scores.trend(actor=actor)
        context |= {
            "board": found,
            "overall": words.told(None) | {"text": words.percent(found.overall)},
            "dimensions": [_dimension(name, found) for name in DIMENSIONS],
            "days": len(days),
            "trend": _trend(days),
            "fields": _fields(found, counts),
            "sources": _matrix(found.sources, _channels()),
            "segments": _segments(found.segments),
            "heads": [words.DIMENSIONS[name][0] for name in DIMENSIONS],
            "rules": _rules(found, counts),
            "duplicates": counts.get("uniqueness:customers", 0),
        }
    return page(request, "quality/board.html", context, desk=desk, nav="quality")


@staff_page
@require_POST
def measure(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Have everybody measured, in the background."""
    require_act("measure", desk.without_purpose)
    defer_measuring(desk.staff)
    return redirect(reverse("quality") + "?done=begun")


@staff_page
@by_itself
@require_GET
def progress(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """How far a measuring is, as a part of the page; when it ended, the page is loaded anew."""
    run = scores.latest(actor=desk.without_purpose)
    running = run if run is not None and run.state == "running" else None
    if running is not None or waits(measure_job):
        share = running.done / running.total if running is not None and running.total else 0.0
        return render(request, "quality/progress.html", {"run": running, "share": share})
    return HttpResponse(status=204, headers={"HX-Redirect": reverse("quality")})


@purpose_page
@require_GET
def found(request: HttpRequest, desk: SignedIn, check: str) -> HttpResponse:
    """Customers whom a check found, masked, as far as the purpose lets them be named."""
    assert desk.claim is not None
    kind, _colon, key = check.partition(":")
    if kind not in (*DIMENSIONS, "rule") or (kind in _OF_FIELD and key not in installation().rules.dictionary.fields):
        raise Http404
    ids, after = scores.found_by(check, actor=desk.without_purpose, after=id_of(request.GET.get("after")))
    customers = queue.current_customers(ids)
    shown = masked_page(list(dict.fromkeys(customers.values())), actor=desk.actor, purpose=desk.claim.purpose)
    field = _field_of(kind, key)
    context = _listed(shown) | {
        "named": bool(names_of(desk.claim.purpose)),
        "quality_tabs": words.tabs(desk),
        "label": words.check_label(check),
        "check": check,
        "field": field_label(field) if field else "",
        "may_task": bool(field) and desk.may("verify-task"),
        "review": kind == "uniqueness" and desk.may("review"),
        "after": after,
        "most": MOST_FINDINGS,
        "told": _("The task waits in the queue.") if request.GET.get("done") == "task" else "",
        "told_at": reverse("verification"),
        "told_word": _("Look at the queue"),
    }
    return page(request, "quality/found.html", context, desk=desk, nav="quality")


@staff_page
@require_POST
def task(request: HttpRequest, desk: SignedIn, check: str) -> HttpResponse:
    """Have a value of one of them verified."""
    require_act("verify-task", desk.without_purpose)
    kind, _colon, key = check.partition(":")
    name, subject = _field_of(kind, key), id_of(request.POST.get("subject"))
    if not name or subject is None:
        raise Http404
    queue.make_by_hand(subject, name, actor=desk.without_purpose, why="quality")
    return redirect(reverse("quality-found", args=[check]) + "?done=task")


def _field_of(kind: str, key: str) -> str:
    """The field that somebody could say is right or wrong; empty: a check of none."""
    if kind == "rule":
        fields = next((one.fields for one in rules_in_force() if one.slug == key), ())
        return next((name for name in fields if name in VERIFIABLE), "")
    return key if key in VERIFIABLE and key in installation().rules.dictionary.fields else ""


def _dimension(name: str, found: scores.Board) -> dict[str, Any]:
    label, hint, icon = words.DIMENSIONS[name]
    return {"name": name, "label": label, "hint": hint, "icon": icon, **words.told(found.whole.get(name))}


def _trend(days: list[scores.Day]) -> Any:
    labels = [day_text(one.day, "SHORT_DATE_FORMAT") for one in days]
    series = [_series(_("Overall"), "mute", [one.overall for one in days])]
    series += [
        _series(str(words.DIMENSIONS[name][0]), _TONES[name], [one.whole.get(name) for one in days])
        for name in DIMENSIONS
    ]
    return charts.lines(_("Scores by day"), labels, [one for one in series if any(v is not None for v in one.values)])


def _series(name: str, tone: str, values: list[float | None]) -> charts.Gaps:
    texts = [words.percent(one) for one in values]
    return charts.Gaps(name, tone, [None if one is None else one * 100 for one in values], texts)


def _fields(found: scores.Board, counts: dict[str, int]) -> list[dict[str, Any]]:
    dictionary = installation().rules.dictionary
    expected = {name for fields in EXPECTED.values() for name in fields}
    rows = []
    known = {
        name: held for name, held in found.fields.items() if name in dictionary.fields
    }  # renamed since, it is none
    for name, held in sorted(known.items(), key=lambda one: dictionary.field(one[0]).id):
        complete = held.get("completeness")
        if name not in expected and (complete is None or not complete.share):
            continue  # nobody has it, and nobody expects it
        cells = [
            {"label": words.DIMENSIONS[one][0], "check": f"{one}:{name}" if counts.get(f"{one}:{name}") else "",
             **words.told(held.get(one))}
            for one in _OF_FIELD
        ]  # fmt: skip
        rows.append({"label": dictionary.field(name).label(language()), "cells": cells, "expected": name in expected,
                     "ages": AGEING.get(name)})  # fmt: skip
    return rows


def _matrix(held: Any, labels: dict[str, str]) -> list[dict[str, Any]]:
    return sorted(
        (
            {"label": labels.get(key, key), "cells": [
                {"label": words.DIMENSIONS[name][0], **words.told(row.get(name))} for name in DIMENSIONS
            ]}
            for key, row in held.items()
        ),
        key=lambda row: row["label"],
    )  # fmt: skip


def _segments(held: Any) -> list[dict[str, Any]]:
    """Rows of the segments: kinds of customers first, then laws, then houses."""
    rows = []
    for name, label in words.SEGMENTS.items():
        own = {key: row for key, row in held.items() if key.partition(":")[0] == name}
        rows += [row | {"group": label} for row in _matrix(own, {key: words.segment_label(key) for key in own})]
    return rows


def _channels() -> dict[str, str]:
    return {str(id): channel_label(name) for id, name in Channel.objects.values_list("id", "name")}


def _rules(found: scores.Board, counts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "slug": one.slug,
            "label": words.rule_label(one.slug, dict(one.labels)),
            "dimension": words.DIMENSIONS[one.dimension][0],
            "severity": words.SEVERITIES[one.severity],
            "whom": words.segment_label(one.segment) if one.segment else "",
            "check": f"rule:{one.slug}" if counts.get(f"rule:{one.slug}") else "",
            **words.told(found.rules.get(one.slug)),
        }
        for one in rules_in_force()
    ]


def _listed(shown: Page) -> dict[str, Any]:
    labels = [field_label(name) for name in shown.columns]
    return {
        "columns": labels,
        "rows": [
            {"id": one.customer, "name": one.name, "organisation": one.standing.kind == "organisation",
             "cells": list(zip(labels, [value_text(name, one.values.get(name, "")) for name in shown.columns], strict=True))}
            for one in shown.rows
        ],
        "left_out": [
            {"count": one.count, "policy": one.policy, "words": installation().rules.policies.text(one.policy, language())}
            for one in shown.left_out
        ],
        "seq": shown.seq,
    }  # fmt: skip
