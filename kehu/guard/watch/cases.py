"""Violation cases: what they are, who sees them, and how one is opened. The steps of a case: :mod:`kehu.guard.watch.case_steps`.

What a case may become is the database's matter (migration 0023): each step is a row, looked at by it. Free texts are sealed
under a key of the case's own, opened only after the row of that use stands in the ledger, and gone with the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import Sealed, make_key, open_texts
from kehu.guard.watch.alerts import Alert, close_as_case, select_alerts
from kehu.vault.ids import new_id

STATES: Final = ("open", "told", "heard", "proposed", "decided", "measured", "closed")
STEPS: Final = (
    "joined", "frozen", "unfrozen", "told", "answered", "heard", "decided", "confirmed", "sent-back", "measured",
    "incident", "closed",
)  # fmt: skip
FINDINGS: Final = ("unfounded", "violation")
MEASURES: Final = ("none", "talk", "retrain", "narrowed", "post", "employment", "authority")
HEAVY: Final = frozenset({"post", "employment", "authority"})
"""Measures that a second person confirms: another post, the law of employment up to dismissal, a report to an authority."""
WAYS: Final = ("in-person", "in-writing", "silent")
SECURITY: Final = PURPOSES["security"]
LONGEST_TEXT: Final = 4_000  # characters
WHY: Final = frozenset(
    {"state", "party", "second", "hand", "last-privacy", "owner", "frozen", "retrain", "measures", "alert"}
)
_COLUMNS: Final = (
    "id", "number", "human", "role", "opened_at", "state", "frozen_at", "told_at", "answer_by", "finding", "measures",
    "decided_by", "decided_at", "incident", "closed_at", "keep_until",
)  # fmt: skip


class UnknownCase(LookupError):
    """No case of that number that one may see."""


class StepRefused(RuntimeError):
    """The database did not take a step; ``why`` is one of its words.

    ``state``: not the step of this state; ``party``: it is about themselves, or they are a party; ``second``: the same person
    twice; ``hand``: the role takes no such step; ``last-privacy``: nobody of the privacy office would be left; ``owner``: the
    owner of the home; ``frozen``, ``retrain``: it cannot close yet; ``measures``: they do not go together; ``alert``: not an
    open alert about this person.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it stands. ``email``, ``name``, ``role``, ``department``: of the person it is about.

    ``opened_by``: the email of who opened it.
    ``alerts``: ids of what noticed it; ``parties``: who takes no step in it; ``answer_by``: until when the person may answer
    before anybody goes on without them; ``keep_until``: the day after which it is deleted.
    """

    id: UUID
    number: int
    human: UUID
    email: str
    name: str
    role: str
    department: str
    opener: UUID
    opened_by: str
    opened_at: datetime
    state: str
    frozen_at: datetime | None
    told_at: datetime | None
    answer_by: datetime | None
    finding: str | None
    measures: tuple[str, ...]
    decided_by: UUID | None
    decided_at: datetime | None
    incident: UUID | None
    closed_at: datetime | None
    keep_until: datetime | None
    alerts: tuple[UUID, ...]
    parties: tuple[UUID, ...]

    @property
    def answer_over(self) -> bool:
        """Whether the days to answer have passed."""
        return self.answer_by is not None and self.answer_by <= timezone.now()

    @property
    def heavy(self) -> bool:
        """Whether a second person has to confirm what was found."""
        return bool(HEAVY.intersection(self.measures))


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was taken. ``by``: the email of who took it; ``note``: their words, None where there were none."""

    step: str
    at: datetime
    by: str
    way: str | None
    finding: str | None
    measures: tuple[str, ...]
    detail: UUID | None
    note: str | None


def open_case(*, actor: Actor, human: UUID, alerts: Sequence[int] = (), parties: Sequence[UUID] = ()) -> Case:
    """Open a case about a member of staff, from alerts (by their numbers) or by hand; who opens by hand is a party in it.

    Raises:
        ActRefused: the role may not.
        StepRefused: ``owner``, ``party`` (it is about oneself), ``alert`` (one is about somebody else).
        UnknownAlert, AlertClosed: as :func:`kehu.guard.watch.alerts.close_as_case`.
        LookupError: nobody of that id.
    """
    require_act("open-case", actor)
    if alerts:
        require_act("take-alert", actor)
    with connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from guard_staff where id = %s)", [human])
        if not cursor.fetchone()[0]:
            raise LookupError("staff")
    if human == actor.human:
        raise StepRefused("party")
    id = new_id()
    with refusals(), transaction.atomic(), connection.cursor() as cursor:
        make_key(id)
        cursor.execute("insert into watch_case (id, human, opened_by) values (%s, %s, %s)", [id, human, actor.human])
        named = {*parties, *(() if alerts else (actor.human,))}
        cursor.executemany("insert into watch_case_party (case_id, staff) values (%s, %s)", [(id, p) for p in named])
        hand_over(id, alerts, actor=actor)
        record_act("open-case", None, actor=actor, purpose=SECURITY, detail=id)
    return select_cases("c.id = %s", [id])[0]


def hand_over(case: UUID, alerts: Sequence[int], *, actor: Actor) -> None:
    """Close alerts as of a case, in the caller's transaction.

    Raises:
        UnknownAlert, AlertClosed: as :func:`kehu.guard.watch.alerts.close_as_case`.
        IntegrityError: one is about somebody else; see :func:`refusals`.
    """
    with connection.cursor() as cursor:
        for alert in close_as_case(list(dict.fromkeys(alerts)), actor=actor):
            cursor.execute(
                "insert into watch_case_step (id, case_id, step, taken_by, detail) values (%s, %s, 1, %s, %s)",
                [new_id(), case, actor.human, alert],
            )


def cases(*, actor: Actor, still: bool | None = None, human: UUID | None = None) -> list[Case]:
    """Every one but those about oneself, what is not closed first; ``still``: only those that are not closed, or that are.

    Raises:
        ActRefused: the role may not.
    """
    require_act("cases", actor)
    return select_cases(
        "c.human <> %s and (%s::boolean is null or (c.state < 7) = %s) and (%s::uuid is null or c.human = %s)"
        " order by c.state = 7, c.number desc",
        [actor.human, still, still, human, human],
    )


def case_of(number: int, *, actor: Actor) -> Case:
    """One of :func:`cases`.

    Raises:
        ActRefused: the role may not.
        UnknownCase: none, or about oneself: what one may know of that stands in :mod:`kehu.guard.watch.case_own`.
    """
    require_act("cases", actor)
    found = select_cases("c.number = %s and c.human <> %s", [number, actor.human])
    if not found:
        raise UnknownCase(str(number))
    return found[0]


def case_of_alert(alert: UUID) -> int | None:
    """The number of the case that an alert went into."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.number from watch_case_alert a join watch_case c on c.id = a.case_id where a.alert = %s", [alert]
        )
        row = cursor.fetchone()
    return row[0] if row else None


def alerts_of(held: Case) -> list[Alert]:
    """What noticed it, the oldest first; to whoever may see the case, and to the person it is about."""
    return select_alerts("a.id = any (%s) order by a.number", [list(held.alerts)])


def timeline(number: int, *, actor: Actor) -> list[Step]:
    """Every step of a case with its words, the oldest first; reading the words is a use, which stands in the ledger.

    Raises:
        ActRefused, UnknownCase: as :func:`case_of`.
        InsideTransaction: called inside a transaction.
    """
    held = case_of(number, actor=actor)
    return steps_of(held, actor=actor)


def steps_of(held: Case, *, actor: Actor) -> list[Step]:
    """Steps with their words, for whoever was let on by the caller; the row of that use comes first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select t.id, t.step, t.at, s.email, t.way, t.finding, t.measures, t.detail, t.note from watch_case_step t"
            " join guard_staff s on s.id = t.taken_by where t.case_id = %s order by t.number",
            [held.id],
        )
        rows = cursor.fetchall()
    sealed = [Sealed(held.id, row[0], bytes(row[8])) for row in rows if row[8] is not None]
    words = iter(open_texts(sealed, None, actor=actor, act="read-case", purpose=SECURITY, detail=held.id))
    return [
        Step(
            STEPS[step - 1], at, by, WAYS[way - 1] if way else None, FINDINGS[finding - 1] if finding else None,
            tuple(MEASURES[one - 1] for one in measures or ()), detail, next(words) if note is not None else None,
        )
        for _id, step, at, by, way, finding, measures, detail, note in rows
    ]  # fmt: skip


@contextmanager
def refusals() -> Iterator[None]:
    """What the database refuses becomes :class:`StepRefused` with its word for it."""
    try:
        yield
    except IntegrityError as no:
        word = getattr(getattr(no.__cause__, "diag", None), "constraint_name", None)
        raise StepRefused(word if word in WHY else "state") from None


def select_cases(rest: str, given: list[Any]) -> list[Case]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(f'c.{name}' for name in _COLUMNS)}, s.email, s.name, d.slug, o.id, o.email,"
            " array(select a.alert from watch_case_alert a where a.case_id = c.id order by 1),"
            " array(select p.staff from watch_case_party p where p.case_id = c.id order by 1)"
            " from watch_case c join guard_staff s on s.id = c.human join guard_department d on d.id = c.department"
            f" join guard_staff o on o.id = c.opened_by where {rest}",
            given,
        )
        names = (*_COLUMNS, "email", "name", "department", "opener", "opened_by", "alerts", "parties")
        return [_made(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _made(row: dict[str, Any]) -> Case:
    return Case(
        **row
        | {
            "state": STATES[row["state"] - 1],
            "finding": FINDINGS[row["finding"] - 1] if row["finding"] else None,
            "measures": tuple(MEASURES[one - 1] for one in row["measures"] or ()),
            "alerts": tuple(row["alerts"]),
            "parties": tuple(row["parties"]),
        }
    )
