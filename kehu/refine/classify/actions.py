"""Decisions on findings: a field rises to the level of what was found in it, a finding is dismissed, a field goes back."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.govern.dictionary import Dictionary
from kehu.govern.models import RaisedField
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.setup import register_rules
from kehu.refine.classify.kinds import KINDS
from kehu.refine.classify.models import ACCEPTED, DISMISSED, OPEN, REASONS, WITHIN, Finding
from kehu.vault.ids import new_id


class UnknownFinding(LookupError):
    """There is no such finding."""


class Decided(RuntimeError):
    """It was decided before, or the field is of that level as it is."""


class NotRaised(LookupError):
    """The field stands at the level it ships with."""


def accept(finding: UUID, *, actor: Actor) -> Finding:
    """Treat the field, whatever source its values come from, at the level of what was found in it, from the next read on.

    Raises:
        Refused: the role may not.
        UnknownFinding: there is none.
        Decided: it was decided before.
    """
    require_act("accept-finding", actor)
    with transaction.atomic():
        row = _open(finding)
        kind = KINDS[row.kind]
        held = RaisedField.objects.select_for_update().filter(field=row.field, ended_at=None).first()
        if held is None or held.level < kind.level:
            if held is not None:
                held.ended_at, held.ended_by = timezone.now(), actor.human
                held.save()
            RaisedField.objects.create(
                id=new_id(), field=row.field, level=kind.level, sensitive=kind.sensitive, finding=row.id, by=actor.human
            )
        _decide(row, ACCEPTED, actor)
        # other findings in the field that its new level covers are nobody's question any more
        Finding.objects.filter(field=row.field, state=OPEN, level__lte=kind.level).update(state=WITHIN)
        register_rules()
        record_act("accept-finding", None, actor=actor, detail=row.id)
    installation().held_rules.read_again()
    return row


def dismiss(finding: UUID, reason: str, *, actor: Actor) -> Finding:
    """Leave the field as it is: what was found is ``expected`` there, ``mistaken``, or ``harmless``.

    Raises:
        Refused: the role may not.
        UnknownFinding: there is none.
        Decided: it was decided before.
        ValueError: no such reason.
    """
    require_act("dismiss-finding", actor)
    if reason not in REASONS:
        raise ValueError(f"reason: {', '.join(REASONS)}")
    with transaction.atomic():
        row = _open(finding)
        row.reason = reason
        _decide(row, DISMISSED, actor)
        record_act("dismiss-finding", None, actor=actor, detail=row.id)
    return row


def lower(field: str, *, actor: Actor) -> None:
    """Give a field the level back that it ships with; its findings are asked about again.

    Raises:
        Refused: the role may not.
        NotRaised: it stands at that level.
    """
    require_act("lower-field", actor)
    with transaction.atomic():
        held = RaisedField.objects.select_for_update().filter(field=field, ended_at=None).first()
        if held is None:
            raise NotRaised(field)
        held.ended_at, held.ended_by = timezone.now(), actor.human
        held.save()
        # asked about again is what the level it falls to does not cover
        Finding.objects.filter(
            field=field, state__in=(ACCEPTED, WITHIN), level__gt=Dictionary.load().field(field).level
        ).update(state=OPEN, decided_at=None, decided_by=None)
        register_rules()
        record_act("lower-field", None, actor=actor, detail=held.id)
    installation().held_rules.read_again()


def _open(finding: UUID) -> Finding:
    row = Finding.objects.select_for_update().filter(id=finding).first()
    if row is None:
        raise UnknownFinding(str(finding))
    if row.state != OPEN:
        raise Decided(row.state)
    return row


def _decide(row: Finding, state: str, actor: Actor) -> None:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), actor.human
    row.save()
