"""The register as answers of the command line and the API: plain objects, ready for JSON."""

from __future__ import annotations

from typing import Any

from kehu.govern import register
from kehu.govern.slugs import PURPOSES
from kehu.serve.register import views
from kehu.serve.register.views import NoticeVersion, Version


def purposes(language: str) -> list[dict[str, Any]]:
    """Every purpose in force, and the change of it that waits."""
    return [
        {
            "purpose": one.purpose.slug, "label": one.purpose.label(language), "version": one.purpose.number,
            "kind": one.purpose.kind, "roles": sorted(one.purpose.roles), "fields": len(one.purpose.least),
            "retention_days": one.purpose.retention_days, "automated": one.purpose.automated,
            "waiting": one.waiting.number if one.waiting else None,
            "waits_for": one.waiting.waits_for if one.waiting else None,
        }
        for one in views.purposes()
    ]  # fmt: skip


def purpose(slug: str) -> dict[str, Any]:
    """One purpose as in force, and every version of it, newest first.

    Raises:
        UnknownChange: no such purpose.
    """
    if slug not in PURPOSES:
        raise register.UnknownChange
    held, versions = views.purpose(slug)
    content = register.in_force("purpose")[slug].content
    return {
        "purpose": {"purpose": slug, "version": held.number, **content},
        "versions": [version(one) for one in versions],
    }


def notices() -> list[dict[str, Any]]:
    """Every version of every notice, newest first."""
    return [notice(one) for name in views.notice_names() for one in views.notice_versions(name)]


def notice_whole(held: NoticeVersion) -> dict[str, Any]:
    """One version of a notice with its words, what it covers and its way."""
    return {
        "notice": notice(held),
        "texts": dict(held.texts),
        "covers": [
            {"purpose": slug, "version": said.version, "fields": sorted(said.fields)}
            for slug, said in held.covers.items()
        ],
        "steps": version(held.version)["steps"],
    }


def notice_version(word: str) -> NoticeVersion:
    """The version meant by ``NAME`` (in force) or ``NAME@N``.

    Raises:
        UnknownChange: there is none.
    """
    name, _, number = word.partition("@")
    for one in views.notice_versions(name):
        if one.version.number == number or (not number and one.version.status == views.IN_FORCE):
            return one
    raise register.UnknownChange


def version(one: Version) -> dict[str, Any]:
    """One version with its differences and steps."""
    return {
        "id": str(one.id), "name": one.name, "version": one.number, "status": one.status,
        "waits_for": one.waits_for or None, "shipped": one.shipped, "proposed_by": one.proposed_by or None,
        "at": one.at.isoformat(), "reason": one.reason or None, "wider": list(one.wider),
        "differences": [
            {"part": d.part, "wider": d.wider, "added": list(d.added), "removed": list(d.removed),
             "before": d.before or None, "after": d.after or None}
            for d in one.differences
        ],
        "steps": [
            {"step": s.kind, "by": s.by, "role": s.role, "at": s.at.isoformat(), **{k: v for k, v in s.content.items() if v}}
            for s in one.steps
        ],
    }  # fmt: skip


def notice(one: NoticeVersion) -> dict[str, Any]:
    """One version of a notice, in a line."""
    held = one.version
    return {
        "id": str(held.id), "name": held.name, "version": held.number, "status": held.status,
        "from": one.in_force_from.isoformat() if one.in_force_from else None, "waits_for": held.waits_for or None,
        "proposed_by": held.proposed_by or None, "purposes": len(one.covers),
    }  # fmt: skip
