"""Sources as answers of the command line and the API: plain objects, ready for JSON."""

from __future__ import annotations

from typing import Any

from kehu.guard.gate.actor import Actor
from kehu.serve.register import answers
from kehu.serve.sources import register, untold
from kehu.serve.sources.register import Entry


def sources(*, actor: Actor) -> list[dict[str, Any]]:
    """Every source in a line.

    Raises:
        Refused: as :func:`kehu.serve.sources.register.entries`.
    """
    return [line(one) for one in register.entries(actor=actor)]


def source(name: str, *, actor: Actor) -> dict[str, Any]:
    """One source with all that is registered of it, its audits and its versions.

    Raises:
        Refused, UnknownSource: as :func:`kehu.serve.sources.register.entry`.
    """
    held, versions = register.entry(name, actor=actor)
    return {
        "source": line(held) | {key: value for key, value in held.said.items() if key != "numbers"},
        "audits": [{"on": one.on.isoformat(), "outcome": one.outcome, "note": one.note or None} for one in held.audits],
        "versions": [answers.version(one) for one, _ in versions],
    }


def line(one: Entry) -> dict[str, Any]:
    """One source in a line; its quality as its imports made it."""
    worth = one.quality
    return {
        "name": one.name, "kind": one.said["kind"], "party": one.said["party"], "country": one.said["country"],
        "standing": one.standing, "until": one.said["until"], "purposes": one.said["purposes"],
        "proved": bool(one.said["proof"]), "score": worth.score, "imports": worth.imports, "rows": worth.rows,
        "merged": worth.merged, "duplicates": worth.duplicates, "quarantined": worth.quarantined,
        "waiting": one.waiting.number if one.waiting else None,
    }  # fmt: skip


def duty() -> dict[str, Any]:
    """How the duty to tell people stands."""
    held = untold.figures()
    return {
        "due": held.due, "overdue": held.overdue, "soon": held.soon, "by_post": held.by_post, "told": held.told,
        "first": held.first.isoformat() if held.first else None,
    }  # fmt: skip


def waiting(*, actor: Actor, by_post: bool | None, limit: int) -> list[dict[str, Any]]:
    """Who is to be told, the earliest first.

    Raises:
        Refused: the role may not tell people.
    """
    return [
        {
            "subject": str(one.customer), "by": one.by.isoformat(), "by_post": one.by_post,
            "sources": [mark_of.name or None for mark_of in one.marks],
        }
        for one in untold.waiting(actor=actor, by_post=by_post, limit=limit)
    ]  # fmt: skip
