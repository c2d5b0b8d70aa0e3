"""The register of purposes: what is in force, and the changes on their way there.

A change is one row of :class:`~kehu.govern.models.Change` and what became of it rows of
:class:`~kehu.govern.models.Step`; neither is ever edited. Who may do what is the guard's; that a wider use cannot come in
force without its assessment and a second person is the database's (migration 0007): what this module checks it checks
for the sake of the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from kehu.govern.models import Change, Step
from kehu.govern.purposes import Purpose, content_of, purpose_of, shipped, written
from kehu.govern.slugs import PURPOSES
from kehu.govern.widening import widened

RISKS: Final = ("low", "medium", "high")
OUTCOMES: Final = ("acceptable", "with-measures", "not-acceptable")
_IN_FORCE: Final = """
select distinct on (c.name) c.name, c.id from govern_change c where c.register = %s and (c.shipped or exists
    (select 1 from govern_step s where s.change_id = c.id and s.kind = 'approved'))
order by c.name, c.version desc, c.revision desc
"""


class UnknownChange(LookupError):
    """No such change in the register."""


class NothingChanges(RuntimeError):
    """The version proposed says what the one in force says."""


class ProposalOpen(RuntimeError):
    """Another change of the same purpose or notice waits: it is decided or withdrawn first."""


class ProposalEnded(RuntimeError):
    """The change was approved, refused or withdrawn before."""


class ProposalOutdated(RuntimeError):
    """Another version came in force since it was written, or what it is of was stopped; it is withdrawn and proposed anew."""


class AssessmentMissing(RuntimeError):
    """It widens a use, and no impact assessment lets it come in force (PIPL 55, GDPR 35)."""


class OwnProposal(PermissionError):
    """Whoever proposed a change does not decide on it; only they withdraw it."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """An impact assessment as it was made: when, with what remaining risk and outcome, under which measures."""

    on: date
    risk: str
    outcome: str
    measures: str
    who: str = ""

    def packed(self) -> dict[str, str]:
        """As the register keeps it.

        Raises:
            ValueError: a word is not of the known ones, or the measures it rests on are missing.
        """
        if self.risk not in RISKS or self.outcome not in OUTCOMES:
            raise ValueError(f"assessment: risk one of {', '.join(RISKS)}; outcome one of {', '.join(OUTCOMES)}")
        if self.outcome == "with-measures" and not self.measures.strip():
            raise ValueError("assessment: acceptable with measures, so name them")
        return {
            "on": self.on.isoformat(), "risk": self.risk, "outcome": self.outcome, "measures": self.measures.strip(),
            "who": self.who.strip(),
        }  # fmt: skip


def purposes_in_force() -> dict[str, Purpose]:
    """The newest version in force of each purpose, in the order of their numbers; what ships where nothing is kept yet."""
    held = {change.name: change for change in in_force("purpose").values()}
    found: dict[str, Purpose] = {}
    for slug in PURPOSES:
        change, (version, content) = held.get(slug), shipped()[slug]
        if change is None:
            found[slug] = purpose_of(slug, version, 0, content)
        else:
            found[slug] = purpose_of(slug, change.version, change.revision, change.content)
    return found


def purpose_said(slug: str, version: int, at: datetime) -> Purpose:
    """A version of a purpose as it was in force at a moment: what somebody who agreed to it then had before them.

    Of a version the newest revision of that time; the one in force now where the register knows no such version.
    """
    found: Purpose | None = None
    for change in sorted(changes("purpose", slug), key=lambda one: (one.version, one.revision)):
        began = _began(change)
        if change.version == version and began is not None and (found is None or began <= at):
            found = purpose_of(slug, change.version, change.revision, change.content)
    return found or purposes_in_force()[slug]


def in_force(register: str) -> dict[str, Change]:
    """The newest change in force by the name of its purpose or notice."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, [register])
        ids = dict(cursor.fetchall())
    rows = Change.objects.in_bulk(list(ids.values()))
    return {name: rows[id] for name, id in ids.items()}


def register_shipped() -> None:
    """Bring what ships into the register, as the owner of the schema; what the office put in force stays before it."""
    held = in_force("purpose")
    for slug, (version, content) in shipped().items():
        change = held.get(slug)
        revision, base = 0, None
        if change is not None:
            if not change.shipped or change.content == content:
                continue
            base = change
            version, revision = _number(change, wider=bool(widened(change.content, content)), at_least=version)
        Change.objects.create(
            id=_shipped_id(slug, version, revision), register="purpose", name=slug, version=version, revision=revision,
            base=base, content=content, shipped=True,
        )  # fmt: skip


def propose_purpose(slug: str, parts: Mapping[str, Any], *, meaning: bool, reason: str, by: UUID, id: UUID) -> Change:
    """Propose a version of a purpose; ``parts`` that are left out stay as they are in force.

    Raises:
        KeyError: no such purpose.
        ValueError: a part is unknown or of another form.
        NothingChanges: it says what is in force.
        ProposalOpen: another change of it waits.
    """
    if slug not in PURPOSES:
        raise KeyError(slug)
    with transaction.atomic():
        lock("purpose", slug)
        base = in_force("purpose")[slug]
        content = content_of(slug, {**base.content, **parts})
        if content == base.content and not meaning:
            raise NothingChanges(slug)
        require_none_open("purpose", slug)
        wider = meaning or bool(widened(base.content, content))
        version, revision = _number(base, wider=wider)
        return Change.objects.create(
            id=id, register="purpose", name=slug, version=version, revision=revision, base=base, content=content,
            meaning=meaning, reason=reason.strip(), proposed_by=by,
        )  # fmt: skip


def assess(change: UUID, assessment: Assessment, *, by: UUID, role: str, id: UUID) -> Step:
    """Record an impact assessment; the latest counts.

    Raises:
        UnknownChange: no such change.
        ProposalEnded: it was decided before.
        ValueError: as :meth:`Assessment.packed`.
    """
    with transaction.atomic():
        held = _open(change)
        return _step(held, "assessed", by=by, role=role, id=id, content=assessment.packed())


def approve(change: UUID, *, by: UUID, role: str, id: UUID) -> Change:
    """Put a change in force.

    Raises:
        UnknownChange: no such change.
        ProposalEnded: it was decided before.
        ProposalOutdated: written against a version that is no longer in force.
        OwnProposal: by whoever proposed it.
        AssessmentMissing: it widens, and its assessment is missing or says no.
    """
    with transaction.atomic():
        held = _open(change)
        if held.proposed_by == by:
            raise OwnProposal
        current = in_force(held.register).get(held.name)
        if held.base_id != (current.id if current else None):
            raise ProposalOutdated
        if needs_assessment(held) and not assessed(held):
            raise AssessmentMissing
        _step(held, "approved", by=by, role=role, id=id, content={})
        return held


def refuse(change: UUID, *, reason: str, by: UUID, role: str, id: UUID) -> Change:
    """Refuse a change, with the reason.

    Raises:
        UnknownChange: no such change.
        ProposalEnded: it was decided before.
        OwnProposal: by whoever proposed it: they withdraw it.
        ValueError: no reason.
    """
    if not reason.strip():
        raise ValueError("a refusal has its reason")
    with transaction.atomic():
        held = _open(change)
        if held.proposed_by == by:
            raise OwnProposal
        _step(held, "refused", by=by, role=role, id=id, content={"reason": reason.strip()})
        return held


def withdraw(change: UUID, *, by: UUID, role: str, id: UUID) -> Change:
    """Withdraw one's own proposal.

    Raises:
        UnknownChange: no such change.
        ProposalEnded: it was decided before.
        OwnProposal: it is somebody else's.
    """
    with transaction.atomic():
        held = _open(change)
        if held.proposed_by != by:
            raise OwnProposal
        _step(held, "withdrawn", by=by, role=role, id=id, content={})
        return held


def needs_assessment(change: Change) -> bool:
    """Whether an impact assessment comes before it is in force: it widens a use, or its meaning becomes another."""
    return change.register == "purpose" and change.base is not None and bool(wider_parts(change))


def wider_parts(change: Change) -> tuple[str, ...]:
    """The parts of a change that reach further than its base, ``meaning`` first where somebody declared it."""
    if change.register != "purpose" or change.base is None:
        return ()
    return (("meaning",) if change.meaning else ()) + widened(change.base.content, change.content)


def assessed(change: Change) -> bool:
    """Whether the latest assessment lets it come in force."""
    latest = change.steps.filter(kind="assessed").order_by("-at").first()
    return latest is not None and latest.content["outcome"] != "not-acceptable"


def changes(register: str, name: str | None = None) -> list[Change]:
    """Every change of the register, or of one purpose or notice, newest first, with its steps and its base."""
    rows = Change.objects.filter(register=register).select_related("base").prefetch_related("steps")
    if name is not None:
        rows = rows.filter(name=name)
    return list(rows.order_by("name", "-version", "-revision"))


def change_of(id: UUID) -> Change:
    """One change with its steps and its base.

    Raises:
        UnknownChange: no such one.
    """
    found = Change.objects.select_related("base").prefetch_related("steps").filter(id=id).first()
    if found is None:
        raise UnknownChange
    return found


def lock(register: str, name: str) -> None:
    """Let one change of this purpose or notice be written or decided at a time, to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select register_lock(%s, %s)", [register, name])


def number(change: Change) -> str:
    """Its version as people write it."""
    return written(change.version, change.revision)


def next_version(register: str, name: str) -> int:
    """The next version's number; one that was refused is never given again."""
    held = Change.objects.filter(register=register, name=name).aggregate(most=Max("version"))["most"]
    return (held or 0) + 1


def enter(
    register: str, name: str, *, base: Change | None, content: dict[str, Any], reason: str, by: UUID, id: UUID
) -> Change:
    """Have a version wait for a second person, under the next number.

    Raises:
        ProposalOpen: another change of it waits.
    """
    require_none_open(register, name)
    return Change.objects.create(
        id=id, register=register, name=name, version=next_version(register, name), base=base, content=content,
        reason=reason.strip(), proposed_by=by,
    )  # fmt: skip


def require_none_open(register: str, name: str) -> None:
    """Let on where no other change of this purpose or notice waits.

    Raises:
        ProposalOpen: one does.
    """
    waiting = Change.objects.filter(register=register, name=name, shipped=False)
    if waiting.exclude(steps__kind__in=["approved", "refused", "withdrawn"]).exists():
        raise ProposalOpen(name)


def _began(change: Change) -> datetime | None:
    """When a change came in force; None: it never did."""
    if change.shipped:
        return change.proposed_at
    return next((step.at for step in change.steps.all() if step.kind == "approved"), None)


def _number(base: Change, *, wider: bool, at_least: int = 0) -> tuple[int, int]:
    if wider:
        return max(at_least, next_version(base.register, base.name)), 0
    alike = Change.objects.filter(register=base.register, name=base.name, version=base.version)
    return base.version, (alike.aggregate(most=Max("revision"))["most"] or 0) + 1


def _open(id: UUID) -> Change:
    held = change_of(id)
    lock(held.register, held.name)
    if held.shipped or held.steps.exclude(kind="assessed").exists():
        raise ProposalEnded
    return held


def _step(change: Change, kind: str, *, by: UUID, role: str, id: UUID, content: dict[str, str]) -> Step:
    return Step.objects.create(id=id, change=change, kind=kind, by=by, role=role, content=content)


def _shipped_id(slug: str, version: int, revision: int) -> UUID:
    """The same everywhere: a shipped version is the same thing in each installation."""
    return UUID(int=(PURPOSES[slug] << 64) | (version << 16) | revision)
