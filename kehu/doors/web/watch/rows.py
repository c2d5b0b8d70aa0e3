"""Rows of these pages: an alert or a case with its words, and the tabs that a reader has."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from kehu.doors.web.pages import ROLE_LABELS
from kehu.doors.web.watch.words import (
    ALERT_STATES,
    CASE_STATES,
    FINDINGS,
    ICONS,
    SEVERITIES,
    kind_label,
    measure_labels,
    period,
    said_of,
)
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.watch.alerts import Alert
from kehu.guard.watch.cases import Case


def tabs(desk: SignedIn) -> list[tuple[str, str, str]]:
    """Name, words and address of the pages of the watch that this reader may open."""
    every = (
        ("alerts", _("Alerts"), "watch", "watch"),
        ("cases", _("Cases"), "watch-cases", "cases"),
        ("figures", _("Figures"), "watch-figures", "watch-figures"),
        ("marks", _("Marks"), "watch-marks", "watch"),
        ("quotas", _("Quotas"), "watch-quotas", "watch"),
    )
    return [(name, words, reverse(url)) for name, words, url, act in every if desk.may(act)]


def alert_row(one: Alert) -> dict[str, Any]:
    """An alert with its words."""
    return {
        "one": one,
        "icon": ICONS[one.kind],
        "kind": kind_label(one.kind),
        "severity": SEVERITIES[one.severity],
        "state": ALERT_STATES[one.state],
        "role": ROLE_LABELS[one.role],
        "said": said_of(one),
        "period": period(one.evidence),
        "still": one.state in ("open", "taken"),
    }


def case_row(held: Case) -> dict[str, Any]:
    """A case with its words."""
    return {
        "held": held,
        "who": held.name or held.email,
        "role": ROLE_LABELS[held.role],
        "state": CASE_STATES[held.state],
        "finding": FINDINGS[held.finding] if held.finding else None,
        "measures": measure_labels(held.measures),
    }
