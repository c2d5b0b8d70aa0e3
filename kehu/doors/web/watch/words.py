"""Alerts and cases in the reader's words: kinds, states, measures, and what was counted, as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.words import spoken
from kehu.guard.watch.alerts import Alert
from kehu.guard.watch.words import KIND_WORDS, sentences

ICONS: Final = {
    "volume": "trending-up", "off-hours": "moon", "breadth": "layout-grid", "denials": "shield-x",
    "colleague": "contact-round", "vip": "star", "sequential": "list-ordered", "honey": "bug", "quota": "gauge",
    "break-glass": "siren", "self": "user-round",
}  # fmt: skip
SEVERITIES: Final[dict[str, tuple[str, str, Promise]]] = {
    "high": ("cinnabar", "chevrons-up", gettext_lazy("high")),
    "medium": ("gamboge", "chevron-up", gettext_lazy("medium")),
    "low": ("", "equal", gettext_lazy("low")),
}
ALERT_STATES: Final[dict[str, tuple[str, str, Promise]]] = {
    "open": ("cinnabar", "circle-alert", gettext_lazy("waits for somebody")),
    "taken": ("gamboge", "hourglass", gettext_lazy("is looked into")),
    "dismissed": ("", "circle-check", gettext_lazy("dismissed")),
    "case": ("wisteria", "folder-open", gettext_lazy("became a case")),
}
CASE_STATES: Final[dict[str, tuple[str, str, Promise]]] = {
    "open": ("cinnabar", "folder-open", gettext_lazy("open; the person knows nothing yet")),
    "told": ("gamboge", "hourglass", gettext_lazy("told; may answer")),
    "heard": ("azurite", "ear", gettext_lazy("heard; to be decided")),
    "proposed": ("gamboge", "users", gettext_lazy("to be confirmed by a second person")),
    "decided": ("azurite", "gavel", gettext_lazy("decided")),
    "measured": ("azurite", "clipboard-check", gettext_lazy("carried out")),
    "closed": ("", "folder-check", gettext_lazy("closed")),
}
_ANSWER: Final = ("gamboge", "hourglass", gettext_lazy("waits for your answer"))
_LOOKED_AT: Final = ("azurite", "scale", gettext_lazy("is being decided"))
_DECIDED: Final = ("azurite", "gavel", gettext_lazy("decided"))
OWN_STATES: Final[dict[str, tuple[str, str, Promise]]] = {
    "open": _ANSWER, "told": _ANSWER, "heard": _LOOKED_AT, "proposed": _LOOKED_AT, "decided": _DECIDED, "measured": _DECIDED,
    "closed": CASE_STATES["closed"],
}  # fmt: skip
"""To the person it is about: until it is in force, nothing is decided."""
FINDINGS: Final[dict[str, tuple[str, str, Promise]]] = {
    "unfounded": ("malachite", "circle-check", gettext_lazy("nothing was violated")),
    "violation": ("cinnabar", "circle-x", gettext_lazy("a violation")),
}
MEASURES: Final[dict[str, Promise]] = {
    "none": gettext_lazy("No measure"),
    "talk": gettext_lazy("A talk"),
    "retrain": gettext_lazy("The training again: until it is passed, every customer is closed to them"),
    "narrowed": gettext_lazy("Access narrowed: grants end, and access is off until somebody keeps it again"),
    "post": gettext_lazy("Another post"),
    "employment": gettext_lazy("A measure of employment law, up to dismissal"),
    "authority": gettext_lazy("A report to an authority"),
}
WAYS: Final[dict[str, Promise]] = {
    "in-person": gettext_lazy("in person"),
    "in-writing": gettext_lazy("in writing"),
    "silent": gettext_lazy("nothing came within the days"),
}
STEPS: Final[dict[str, tuple[str, str, Promise]]] = {
    "joined": ("wisteria", "link", gettext_lazy("An alert was taken in")),
    "frozen": ("cinnabar", "snowflake", gettext_lazy("The account was frozen")),
    "unfrozen": ("malachite", "sun", gettext_lazy("The account was let in again")),
    "told": ("gamboge", "megaphone", gettext_lazy("The person was told")),
    "answered": ("azurite", "message-square", gettext_lazy("The person answered")),
    "heard": ("azurite", "ear", gettext_lazy("The person was heard")),
    "decided": ("azurite", "gavel", gettext_lazy("Decided")),
    "confirmed": ("malachite", "badge-check", gettext_lazy("Confirmed by a second person")),
    "sent-back": ("gamboge", "undo-2", gettext_lazy("Sent back by a second person")),
    "measured": ("malachite", "clipboard-check", gettext_lazy("Measures carried out")),
    "incident": ("cinnabar", "siren", gettext_lazy("An incident was opened")),
    "closed": ("", "folder-check", gettext_lazy("Closed")),
}
OWN_STEPS: Final[dict[str, Promise]] = {
    "told": gettext_lazy("You were told"),
    "answered": gettext_lazy("You answered"),
    "heard": gettext_lazy("You were heard"),
    "frozen": gettext_lazy("Your account was frozen"),
    "unfrozen": gettext_lazy("Your account was let in again"),
}
MARKS: Final[dict[str, tuple[str, Promise]]] = {
    "colleague": ("contact-round", gettext_lazy("works here")),
    "vip": ("star", gettext_lazy("well known")),
    "honey": ("bug", gettext_lazy("made to be found")),
}


def kind_label(kind: str) -> str:
    """A kind of alert in the reader's language."""
    return capfirst(KIND_WORDS[kind][spoken()])


def said_of(alert: Alert) -> list[str]:
    """What an alert rests on, as sentences: counts and times, never a customer."""
    said = [capfirst(one) for one in sentences(alert, spoken())]
    return said or [_("Counted: %(seen)s.") % {"seen": f"{alert.count:,}"}]


def period(evidence: Mapping[str, Any]) -> str:
    """From when to when it went on; empty where the watch does not say."""
    since, until = evidence.get("since"), evidence.get("until")
    if not since or not until:
        return ""
    first, last = (timezone.localtime(datetime.fromisoformat(one)) for one in (since, until))
    day = date_format(first, "DATE_FORMAT")
    if first.date() == last.date():
        return _("%(day)s, %(first)s to %(last)s") % {
            "day": day, "first": time_format(first, "TIME_FORMAT"), "last": time_format(last, "TIME_FORMAT"),
        }  # fmt: skip
    return _("%(first)s to %(last)s") % {"first": day, "last": date_format(last, "DATE_FORMAT")}


def measure_labels(measures: Sequence[str]) -> list[Promise]:
    """Measures in their order."""
    return [MEASURES[one] for one in measures]
