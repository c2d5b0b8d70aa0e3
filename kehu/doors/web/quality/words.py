"""Words of these pages: dimensions, checks, segments, what a task is about; and the tabs."""

from __future__ import annotations

from typing import Final

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.pages import field_label, language
from kehu.doors.web.words import LAW_LABELS, house_label
from kehu.govern.models import Controller
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.quality.rules import rules_in_force
from kehu.refine.quality.scores import Shown
from kehu.refine.quality.texts import shipped_texts

DIMENSIONS: Final = {
    "completeness": (gettext_lazy("Completeness"), gettext_lazy("what is expected is there"), "layout-list"),
    "validity": (gettext_lazy("Validity"), gettext_lazy("what is there has a valid form"), "badge-check"),
    "uniqueness": (gettext_lazy("Uniqueness"), gettext_lazy("nobody stands here twice"), "git-compare"),
    "consistency": (gettext_lazy("Consistency"), gettext_lazy("values agree with each other"), "equal"),
    "timeliness": (gettext_lazy("Timeliness"), gettext_lazy("said or confirmed lately"), "clock"),
}
SEVERITIES: Final = {
    "low": ("", gettext_lazy("low")),
    "medium": ("gamboge", gettext_lazy("medium")),
    "high": ("cinnabar", gettext_lazy("high")),
}
STATES: Final = {
    "shipped": ("azurite", "package", gettext_lazy("shipped, in force")),
    "draft": ("gamboge", "pencil", gettext_lazy("draft")),
    "in-force": ("malachite", "circle-check", gettext_lazy("in force")),
    "retired": ("", "circle-stop", gettext_lazy("retired")),
    "left-out": ("cinnabar", "circle-alert", gettext_lazy("left out")),
}
WHY: Final = {
    "age": gettext_lazy("not confirmed for too long"),
    "bounces": gettext_lazy("messages did not arrive"),
    "quality": gettext_lazy("found by a check"),
    "hand": gettext_lazy("asked for by hand"),
}
TASK_STATES: Final = {
    "open": ("azurite", "circle-dashed", gettext_lazy("waits")),
    "taken": ("gamboge", "user-round-check", gettext_lazy("taken")),
    "done": ("malachite", "circle-check", gettext_lazy("done")),
    "void": ("", "circle-stop", gettext_lazy("void")),
}
OUTCOMES: Final = {
    "confirmed": gettext_lazy("confirmed"),
    "corrected": gettext_lazy("corrected"),
    "removal": gettext_lazy("removal asked for"),
    "unreachable": gettext_lazy("nobody reached"),
}
WAYS: Final = {
    "task": gettext_lazy("staff ask"),
    "portal": gettext_lazy("asked in the portal"),
    "mail": gettext_lazy("asked by mail"),
}
WHOM: Final = {
    "all": gettext_lazy("everybody"),
    "persons": gettext_lazy("persons"),
    "organisations": gettext_lazy("organisations"),
    "customers": gettext_lazy("whoever ordered something"),
}
HOW: Final = {
    "phone": gettext_lazy("on the phone"),
    "in-person": gettext_lazy("in person"),
    "mail": gettext_lazy("by mail"),
    "document": gettext_lazy("by a document"),
}

ARRIVALS: Final = {
    "returned-post": gettext_lazy("post came back"),
    "failed-delivery": gettext_lazy("a delivery failed"),
    "failed-call": gettext_lazy("a call failed"),
}
"""What staff note by hand; mail servers report the rest."""

SEGMENTS: Final = {
    "kind": gettext_lazy("Kind of customer"),
    "law": gettext_lazy("Laws that apply"),
    "controller": gettext_lazy("Responsible house"),
}


def tabs(desk: SignedIn) -> list[tuple[str, str, str]]:
    """Name, words and address of the pages that this reader may open."""
    every = (
        ("board", _("Overview"), "quality", "quality"),
        ("rules", _("Rules"), "quality-rules", "quality"),
        ("verify", _("Verification of data"), "verification", "verify-task"),
        ("policies", _("How often"), "verification-policies", "verify-task"),
        ("classify", _("Classification"), "classify", "findings"),
    )
    found = []
    for name, words, url, act in every:
        try:
            address = reverse(url)
        except NoReverseMatch:
            continue
        if desk.may(act):
            found.append((name, words, address))
    return found


def rule_label(slug: str, labels: dict[str, str] | None = None) -> str:
    """What a rule is called in the reader's language."""
    held = labels or (dict(shipped_texts()[slug].labels) if slug in shipped_texts() else {})
    return held.get(language()) or held.get("en") or slug


def check_label(check: str) -> str:
    """What a check of the last measuring is called."""
    kind, _colon, key = check.partition(":")
    if kind == "rule":
        return next((rule_label(key, dict(one.labels)) for one in rules_in_force() if one.slug == key), key)
    if kind == "uniqueness":
        return _("May be somebody else's double")
    told = {
        "completeness": _("%(field)s is missing"),
        "validity": _("%(field)s is not valid"),
        "consistency": _("Records disagree on %(field)s"),
        "timeliness": _("%(field)s was not confirmed lately"),
    }
    return told[kind] % {"field": field_label(key)} if kind in told else check


def segment_label(key: str) -> str:
    """What a segment is called; empty: everybody."""
    if not key:
        return str(WHOM["all"])
    kind, _colon, value = key.partition(":")
    if kind == "kind":
        return {"1": _("Persons"), "2": _("Organisations")}.get(value, value)
    if kind == "law":
        special = {"none": _("No law pack"), "several": _("Several laws")}
        return special.get(value) or str(LAW_LABELS.get(value, value))
    name = Controller.objects.filter(id=int(value)).values_list("name", flat=True).first() if value.isdecimal() else ""
    return house_label(str(name or value))


def segments() -> list[tuple[str, str]]:
    """Those of whom a rule may ask something, with what each is called."""
    keys = ["", "kind:1", "kind:2", *(f"law:{name}" for name in LAW_LABELS)]
    houses = Controller.objects.order_by("name").values_list("id", flat=True)
    if len(houses) > 1:
        keys += [f"controller:{id}" for id in houses]
    return [(key, segment_label(key)) for key in keys]


def percent(share: float | None) -> str:
    """A share of a hundred as people read it: never rounded up to all."""
    if share is None:
        return "—"
    held = share * 100
    if 99.9 < held < 100:
        return ">99.9%"
    return f"{held:.1f}%" if held < 100 else "100%"


def heat(share: float | None) -> str:
    """The ground of a cell, by its share."""
    if share is None:
        return "q-none"
    return next(
        (name for least, name in ((0.98, "q-5"), (0.95, "q-4"), (0.9, "q-3"), (0.75, "q-2")) if share >= least), "q-1"
    )


def told(shown: Shown | None) -> dict[str, object]:
    """A score for a cell or a bar."""
    share = shown.share if shown is not None else None
    tone = "mute" if share is None else "ok" if share >= 0.95 else "warn" if share >= 0.8 else "bad"
    small = shown is not None and shown.of is not None and shown.bad is None
    return {
        "share": share or 0.0, "text": ("≈ " if small else "") + percent(share), "tone": tone, "heat": heat(share),
        "few": shown is not None and shown.of is None, "small": small, "of": shown.of if shown else None,
        "bad": shown.bad if shown else None, "known": share is not None,
    }  # fmt: skip
