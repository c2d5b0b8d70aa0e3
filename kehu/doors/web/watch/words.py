"""Alerts and cases in the reader's words: kinds, states, measures, and what was counted, as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

KINDS: Final[dict[str, tuple[str, Promise]]] = {
    "volume": ("trending-up", gettext_lazy("Many more customers than usual")),
    "off-hours": ("moon", gettext_lazy("At unusual hours")),
    "breadth": ("layout-grid", gettext_lazy("Far and wide, each customer once")),
    "denials": ("shield-x", gettext_lazy("Refused again and again")),
    "colleague": ("contact-round", gettext_lazy("A customer who works here")),
    "vip": ("star", gettext_lazy("A well-known customer")),
    "sequential": ("list-ordered", gettext_lazy("One customer after the other")),
    "honey": ("bug", gettext_lazy("A record nobody has a reason to open")),
    "quota": ("gauge", gettext_lazy("A quota is used up")),
    "break-glass": ("siren", gettext_lazy("The glass was broken")),
    "self": ("user-round", gettext_lazy("Their own record")),
}
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
MARKS: Final[dict[str, tuple[str, Promise]]] = {
    "colleague": ("contact-round", gettext_lazy("works here")),
    "vip": ("star", gettext_lazy("well known")),
    "honey": ("bug", gettext_lazy("made to be found")),
}
# what was counted, by the word of the watch for it
_COUNTED: Final[dict[str, Promise]] = {
    "opened-hour": gettext_lazy("Customers opened within the hour from %(hour)s on: %(seen)s."),
    "listed-hour": gettext_lazy("Customers seen in lists within the hour from %(hour)s on: %(seen)s."),
    "opened-day": gettext_lazy("Customers opened on that day: %(seen)s."),
    "listed-day": gettext_lazy("Customers seen in lists on that day: %(seen)s."),
    "opened-drift": gettext_lazy(
        "Customers opened on a day, from %(from)s to %(to)s: %(seen)s; in the weeks before: %(own)s."
    ),
    "once-day": gettext_lazy("Customers looked at a single time: %(seen)s."),
    "places-day": gettext_lazy(
        "Groups of customers they came from (by law, age, kind and month of arrival): %(seen)s."
    ),
    "refused-day": gettext_lazy("Refused: %(seen)s times, for %(customers)s customers."),
    "off-hours": gettext_lazy("Customers opened at hours off duty or out of habit: %(seen)s, at %(hours)s."),
    "walked-day": gettext_lazy("Customers opened one after the other in the order of their arrival: %(seen)s."),
    "walked-week": gettext_lazy("Customers opened in the order of their arrival within %(days)s days: %(seen)s."),
    "break-glass": gettext_lazy("The glass was broken: %(seen)s times."),
    "colleague": gettext_lazy("Looks at customers who work here: %(seen)s, at %(customers)s customers."),
    "vip": gettext_lazy("Looks at well-known customers: %(seen)s, at %(customers)s customers."),
    "honey": gettext_lazy("Looks at records that nobody has a reason to open: %(seen)s."),
    "self": gettext_lazy("Looks at their own record: %(seen)s."),
}
_WITH_USUAL: Final = frozenset(_COUNTED) - {"opened-drift", "off-hours", "walked-week", "break-glass"}


def sentences(evidence: Mapping[str, Any], count: int) -> list[str]:
    """What an alert rests on, as sentences: counts and times, never a customer."""
    found = [_sentence(one) for one in evidence.get("found", ()) if isinstance(one, Mapping)]
    said = [one for one in found if one]
    return said or [_("Counted: %(seen)s.") % {"seen": f"{count:,}"}]


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


def _sentence(one: Mapping[str, Any]) -> str:
    measure = str(one.get("measure", ""))
    if measure not in _COUNTED:
        return ""
    said = str(_COUNTED[measure]) % _Shown({name: _shown(name, value) for name, value in one.items()})
    if measure in _WITH_USUAL:
        for name, words in (
            ("own", gettext_lazy("Usual for this person: up to %(n)s.")),
            ("role", gettext_lazy("Usual for the role: up to %(n)s.")),
        ):
            if isinstance(one.get(name), int):
                said = _joined(said, str(words) % {"n": _shown(name, one[name])})
    return said


def _joined(first: str, then: str) -> str:
    """Two sentences, as the reader's language sets them side by side."""
    return _("%(first)s %(then)s") % {"first": first, "then": then}


class _Shown(dict[str, str]):
    """Values by name; what the watch did not count is a dash."""

    def __missing__(self, key: str) -> str:
        return "—"


def _shown(name: str, value: Any) -> str:
    if name == "hours" and isinstance(value, list):
        return ", ".join(_clock(one) for one in value)
    if name == "hour":
        return _clock(value)
    if name in ("from", "to"):
        return date_format(date.fromisoformat(value), "DATE_FORMAT")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _clock(moment: str) -> str:
    return time_format(timezone.localtime(datetime.fromisoformat(moment)), "TIME_FORMAT")
