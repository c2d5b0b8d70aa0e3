"""What stands in the register, for a page or an answer: versions, how they differ, and what waits for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from kehu.govern import notices, register
from kehu.govern.differences import Piece, pieces
from kehu.govern.models import Change, Notice, Step
from kehu.govern.notices import CoverDifference, cover_differences, covers_of, read_covers
from kehu.govern.purposes import Purpose
from kehu.govern.slugs import LANGUAGES, PURPOSES
from kehu.govern.widening import Difference, differences
from kehu.guard.staff.models import Staff
from kehu.serve.register.changes import open_changes

IN_FORCE, COMING, PAST, WAITING, REFUSED, WITHDRAWN = "in-force", "coming", "past", "waiting", "refused", "withdrawn"


@dataclass(frozen=True, slots=True)
class Happened:
    """A step of a change: what, by whom, when, and what they wrote."""

    kind: str
    by: str
    role: str
    at: datetime
    content: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a purpose or notice with its way there.

    ``wider``: the parts that reach further than the version it was written against. ``waits_for``: ``assessment``,
    ``approval`` or nothing.
    """

    id: UUID
    name: str
    number: str
    status: str
    shipped: bool
    proposed_by: str
    author: UUID | None
    at: datetime
    reason: str
    wider: tuple[str, ...]
    differences: tuple[Difference, ...]
    steps: tuple[Happened, ...]
    waits_for: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A purpose as it is in force, and the change of it that waits."""

    purpose: Purpose
    waiting: Version | None


@dataclass(frozen=True, slots=True)
class NoticeVersion:
    """A version of a notice: in force, coming, past, or still proposed; ``row`` is None where it is no notice yet."""

    version: Version
    texts: Mapping[str, str]
    covers: Mapping[str, notices.Covered]
    in_force_from: datetime | None
    row: Notice | None


def purposes() -> list[Entry]:
    """Every purpose in force, in the order of their numbers, with what waits."""
    waiting = open_changes("purpose")
    names = people(waiting.values())
    return [
        Entry(one, _version(waiting[slug], None, names) if slug in waiting else None)
        for slug, one in register.purposes_in_force().items()
    ]


def purpose(slug: str) -> tuple[Purpose, list[Version]]:
    """A purpose as in force, and each version of it, newest first.

    Raises:
        KeyError: no such purpose.
    """
    if slug not in PURPOSES:
        raise KeyError(slug)
    held, current = register.changes("purpose", slug), register.in_force("purpose")[slug].id
    names = people(held)
    return register.purposes_in_force()[slug], [_version(change, current, names) for change in held]


def version(change: Change) -> Version:
    """One change as a version."""
    current = register.in_force(change.register).get(change.name)
    return _version(change, current.id if current else None, people([change]))


def notice_versions(name: str = notices.NAME) -> list[NoticeVersion]:
    """Each version of a notice, newest first; proposals among them."""
    rows = {row.change_id: row for row in notices.history(name)}
    changes = register.changes("notice", name)
    names, now = people(changes), timezone.now()
    started = [row.version for row in rows.values() if row.in_force_from <= now]
    current = max(started, default=0)
    found = []
    for change in changes:
        row, held = rows.get(change.id), _version(change, None, names)
        status = held.status
        if row is not None:
            later = row.in_force_from > now
            status = COMING if later and row.version > current else IN_FORCE if row.version == current else PAST
        wanted = change.content["from"]
        found.append(
            NoticeVersion(
                version=_with(held, status),
                texts=change.content["texts"],
                covers=covers_of(row) if row else read_covers(change.content["covers"]),
                in_force_from=row.in_force_from if row else datetime.fromisoformat(wanted) if wanted else None,
                row=row,
            )
        )
    return found


def notice_names() -> list[str]:
    """Every notice there is or is proposed, by name."""
    return sorted({change.name for change in register.changes("notice")})


@dataclass(frozen=True, slots=True)
class NoticeDifference:
    """How a version of a notice differs from an older one: by language the pieces of its text, and what it covers."""

    texts: Mapping[str, tuple[Piece, ...]]
    covers: tuple[CoverDifference, ...]


def notice_difference(old: NoticeVersion, new: NoticeVersion, languages: Iterable[str] = LANGUAGES) -> NoticeDifference:
    """What a reader of the old version finds otherwise in the new one."""
    return NoticeDifference(
        {one: pieces(old.texts.get(one, ""), new.texts.get(one, "")) for one in languages},
        cover_differences(old.covers, new.covers),
    )


def people(changes: Iterable[Change]) -> dict[UUID, str]:
    """Whoever proposed or decided, as the ledger's answers name them."""
    held = list(changes)
    ids = {one.proposed_by for one in held if one.proposed_by} | {step.by for one in held for step in one.steps.all()}
    rows = Staff.objects.filter(id__in=ids).values_list("id", "email", "role")
    return {id: "owner" if role == "owner" else email for id, email, role in rows}


def _version(change: Change, current: UUID | None, names: Mapping[UUID, str]) -> Version:
    steps = sorted(change.steps.all(), key=lambda one: one.at)
    wider = register.wider_parts(change)
    status = _status(change, steps, current)
    return Version(
        id=change.id,
        name=change.name,
        number=register.number(change),
        status=status,
        shipped=change.shipped,
        proposed_by=names.get(change.proposed_by, "") if change.proposed_by else "",
        author=change.proposed_by,
        at=change.proposed_at,
        reason=change.reason,
        wider=wider,
        differences=differences(change.base.content, change.content)
        if change.register == "purpose" and change.base
        else (),
        steps=tuple(Happened(s.kind, names.get(s.by, ""), s.role, s.at, s.content) for s in steps),
        waits_for=_waits_for(wider, steps) if status == WAITING else "",
    )


def _status(change: Change, steps: list[Step], current: UUID | None) -> str:
    ends = {step.kind for step in steps} - {"assessed"}
    if change.shipped or "approved" in ends:
        return IN_FORCE if change.id == current else PAST
    return REFUSED if "refused" in ends else WITHDRAWN if "withdrawn" in ends else WAITING


def _waits_for(wider: tuple[str, ...], steps: list[Step]) -> str:
    assessments = [step for step in steps if step.kind == "assessed"]
    fine = bool(assessments) and assessments[-1].content["outcome"] != "not-acceptable"
    return "assessment" if wider and not fine else "approval"


def _with(held: Version, status: str) -> Version:
    return replace(held, status=status, waits_for="" if status != WAITING else held.waits_for)
