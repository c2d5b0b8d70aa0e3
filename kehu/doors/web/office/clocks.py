"""A clock of a law as the offices read it: until when, how it stands, by which article; what has ended is red."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.templatetags.desk import moment
from kehu.doors.web.words import LAW_LABELS, article_label

STATES: Final = {
    "overdue": ("cinnabar", "alarm-clock", gettext_lazy("overdue")),
    "now": ("cinnabar", "alarm-clock", gettext_lazy("due at once")),
    "running": ("azurite", "clock", gettext_lazy("running")),
    "timely": ("azurite", "clock", gettext_lazy("without delay")),
    "suspended": ("gamboge", "octagon-pause", gettext_lazy("stands still")),
    "done": ("malachite", "check", gettext_lazy("done")),
}
STEPS: Final = {
    "answer": gettext_lazy("Answer the person"),
    "confirm": gettext_lazy("Confirm its receipt"),
    "authority": gettext_lazy("Report to the authority"),
    "persons": gettext_lazy("Tell the persons"),
    "guardians": gettext_lazy("Tell the guardians"),
    "attorney-general": gettext_lazy("Report to the attorney general"),
    "assessment": gettext_lazy("Assess it"),
}


def clock_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """One clock, from the row that the register gives."""
    return {
        "clock": row["clock"],
        "law": LAW_LABELS.get(row["law"], _("This organisation")),
        "step": STEPS.get(row["step"], row["step"]),
        "state": STATES[row["state"]],
        "late": row["state"] in ("overdue", "now"),
        "due": due_text(row),
        "article": article_label(row["article"]),
        "unread": not row["read"],
        "notes": [text for text in _notes(row) if text],
    }


def due_text(row: Mapping[str, Any]) -> str:
    """The end: a day, or where hours are counted a minute."""
    if not row["due"]:
        return ""
    if row["term"]["unit"] == "hour":
        return str(moment(row["due"]))
    return date_format(date.fromisoformat(row["due_on"]), "DATE_FORMAT")


def _notes(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _("extended") if row["extended"] else "",
        _("if it applies") if row["applies"] == "perhaps" else "",
        _("reaches a year whose days off are not announced") if row["provisional"] else "",
    )


def past(text: str) -> datetime | None:
    """A moment that a form's ``datetime-local`` field sends, in the reader's zone; None: now.

    Raises:
        ValueError: it is none.
    """
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.get_current_timezone())
