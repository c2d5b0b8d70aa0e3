"""What the register's pages say: parts of a purpose, states of a version, steps of a change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from kehu.doors.web.pages import ROLE_LABELS, category_label, day_text, field_label
from kehu.doors.web.words import LAW_LABELS, department_label
from kehu.govern.widening import Difference
from kehu.serve.register.views import Version

PARTS: Final = {
    "least": gettext_lazy("Fields"),
    "recipients": gettext_lazy("Recipients"),
    "countries": gettext_lazy("Countries"),
    "grounds": gettext_lazy("Ground"),
    "kind": gettext_lazy("What carries it"),
    "roles": gettext_lazy("Roles"),
    "departments": gettext_lazy("Departments"),
    "retention_days": gettext_lazy("Kept for"),
    "fresh": gettext_lazy("Confirmed within"),
    "automated": gettext_lazy("Decides by machine alone"),
    "label": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "meaning": gettext_lazy("The use itself"),
}
GROUNDS: Final = {
    "consent": gettext_lazy("Consent"),
    "contract": gettext_lazy("Contract"),
    "legal_duty": gettext_lazy("Legal duty"),
    "legitimate_interest": gettext_lazy("Legitimate interest"),
}
LAWS: Final = {**LAW_LABELS, "house": gettext_lazy("Elsewhere")}
LANGUAGE_NAMES: Final = {"zh-hans": "简体中文", "zh-hant": "繁體中文", "en": "English"}
# state of a version: word, tone, icon
STATES: Final = {
    "in-force": (gettext_lazy("in force"), "malachite", "circle-check"),
    "coming": (gettext_lazy("approved, comes in force later"), "azurite", "calendar-clock"),
    "past": (gettext_lazy("replaced"), "", "history"),
    "waiting": (gettext_lazy("proposed"), "gamboge", "hourglass"),
    "refused": (gettext_lazy("refused"), "cinnabar", "circle-x"),
    "withdrawn": (gettext_lazy("withdrawn"), "", "undo-2"),
}
WAITS: Final = {
    "assessment": gettext_lazy("waits for an impact assessment"),
    "approval": gettext_lazy("waits for another person's approval"),
}
STEPS: Final = {
    "assessed": (gettext_lazy("Impact assessed"), "scale", "wisteria"),
    "approved": (gettext_lazy("Approved"), "badge-check", "malachite"),
    "refused": (gettext_lazy("Refused"), "circle-x", "cinnabar"),
    "withdrawn": (gettext_lazy("Withdrawn"), "undo-2", ""),
}
RISKS: Final = {"low": gettext_lazy("low"), "medium": gettext_lazy("medium"), "high": gettext_lazy("high")}
OUTCOMES: Final = {
    "acceptable": gettext_lazy("acceptable"),
    "with-measures": gettext_lazy("acceptable with the measures named"),
    "not-acceptable": gettext_lazy("not acceptable"),
}
COVERS: Final = {
    "new": gettext_lazy("new"),
    "changed": gettext_lazy("changed"),
    "gone": gettext_lazy("no longer covered"),
}
DONE: Final = {
    "proposed": gettext_lazy("The change is proposed; it waits for the office."),
    "assess": gettext_lazy("The assessment is recorded."),
    "approve": gettext_lazy("Approved: it is in force, or will be on its day."),
    "refuse": gettext_lazy("Refused; whoever proposed it sees the reason."),
    "withdraw": gettext_lazy("Withdrawn."),
}


def days(number: int | str) -> str:
    """How long something is kept."""
    many = int(number)
    return ngettext("%(n)s day", "%(n)s days", many) % {"n": f"{many:,}"}


def listed(part: str, names: Iterable[str]) -> list[str]:
    """The members of a list, in the reader's words."""
    if part == "least":
        return [field_label(name) for name in names]
    if part == "roles":
        return [str(ROLE_LABELS.get(name, name)) for name in names]
    if part == "departments":
        return [department_label(name) for name in names]
    return list(names)


def value(part: str, text: str) -> str:
    """A single value, in the reader's words."""
    if part.partition(".")[0] in ("grounds", "kind"):
        return str(GROUNDS.get(text, text))
    if part == "retention_days" or part.startswith("fresh."):
        return days(text)
    if part == "automated":
        return _("yes") if text == "true" else _("no")
    return text


def difference(one: Difference) -> dict[str, Any]:
    """One part that differs, for a line of the page."""
    part, _dot, inner = one.part.partition(".")
    return {
        "label": PARTS[part],
        "inner": category_label(inner) if part == "fresh" else LAWS.get(inner) or LANGUAGE_NAMES.get(inner, ""),
        "language": inner if inner in LANGUAGE_NAMES else "",
        "wider": one.wider,
        "added": listed(part, one.added),
        "removed": listed(part, one.removed),
        "before": value(one.part, one.before) if one.before else "",
        "after": value(one.part, one.after) if one.after else "",
    }


def version(one: Version) -> dict[str, Any]:
    """A version for the page."""
    state, tone, icon = STATES[one.status]
    return {
        "held": one,
        "state": state,
        "tone": tone,
        "icon": icon,
        "waits": WAITS.get(one.waits_for, ""),
        "wider": [PARTS[part] for part in one.wider],
        "differences": [difference(row) for row in one.differences],
        "steps": [
            {
                "label": STEPS[step.kind][0],
                "icon": STEPS[step.kind][1],
                "tone": STEPS[step.kind][2],
                "by": step.by,
                "role": ROLE_LABELS.get(step.role, step.role),
                "at": step.at,
                "on": day_text(date.fromisoformat(step.content["on"]), "DATE_FORMAT") if "on" in step.content else "",
                "risk": RISKS.get(step.content.get("risk", ""), ""),
                "outcome": OUTCOMES.get(step.content.get("outcome", ""), ""),
                "measures": step.content.get("measures", ""),
                "who": step.content.get("who", ""),
                "reason": step.content.get("reason", ""),
            }
            for step in one.steps
        ],
    }
