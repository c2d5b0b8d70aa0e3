"""The steps of a change of a purpose or notice: each allowed to a role, and each a row of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import transaction

from kehu.govern import notices, register, sources
from kehu.govern.models import Change
from kehu.govern.notices import Covered
from kehu.govern.register import Assessment, AssessmentMissing, OwnProposal
from kehu.guard.access import owners
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.setup import register_rules
from kehu.guard.staff.models import Department, Staff
from kehu.vault.ids import new_id

SECOND_PERSON: Final = "house.second-person"
ASSESSMENT: Final = "house.assessment"
T = TypeVar("T")


class AlonePrivacy(PermissionError):
    """The privacy office alone wanted it and would let it through (GDPR 38(6))."""


def propose_purpose(
    slug: str, parts: Mapping[str, Any], *, meaning: bool = False, reason: str = "", actor: Actor
) -> Change:
    """Propose a version of a purpose; parts left out stay as they are in force.

    Raises:
        Refused: the role may not.
        KeyError: no such purpose.
        ValueError: a part is unknown, of another form, or names a department there is not.
        NothingChanges, ProposalOpen: as :func:`kehu.govern.register.propose_purpose`.
    """
    _require("propose", actor)
    departments = parts.get("departments", [])
    if isinstance(departments, list):
        known = set(Department.objects.values_list("slug", flat=True))
        if not {one for one in departments if isinstance(one, str)} <= known:
            raise ValueError(f"departments: of {', '.join(sorted(known - {'owner'}))}")
    with transaction.atomic():
        made = register.propose_purpose(slug, parts, meaning=meaning, reason=reason, by=actor.human, id=new_id())
        record_act("propose", None, actor=actor, detail=made.id)
    return made


def propose_notice(
    name: str,
    texts: Mapping[str, str],
    covers: Mapping[str, Covered] | None = None,
    *,
    on: datetime | None = None,
    reason: str = "",
    actor: Actor,
) -> Change:
    """Propose a version of a notice; without ``covers`` it tells of every purpose in force with all its fields.

    Raises:
        Refused: the role may not.
        ValueError, NothingChanges, ProposalOpen: as :func:`kehu.govern.notices.propose`.
    """
    _require("propose", actor)
    said = covers if covers is not None else whole_cover()
    with transaction.atomic():
        made = notices.propose(name, texts, said, on=on, reason=reason, by=actor.human, id=new_id())
        record_act("propose", None, actor=actor, detail=made.id)
    return made


def propose_source(name: str, parts: Mapping[str, Any], *, reason: str = "", actor: Actor) -> Change:
    """Propose a source of data, or another version of one; parts left out stay as they are in force.

    Raises:
        Refused: the role may not.
        ValueError, NothingChanges, ProposalOpen: as :func:`kehu.govern.sources.propose`.
    """
    _require("propose", actor)
    with transaction.atomic():
        made = sources.propose(name, parts, reason=reason, by=actor.human, id=new_id())
        record_act("propose", None, actor=actor, detail=made.id)
    return made


def whole_cover() -> dict[str, Covered]:
    """Every purpose in force with the fields it needs; one that waits to be widened, as it will be.

    People are told before a wider use begins (GDPR 13(3), PIPL 17), so a notice may name the version that waits.
    """
    found = {slug: Covered(one.version, one.least) for slug, one in register.purposes_in_force().items()}
    for slug, change in open_changes("purpose").items():
        if register.wider_parts(change):
            found[slug] = Covered(change.version, found[slug].fields | frozenset(change.content["least"]))
    return found


def open_changes(kind: str) -> dict[str, Change]:
    """The change that waits, by the name of its purpose or notice."""
    return {
        change.name: change
        for change in register.changes(kind)
        if not change.shipped and all(step.kind == "assessed" for step in change.steps.all())
    }


def assess(change: UUID, assessment: Assessment, *, actor: Actor) -> None:
    """Record the impact assessment of a change.

    Raises:
        Refused: the role may not.
        UnknownChange, ProposalEnded, ValueError: as :func:`kehu.govern.register.assess`.
    """
    _require("assess", actor)
    with transaction.atomic():
        register.assess(change, assessment, by=actor.human, role=actor.role, id=new_id())
        record_act("assess", None, actor=actor, detail=change)


def approve(change: UUID, *, actor: Actor) -> Change:
    """Put a change in force, or a notice on its day; running processes follow by themselves.

    Raises:
        Refused: the role may not, it is their own proposal or one they took over, its impact assessment is missing, or the
            privacy office alone wanted it: it looks at purposes and may stop them, and lets none through alone.
        UnknownChange, ProposalEnded, ProposalOutdated: as :func:`kehu.govern.register.approve`.
    """
    _require("approve", actor)

    def work() -> Change:
        held = register.change_of(change)
        behind = owners.behind(change)
        if behind == actor.human:
            raise OwnProposal
        if actor.role == "privacy" and behind is not None and role_of(behind) == "privacy":
            raise AlonePrivacy
        if behind is not None and held.register != "purpose":
            owners.own_from_the_beginning(held.register, held.name, behind)
        if held.register == "notice":
            notices.approve(change, by=actor.human, role=actor.role, id=new_id())
        elif held.register == "source":
            sources.approve(change, by=actor.human, role=actor.role, id=new_id())
        else:
            register.approve(change, by=actor.human, role=actor.role, id=new_id())
        record_act("approve", None, actor=actor, detail=change)
        register_rules()
        return held

    done = _decided(work, "approve", change, actor)
    installation().held_rules.read_again()
    return done


def refuse(change: UUID, *, reason: str, actor: Actor) -> Change:
    """Refuse a change, with the reason.

    Raises:
        Refused: the role may not, or it is their own proposal.
        ValueError: no reason.
        UnknownChange, ProposalEnded: as :func:`kehu.govern.register.refuse`.
    """
    _require("refuse", actor)

    def work() -> Change:
        held = register.refuse(change, reason=reason, by=actor.human, role=actor.role, id=new_id())
        record_act("refuse", None, actor=actor, detail=change)
        return held

    return _decided(work, "refuse", change, actor)


def withdraw(change: UUID, *, actor: Actor) -> Change:
    """Withdraw one's own proposal.

    Raises:
        Refused: the role may not, or it is another's.
        UnknownChange, ProposalEnded: as :func:`kehu.govern.register.withdraw`.
    """
    _require("retract", actor)

    def work() -> Change:
        held = register.withdraw(change, by=actor.human, role=actor.role, id=new_id())
        record_act("retract", None, actor=actor, detail=change)
        return held

    return _decided(work, "retract", change, actor)


def role_of(staff: UUID) -> str:
    """A person's role as it is now."""
    return str(Staff.objects.values_list("role", flat=True).get(id=staff))


def _require(act: str, actor: Actor) -> None:
    require_act(act, actor)
    require_standing(actor)


def _decided(work: Callable[[], T], act: str, change: UUID, actor: Actor) -> T:
    """Do it, or have the refusal stand in the ledger."""
    try:
        with transaction.atomic():
            return work()
    except OwnProposal:
        policy = SECOND_PERSON
    except AssessmentMissing:
        policy = ASSESSMENT
    except AlonePrivacy:
        policy = owners.INDEPENDENT
    with transaction.atomic():
        record_act(act, None, actor=actor, detail=change, refused_by=policy)
    raise Refused(policy)
