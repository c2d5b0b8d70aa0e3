"""Alerts: raised by the watch or the gate, seen and handled by the privacy office, the auditor and the owner.

What an alert may become is the database's matter (migration 0022): it only grows, nobody handles one about themselves.
Evidence is counts, times and numbers of ledger rows; it never holds a value, or an id, of a customer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.slugs import name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.kinds import KINDS, SEVERITIES, SEVERITY, STATES

SHORTEST_REASON: Final = 10  # characters
LONGEST_REASON: Final = 500
MOST_ROWS: Final = 50  # ledger rows that an alert names; how many there are it says anyway
_AGAIN: Final = 1.5  # how much more than what was closed opens another alert of the same day
_OF_THE_DAY: Final = "kind = %(kind)s and human = %(human)s and day = %(day)s"
_GROW: Final = f"""
update watch_alert set count = greatest(count, %(count)s), severity = greatest(severity, %(severity)s),
    evidence = case when %(count)s > count then %(evidence)s::jsonb else evidence end
where {_OF_THE_DAY} and state < 2 returning number
"""
_CLOSED: Final = f"select max(count) from watch_alert where {_OF_THE_DAY}"
# Another may have raised it meanwhile: then it grows as above.
_RAISE: Final = """
insert into watch_alert as held (kind, severity, human, department, day, count, evidence)
select %(kind)s, %(severity)s, s.id, s.department_id, %(day)s, %(count)s, %(evidence)s::jsonb
from guard_staff s where s.id = %(human)s
on conflict (human, kind, day) where state < 2 do update set count = greatest(held.count, excluded.count),
    severity = greatest(held.severity, excluded.severity),
    evidence = case when excluded.count > held.count then excluded.evidence else held.evidence end
returning number
"""
_COLUMNS: Final = (
    "id", "number", "kind", "severity", "human", "day", "opened_at", "updated_at", "count", "evidence", "state",
    "taken_at", "closed_at", "reason", "told_at",
)  # fmt: skip


class UnknownAlert(LookupError):
    """No alert of that number that one may see."""


class AlertClosed(ValueError):
    """It was dismissed, or is a case."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it stands. ``email``, ``role`` and ``department`` are of the person it is about; ``owner`` who took it.

    ``severity``: ``low``, ``medium`` or ``high``; ``state``: ``open``, ``taken``, ``dismissed`` or ``case``.
    """

    id: UUID
    number: int
    kind: str
    severity: str
    human: UUID
    email: str
    role: str
    department: str
    day: date
    opened_at: datetime
    updated_at: datetime
    count: int
    evidence: Mapping[str, Any]
    state: str
    owner: str
    taken_at: datetime | None
    closed_at: datetime | None
    closed_by: str
    reason: str
    told_at: datetime | None

    @property
    def rows(self) -> tuple[int, ...]:
        """Numbers of ledger rows that it rests on, at most :data:`MOST_ROWS`."""
        return tuple(self.evidence.get("rows", ()))


def raise_alert(
    kind: str,
    human: UUID,
    evidence: Mapping[str, Any],
    *,
    day: date | None = None,
    count: int = 1,
    severity: int | None = None,
) -> int | None:
    """Raise an alert, or let the open one of the same kind, person and day grow; in the caller's transaction.

    ``count`` is how much there is of it by now on that day, not how much more; where it is more than before, ``evidence`` is
    what the alert then says, in place of what it said. ``rows`` in it are numbers of ledger rows, ``since`` and ``until``
    times in ISO form. One that was closed that day comes again only with half as much again. Returns its number; None: it
    was closed and is no more.

    Raises:
        KeyError: no such kind.
        ValueError: no such person, or nothing counted.
    """
    if count < 1:
        raise ValueError("count: at least 1")
    on = day or timezone.now().date()
    who: dict[str, Any] = {"kind": KINDS[kind], "human": human, "day": on}
    held = dict(evidence)
    if "rows" in held:
        held["rows"] = sorted(set(held["rows"]))[-MOST_ROWS:]
    told = who | {"count": count, "severity": severity or SEVERITY[kind], "evidence": json.dumps(held)}
    with connection.cursor() as cursor:
        cursor.execute(_GROW, told)
        found = cursor.fetchone()
        if found is None:
            cursor.execute(_CLOSED, who)
            [closed] = cursor.fetchone()
            if closed is not None and count < closed * _AGAIN:
                return None
            cursor.execute(_RAISE, told)
            found = cursor.fetchone()
    if found is None:
        raise ValueError("human: nobody of that id works here")
    return int(found[0])


def alerts(
    *,
    actor: Actor,
    state: str | Sequence[str] | None = None,
    kind: str | None = None,
    human: UUID | None = None,
    severity: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[Alert]:
    """Alerts, the newest first, of these states (None: all), but none about the asker; ``before``: older than that number.

    Raises:
        ActRefused: the role may not see them.
        KeyError: no such state or kind.
    """
    require_act("watch", actor)
    states = [state] if isinstance(state, str) else list(state) if state is not None else list(STATES)
    wanted: dict[str, Any] = {
        "asker": actor.human, "states": [STATES[one] for one in states], "limit": limit,
    }  # fmt: skip
    where = "a.human <> %(asker)s and a.state = any (%(states)s)"
    if kind is not None:
        where, wanted = where + " and a.kind = %(kind)s", wanted | {"kind": KINDS[kind]}
    if human is not None:
        where, wanted = where + " and a.human = %(human)s", wanted | {"human": human}
    if severity is not None:
        number = {word: held for held, word in SEVERITIES.items()}[severity]
        where, wanted = where + " and a.severity = %(severity)s", wanted | {"severity": number}
    if before is not None:
        where, wanted = where + " and a.number < %(before)s", wanted | {"before": before}
    return select_alerts(f"{where} order by a.number desc limit %(limit)s", wanted)


def alert(number: int, *, actor: Actor) -> Alert:
    """One alert.

    Raises:
        ActRefused: the role may not see it.
        UnknownAlert: there is none of that number, or it is about the asker.
    """
    require_act("watch", actor)
    return _seen(number, actor)


def take(number: int, *, actor: Actor) -> Alert:
    """Take an alert up; whoever takes one that somebody else has, has it from then on.

    Raises:
        ActRefused, UnknownAlert: as :func:`alert`; one's own is refused and recorded.
        AlertClosed: it is closed.
    """
    held = _to_handle("take-alert", number, actor)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update watch_alert set state = 1, owner = %s where id = %s and state < 2", [actor.human, held.id]
        )
        if not cursor.rowcount:
            raise AlertClosed(str(number))
        record_act("take-alert", None, actor=actor, detail=held.id)
    return _seen(number, actor)


def dismiss(number: int, *, actor: Actor, reason: str) -> Alert:
    """Close an alert because it was nothing, and say why; what is usual for the person may then be learnt from that day.

    Raises:
        ActRefused, UnknownAlert, AlertClosed: as :func:`take`.
        ValueError: the reason is shorter than 10 characters, or longer than 500.
    """
    reason = reason.strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise ValueError(f"reason: {SHORTEST_REASON} to {LONGEST_REASON} characters")
    held = _to_handle("dismiss-alert", number, actor)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update watch_alert set state = 2, closed_by = %s, reason = %s where id = %s and state < 2",
            [actor.human, reason, held.id],
        )
        if not cursor.rowcount:
            raise AlertClosed(str(number))
        record_act("dismiss-alert", None, actor=actor, detail=held.id)
    return _seen(number, actor)


def close_as_case(numbers: Sequence[int], *, actor: Actor) -> list[UUID]:
    """Hand alerts over to a case, in the caller's transaction; returns their ids. The case's own act stands in the ledger.

    Raises:
        UnknownAlert: one is not there, or about the asker.
        AlertClosed: one is closed.
    """
    held = [_seen(number, actor) for number in numbers]
    with connection.cursor() as cursor:
        cursor.execute(
            "update watch_alert set state = 3, closed_by = %s, owner = coalesce(owner, %s) where id = any (%s) and state < 2",
            [actor.human, actor.human, [one.id for one in held]],
        )
        if cursor.rowcount < len(held):
            raise AlertClosed(", ".join(map(str, numbers)))
    return [one.id for one in held]


def select_alerts(rest: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[Alert]:
    """Alerts by a condition on ``a``, for this room: it does not ask who wants them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join('a.' + name for name in _COLUMNS)}, s.email, s.role, d.slug, o.email, c.email"
            " from watch_alert a join guard_staff s on s.id = a.human join guard_department d on d.id = a.department"
            " left join guard_staff o on o.id = a.owner left join guard_staff c on c.id = a.closed_by"
            f" where {rest}",
            parameters,
        )
        return [_made(row) for row in cursor.fetchall()]


def _to_handle(act: str, number: int, actor: Actor) -> Alert:
    """The alert that somebody is about to handle.

    Raises:
        ActRefused, UnknownAlert: as :func:`alert`.
    """
    require_act(act, actor)
    try:
        return _seen(number, actor)
    except UnknownAlert:
        if select_alerts("a.number = %s", [number]):  # about themselves: they learn no more, the ledger does
            with transaction.atomic():
                record_act(act, None, actor=actor, refused_by="house.second-person")
        raise


def _seen(number: int, actor: Actor) -> Alert:
    found = select_alerts("a.number = %s and a.human <> %s", [number, actor.human])
    if not found:
        raise UnknownAlert(str(number))
    return found[0]


def _made(row: Sequence[Any]) -> Alert:
    held = dict(zip((*_COLUMNS, "email", "role", "department", "owner", "closed_by"), row, strict=True))
    return Alert(
        held["id"], held["number"], name_of(KINDS, held["kind"]), SEVERITIES[held["severity"]], held["human"],
        held["email"], held["role"], held["department"], held["day"], held["opened_at"], held["updated_at"], held["count"],
        json.loads(held["evidence"]), name_of(STATES, held["state"]), held["owner"] or "", held["taken_at"], held["closed_at"],
        held["closed_by"] or "", held["reason"] or "", held["told_at"],
    )  # fmt: skip


__all__ = [
    "LONGEST_REASON", "SHORTEST_REASON", "Alert", "AlertClosed", "UnknownAlert", "alert", "alerts",
    "close_as_case", "dismiss", "raise_alert", "select_alerts", "take",
]  # fmt: skip
