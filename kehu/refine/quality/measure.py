"""Measuring everybody: one stream through the gate as ``accuracy``, act ``measure``; what stays are counts.

Each run looks at everybody: a value ages, is merged or is confirmed without a new record, so a score that looked only at what
is new would be another score. One run at a time; a killed one is marked as failed by the next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import PROFILE_KINDS, gate
from kehu.guard.ledger.record import record_act
from kehu.refine.alone import MEASURING
from kehu.refine.models import WAITING, Proposal
from kehu.refine.quality.models import Finding, Run, Score
from kehu.refine.quality.people import Facts, count_people, people
from kehu.refine.quality.rules import rules_in_force
from kehu.refine.quality.tally import Tally
from kehu.refine.quality.texts import PURPOSE, field_types
from kehu.vault.ids import new_id

Progress = Callable[[float], None]


class MeasuringRuns(RuntimeError):
    """Another measuring is going on."""


def measure(*, actor: Actor, progress: Progress | None = None) -> Run:
    """Measure everybody now; returns the run with its scores.

    Args:
        progress: called with the share done (0 to 1).
    Raises:
        Refused: the role may not.
        MeasuringRuns: another one is going on.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    require_act("measure", actor)
    with _alone():
        run = Run.objects.create(id=new_id(), day=timezone.now().date(), staff=actor.human, total=count_people())
        try:
            _keep(run, _looked(run, actor, progress or (lambda _share: None)), actor)
        except BaseException:
            Run.objects.filter(id=run.id).update(state="failed", ended_at=timezone.now())
            raise
    run.refresh_from_db()
    return run


def _looked(run: Run, actor: Actor, progress: Progress) -> Tally:
    fields = tuple(field_types())
    tally = Tally(rules_in_force(), _doubtful(), fields, timezone.now())
    done = 0
    for page in people():
        facts: dict[UUID, Facts] = {one.customer: one for one in page}
        for opened in gate().stream(
            facts, actor=actor, purpose=PURPOSE, fields=fields, use="measure", kinds=PROFILE_KINDS, detail=run.id
        ):
            for one in opened:
                if (held := facts.get(one.customer)) is not None:  # else joined to another meanwhile
                    tally.look(held, one.origins, one.contributions, finds=one.decision.finds)
            done += len(opened)
            Run.objects.filter(id=run.id).update(done=done)
            progress(min(done / max(run.total, 1), 1.0))
    return tally


def _doubtful() -> frozenset[UUID]:
    """Whom a question is asked about: of a first person or of another one, it waits all the same."""
    pairs = Proposal.objects.filter(state__in=WAITING).values_list("older", "younger")
    return frozenset(one for pair in pairs.iterator() for one in pair)


def _keep(run: Run, tally: Tally, actor: Actor) -> None:
    """The counts, and in place of the last findings those of this run."""
    with transaction.atomic():
        Score.objects.bulk_create(
            [Score(run=run, **one._asdict()) for one in tally.settled() if one.of],
            batch_size=2_000,
        )
        Finding.objects.all().delete()
        here = _still_here({one for held in tally.findings.values() for one in held})
        Finding.objects.bulk_create(
            [Finding(check_name=check, subject=one) for check, held in tally.findings.items() for one in held if one in here],
            batch_size=5_000,
        )  # fmt: skip
        Run.objects.filter(id=run.id).update(state="done", ended_at=timezone.now(), left_out=tally.left_out)
        record_act("measure", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=run.id)


def _still_here(subjects: set[UUID]) -> set[UUID]:
    """Those who were not erased while the others were looked at, held until this is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject from subject_state where subject = any (%s) and not hidden order by subject for key share",
            [sorted(subjects, key=lambda one: one.int)],
        )
        return {row[0] for row in cursor.fetchall()}


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    if not MEASURING.take():
        raise MeasuringRuns
    with MEASURING.released():
        Run.objects.filter(state="running").update(state="failed", ended_at=timezone.now())
        yield
