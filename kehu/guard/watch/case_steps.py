"""Steps of a case: freeze, tell, hear, decide, carry out, close. Each is taken by a person, whom the database looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, acts_open_to, require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import owner_actor
from kehu.guard.staff.step_up import require_step_up
from kehu.guard.tasks import tell_of_case
from kehu.guard.texts import TextTooLong, destroy_keys, seal_under
from kehu.guard.watch.cases import (
    FINDINGS,
    LONGEST_TEXT,
    MEASURES,
    SECURITY,
    STEPS,
    WAYS,
    Case,
    StepRefused,
    case_of,
    hand_over,
    refusals,
)
from kehu.vault.ids import new_id

ACT_OF: Final = {
    "joined": "take-alert", "frozen": "freeze", "unfrozen": "unfreeze", "told": "hear-case", "heard": "hear-case",
    "decided": "decide-case", "confirmed": "decide-case", "sent-back": "decide-case", "measured": "measure-case",
    "incident": "measure-case", "closed": "close-case",
}  # fmt: skip
"""Which act of the ledger a step is, and so which roles may take it."""
SECOND_PERSON: Final = "house.second-person"
STEPPED_UP: Final = frozenset({"frozen", "unfrozen", "decided", "confirmed"})
"""Steps that ask for the second factor of the last ten minutes."""
_NEEDS_WORDS: Final = frozenset({"told", "heard", "decided", "sent-back"})
_BEFORE_DECISION: Final = ("open", "told", "heard")


def join(number: int, alert: int, *, actor: Actor) -> Case:
    """Take another open alert about the same person into a case; they are told of it before anybody decides.

    Raises:
        ActRefused, UnknownCase, StepRefused: as they say.
        UnknownAlert, AlertClosed: as :func:`kehu.guard.watch.alerts.close_as_case`.
    """
    require_act("open-case", actor)
    require_act("take-alert", actor)
    held = case_of(number, actor=actor)
    with refusals(), transaction.atomic():
        hand_over(held.id, [alert], actor=actor)
        record_act("open-case", None, actor=actor, purpose=SECURITY, detail=held.id)
    return case_of(number, actor=actor)


def freeze(number: int, *, actor: Actor) -> Case:
    """End every window and token of the person now, and let them sign in no more until it is ended.

    Raises:
        ActRefused, UnknownCase: as they say.
        Refused: the second factor was not shown lately.
        StepRefused: ``last-privacy``: somebody has to be left to end it.
    """
    return _take(number, "frozen", actor=actor)


def unfreeze(number: int, *, actor: Actor) -> Case:
    """Let the person sign in again, also after the case is closed.

    Raises:
        As :func:`freeze`.
    """
    return _take(number, "unfrozen", actor=actor)


def tell(number: int, text: str, *, actor: Actor) -> Case:
    """Tell the person what they are accused of; with it they see the counts and times of every alert in the case.

    They have five days to answer. A letter says that there is something to read, and nothing of what.

    Raises:
        ActRefused, UnknownCase, StepRefused: as they say.
        ValueError: nothing, or too much, is said.
    """
    return _take(number, "told", actor=actor, text=text, beside=lambda held: tell_of_case.defer(case=str(held.id)))


def hear(number: int, record: str, way: str, *, actor: Actor) -> Case:
    """Record that the person was heard; ``silent`` only once their days to answer are over.

    Raises:
        ActRefused, UnknownCase, StepRefused: as they say.
        ValueError: no record, or no such way.
    """
    if way not in WAYS:
        raise ValueError(f"way: one of {', '.join(WAYS)}")
    return _take(number, "heard", actor=actor, text=record, way=way)


def decide(number: int, finding: str, measures: Sequence[str], reasons: str, *, actor: Actor) -> Case:
    """Find whether something was violated, and what follows; heavy measures wait for a second person.

    Raises:
        ActRefused, UnknownCase: as they say.
        Refused: the second factor was not shown lately.
        StepRefused: ``state`` (nobody was heard), ``party``, ``measures`` (they do not go together).
        ValueError: no such finding or measure, or no reasons.
    """
    if finding not in FINDINGS:
        raise ValueError(f"finding: one of {', '.join(FINDINGS)}")
    if not measures or not set(measures) <= set(MEASURES):
        raise ValueError(f"measures: some of {', '.join(MEASURES)}")
    return _take(number, "decided", actor=actor, text=reasons, finding=finding, measures=measures)


def confirm(number: int, *, actor: Actor) -> Case:
    """Let heavy measures be: another person than who decided. They are in force from now on.

    Raises:
        ActRefused, UnknownCase: as they say.
        Refused: the second factor was not shown lately.
        StepRefused: ``second``, ``party``, ``state``.
    """
    return _take(number, "confirmed", actor=actor)


def send_back(number: int, reasons: str, *, actor: Actor) -> Case:
    """Do not let them be: it is decided anew.

    Raises:
        As :func:`confirm`, and ValueError: no reasons.
    """
    return _take(number, "sent-back", actor=actor, text=reasons)


def carry_out(number: int, note: str = "", *, actor: Actor) -> Case:
    """Record that the measures were carried out; what the system does itself was done with the decision.

    Raises:
        ActRefused, UnknownCase, StepRefused: as they say.
    """
    return _take(number, "measured", actor=actor, text=note)


def note_incident(number: int, incident: UUID, *, actor: Actor) -> Case:
    """Note that an incident was opened over what the case brought to light, in the caller's transaction.

    Raises:
        ActRefused, UnknownCase, StepRefused: as they say.
    """
    return _take(number, "incident", actor=actor, detail=incident)


def close(number: int, *, actor: Actor) -> Case:
    """Close it: half a year after something unfounded, three years after a violation, it is deleted.

    Raises:
        ActRefused, UnknownCase: as they say.
        StepRefused: ``state`` (measures come first), ``frozen``, ``retrain`` (the course is still to be passed).
    """
    return _take(number, "closed", actor=actor)


def steps_open(held: Case, actor: Actor) -> tuple[str, ...]:
    """Steps that somebody of this role may take next, the one that leads on first; the database decides."""
    state, steps = held.state, list[str]()
    way_on = {
        "open": ["told"],
        "told": ["heard"],
        "heard": ["decided", "heard"],
        "proposed": ["confirmed", "sent-back"],
        "decided": ["closed"] if held.measures == ("none",) else ["measured"],
        "measured": ["closed"],
        "closed": [],
    }
    steps += way_on[state]
    if state in ("told", "heard"):
        steps.append("told")
    steps += ["unfrozen"] if held.frozen_at else ["frozen"] if state != "closed" else []
    if state != "closed" and held.incident is None:
        steps.append("incident")
    if state in _BEFORE_DECISION:
        steps.append("joined")
    if actor.human == held.decided_by and state == "proposed":
        steps = [one for one in steps if one not in ("confirmed", "sent-back")]
    if actor.human == held.human or actor.human in held.parties:
        steps = [one for one in steps if one in ("frozen", "joined") and actor.human == held.opener]
    theirs = acts_open_to(actor)
    return tuple(one for one in steps if ACT_OF[one] in theirs)


def forget_closed() -> int:
    """Delete the cases whose day has come, with their keys; returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select forget_watch_cases()")
        gone: list[UUID] = [row[0] for row in cursor.fetchall()]
        if gone:
            destroy_keys(gone)
            record_act("forget-cases", None, actor=owner_actor(), purpose=SECURITY)
    return len(gone)


def _take(
    number: int,
    step: str,
    *,
    actor: Actor,
    text: str = "",
    way: str | None = None,
    finding: str | None = None,
    measures: Sequence[str] = (),
    detail: UUID | None = None,
    beside: Callable[[Case], object] | None = None,
) -> Case:
    """Take a step; ``beside``: what is done in the same transaction."""
    act = ACT_OF[step]
    require_act(act, actor)
    held = case_of(number, actor=actor)
    if step in STEPPED_UP:
        require_step_up(actor)
    note = words(text, wanted=step in _NEEDS_WORDS)
    try:
        with refusals(), transaction.atomic():
            write_step(
                held, step, by=actor.human, note=note, way=way, finding=finding, measures=measures, detail=detail
            )
            record_act(act, None, actor=actor, purpose=SECURITY, detail=held.id)
            if beside is not None:
                beside(held)
    except StepRefused as no:
        if no.why in ("party", "second"):
            with transaction.atomic():
                record_act(act, None, actor=actor, purpose=SECURITY, detail=held.id, refused_by=SECOND_PERSON)
            raise Refused(SECOND_PERSON) from None
        raise
    return case_of(number, actor=actor)


def write_step(
    held: Case,
    step: str,
    *,
    by: UUID,
    note: str,
    way: str | None = None,
    finding: str | None = None,
    measures: Sequence[str] = (),
    detail: UUID | None = None,
) -> None:
    """Write the row that moves a case, in the caller's transaction; the database looks at it."""
    id = new_id()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into watch_case_step (id, case_id, step, taken_by, way, finding, measures, detail, note)"
            " values (%s, %s, %s, %s, %s, %s, %s::smallint[], %s, %s)",
            [
                id, held.id, STEPS.index(step) + 1, by, WAYS.index(way) + 1 if way else None,
                FINDINGS.index(finding) + 1 if finding else None,
                [MEASURES.index(one) + 1 for one in measures] if finding else None, detail,
                seal_under(held.id, note, place=id) if note else None,
            ],
        )  # fmt: skip


def words(text: str, *, wanted: bool) -> str:
    """A text as it is kept.

    Raises:
        TextTooLong: see there.
        ValueError: there is none where one is wanted.
    """
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise TextTooLong(LONGEST_TEXT, len(text))
    if wanted and not text:
        raise ValueError(f"text: 1 to {LONGEST_TEXT} characters")
    return text
