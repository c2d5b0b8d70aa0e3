"""Figures without names, for those who lead and those who watch."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.watch.rows import tabs
from kehu.doors.web.watch.words import FINDINGS, ICONS, kind_label
from kehu.doors.web.words import department_label
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.watch import case_figures
from kehu.guard.watch import figures as held_figures


@staff_page
@require_GET
def figures(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Alerts by month, department and kind; outcomes of cases by department. The few are not shown."""
    actor = desk.without_purpose
    found = held_figures.figures(actor=actor)
    context: dict[str, Any] = {
        "watch_tabs": tabs(desk),
        "months": [
            {"month": _month(month), "key": month.isoformat(), "rows": [_row(one) for one in rows]}
            for month, rows in groupby(found, key=lambda one: one.month)
        ],
        "outcomes": [
            (department_label(one.department), FINDINGS[one.finding], one.count)
            for one in case_figures.outcomes(actor=actor)
        ],
        "fewest": held_figures.FEWEST,
    }
    return page(request, "watch/figures.html", context, desk=desk, nav="watch")


def _row(one: held_figures.Figure) -> dict[str, Any]:
    return {
        "department": department_label(one.department),
        "icon": ICONS[one.kind],
        "kind": kind_label(one.kind),
        "counts": (
            (_("Alerts"), one.alerts),
            (_("Of these dismissed"), one.dismissed),
            (_("Became cases"), one.cases),
        ),
    }


def _month(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")
