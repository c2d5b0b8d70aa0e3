"""The register of sources for those who answer for it: what stands, its audits, and stopping one at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.govern import register as changes
from kehu.govern import sources
from kehu.govern.models import Change, Source, SourceAudit
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.ledger.record import record_act
from kehu.serve.register.changes import open_changes
from kehu.serve.register.views import Version, version
from kehu.serve.sources.quality import Quality, quality_of_sources
from kehu.vault.ids import new_id


@dataclass(frozen=True, slots=True)
class Entry:
    """A source as it stands.

    ``row`` is None where it is only proposed; ``said`` is what is in force, else what is proposed. ``standing``:
    ``in-force``, ``expired``, ``stopped``, ``failed`` (its last audit), ``unproven``, ``proposed`` or ``refused``.
    """

    name: str
    row: Source | None
    said: dict[str, Any]
    standing: str
    waiting: Version | None
    quality: Quality
    audits: tuple[SourceAudit, ...]


def entries(*, actor: Actor) -> list[Entry]:
    """Every source, and those that are proposed.

    Raises:
        Refused: the role collects nothing and audits nothing.
    """
    require_seen(actor)
    rows = {
        row.name: row for row in Source.objects.select_related("change").prefetch_related("audits").order_by("name")
    }
    open_ = open_changes("source")
    worth = quality_of_sources()
    return [_entry(name, rows.get(name), open_.get(name), worth) for name in sorted({*rows, *open_})]


def entry(name: str, *, actor: Actor) -> tuple[Entry, list[tuple[Version, Change]]]:
    """One source, and every version of it with the change it is, newest first.

    Raises:
        Refused: as :func:`entries`.
        UnknownSource: there is none of that name, nor is one proposed.
    """
    require_seen(actor)
    held = changes.changes("source", name)
    if not held:
        raise sources.UnknownSource(name)
    row = Source.objects.select_related("change").prefetch_related("audits").filter(name=name).first()
    shown = _entry(name, row, open_changes("source").get(name), quality_of_sources(), newest=held[0])
    return shown, [(version(one), one) for one in held]


def stop(name: str, *, actor: Actor) -> Source:
    """Stop a source at once; an import of it that runs ends at its next chunk.

    Raises:
        Refused: the role may not.
        UnknownSource, AlreadyStopped: as :func:`kehu.govern.sources.stop`.
    """
    require_act("stop-source", actor)
    require_standing(actor)
    with transaction.atomic():
        held = sources.stop(name, by=actor.human)
        record_act("stop-source", None, actor=actor, detail=held.change_id)
    return held


def audit(name: str, *, on: date, outcome: str, note: str = "", actor: Actor) -> SourceAudit:
    """Record an audit of a source.

    Raises:
        Refused: the role may not.
        UnknownSource, ValueError: as :func:`kehu.govern.sources.audit`.
    """
    require_act("audit-source", actor)
    require_standing(actor)
    id = new_id()
    with transaction.atomic():
        made = sources.audit(name, on=on, outcome=outcome, note=note, by=actor.human, id=id)
        record_act("audit-source", None, actor=actor, detail=id)
    return made


def require_seen(actor: Actor) -> None:
    """Let on who brings data in, and who audits.

    Raises:
        Refused: nobody else.
    """
    require_act("audit-source" if actor.role == "auditor" else "collect", actor)


def change_waiting(name: str) -> UUID | None:
    """The change of a source that waits."""
    held = open_changes("source").get(name)
    return held.id if held else None


def _entry(
    name: str, row: Source | None, waiting: Change | None, worth: dict[int, Quality], newest: Change | None = None
) -> Entry:
    shown = row.change if row is not None else waiting or newest
    assert shown is not None
    said: dict[str, Any] = shown.content
    audits = tuple(sorted(row.audits.all(), key=lambda one: (one.on, one.at), reverse=True)) if row is not None else ()
    return Entry(
        name, row, said, _standing(row, audits, waiting=waiting is not None), version(waiting) if waiting else None,
        worth.get(row.id, Quality()) if row is not None else Quality(), audits,
    )  # fmt: skip


def _standing(row: Source | None, audits: tuple[SourceAudit, ...], *, waiting: bool) -> str:
    """The same order as the check of an import (:func:`kehu.govern.sources.standing`)."""
    if row is None:
        return "proposed" if waiting else "refused"
    if row.stopped_at is not None:
        return "stopped"
    if row.until is not None and row.until < timezone.now().date():
        return "expired"
    if audits and audits[0].outcome == "failed":
        return "failed"
    return "in-force" if row.proved else "unproven"
