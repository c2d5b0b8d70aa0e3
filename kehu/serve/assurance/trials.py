"""Trials of a change of policies as jobs: asked for, worked on with their progress, read, cancelled, forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.read import raw_connection
from kehu.guard.gate.replay import replay
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.serve.assurance.models import WORKING, PolicyTrial
from kehu.serve.assurance.rules import LONGEST, replay_answer
from kehu.serve.assurance.tasks import try_policies
from kehu.serve.assurance.trial import policies_of, proposed_files
from kehu.vault.ids import new_id

KEPT: Final = timedelta(days=30)
_LISTED: Final = 10
_LINES: Final = 2_000
"""Lines of a result that are kept, those of the most rows."""


class UnknownTrial(LookupError):
    """No trial of that id; or it is older than thirty days."""


class Cancelled(Exception):
    """Whoever asked for it does not want it any more."""


def ask(files: Mapping[str, bytes], *, days: int, actor: Actor) -> PolicyTrial:
    """Have a set tried on what was decided in the last days; recorded as a reading of the ledger.

    Raises:
        ActRefused: the role may not read the ledger.
        ValueError: as :func:`kehu.serve.assurance.trial.proposed_files` and :func:`kehu.serve.assurance.trial.policies_of`.
    """
    require_act("read-ledger", actor)
    taken = proposed_files(files)
    policies_of(taken)  # what does not fit is told at once
    with transaction.atomic():
        made = PolicyTrial.objects.create(
            id=new_id(), asked_by=actor.human, days=max(1, min(days, LONGEST)), files=taken
        )
        record_act("read-ledger", None, actor=actor, detail=made.id)
        try_policies.defer(trial=str(made.id))
    return made


def run(id: UUID) -> None:
    """Work through one; after a crash from the beginning, for nothing is changed by it."""
    held = PolicyTrial.objects.filter(id=id).first()
    if held is None or not _move(id, decided=0, decisions=None, state="running"):
        return

    def tell(decided: int, decisions: int) -> None:
        if not _move(id, decided=decided, decisions=decisions):
            raise Cancelled

    try:
        since = datetime.now(UTC) - timedelta(days=held.days)
        found = replay(raw_connection(), installation().rules, policies_of(held.files or {}), since=since, tell=tell)
        answer = replay_answer(found, days=held.days)
        answer["lines"], answer["changes"] = len(answer["changes"]), answer["changes"][:_LINES]
        _move(id, decided=found.decisions, decisions=found.decisions, **_ended("done"), result=answer)
    except Cancelled:
        return
    except BaseException:
        _move(id, **_ended("failed"))
        raise


def cancel(id: UUID, *, actor: Actor) -> PolicyTrial:
    """Stop one; what has ended stays as it is.

    Raises:
        ActRefused: the role may not read the ledger.
        Refused: somebody else asked for it.
        UnknownTrial: see there.
    """
    held = trial_of(id, actor=actor)
    if held.asked_by != actor.human:
        raise Refused(DEFAULT_DENY)
    _move(id, **_ended("cancelled"))
    return trial_of(id, actor=actor)


def trial_of(id: UUID, *, actor: Actor) -> PolicyTrial:
    """One trial, for whoever may read the ledger.

    Raises:
        ActRefused: the role may not read the ledger.
        UnknownTrial: see there.
    """
    require_act("read-ledger", actor)
    held = PolicyTrial.objects.filter(id=id).first()
    if held is None:
        raise UnknownTrial(str(id))
    return held


def trials(*, actor: Actor) -> list[tuple[PolicyTrial, str]]:
    """The newest ten, each with the address of who asked.

    Raises:
        ActRefused: the role may not read the ledger.
    """
    require_act("read-ledger", actor)
    found = list(PolicyTrial.objects.defer("files", "result").order_by("-asked_at")[:_LISTED])
    return [(one, asker_of(one)) for one in found]


def asker_of(held: PolicyTrial) -> str:
    """The address of who asked for it; empty where the account is gone."""
    found = Staff.objects.filter(id=held.asked_by).values_list("email", flat=True).first()
    return str(found or "").removesuffix("@home")


def forget_old() -> None:
    """Drop those older than thirty days."""
    PolicyTrial.objects.filter(asked_at__lt=datetime.now(UTC) - KEPT).delete()


def _ended(state: str) -> dict[str, Any]:
    return {"state": state, "files": None, "ended_at": datetime.now(UTC)}


def _move(id: UUID, **changes: Any) -> bool:
    """Change one that is being worked on; False where it has ended."""
    return PolicyTrial.objects.filter(id=id, state__in=WORKING).update(**changes) > 0
