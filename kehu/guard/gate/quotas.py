"""Quotas: how many customers a person may use in an hour and a day, for each purpose, by all processes together.

The count stands in the database, so it survives a restart and no process has one of its own. Asking it for each customer
would cost a read more than the rest of its Python, so a process takes a thirtieth of an hour's quota at once and hands it
out: a quota is never exceeded, and may end that much early for each process that took a part it did not use. A process
that ends with one command takes what it asks for and no more (:func:`no_more_than_asked`). A part taken
under another quota than now is handed out for :data:`HEEDED` seconds at most.

What is asked counts, whatever the gate answers: that somebody may not be shown says something of them, too. An emergency
that broke the glass is let on: an alert tells of it, and nobody's life waits for an hour to pass.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.quotas import FREE, METERS, Quota, shipped_quotas
from kehu.govern.slugs import PURPOSES, ROLES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.uses import USES
from kehu.guard.watch import house

SPENT: Final = "house.quota"
HEEDED: Final = 10.0  # seconds until every process heeds a quota that was set
_PARTS: Final = 30  # of an hour's quota
_FREE_PART: Final = (
    30  # taken at once where there is no quota: what is not used of it counts against one that is set later
)
_KEPT: Final = 1_000  # leases held before those of hours gone by are dropped
_HOUR: Final = 3600


_REFUSED: Final = """
select d.day, sum(t.refused)::integer from guard_staff s
    cross join lateral (select coalesce(nullif(s.zone, ''), %s) as zone) z
    cross join lateral (select (clock_timestamp() at time zone z.zone)::date as day) d
    join quota_taken t on t.human = s.id and t.hour > (d.day::timestamp at time zone z.zone) - interval '1 hour'
where s.id = %s group by d.day
"""
"""A person's day, which is that of an alert, and how often they were refused on it, for whatever purpose."""


_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def no_more_than_asked() -> Iterator[None]:
    """Take no part in advance meanwhile: what a process has left when it ends nobody hands out."""
    before = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(before)


class QuotaSpent(Refused):
    """A person has used as many customers as their role may; ``seconds`` until there is room again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(SPENT)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """What holds for a role: for one purpose, or for every one that has none of its own (empty). ``shipped``: as it came."""

    role: str
    meter: str
    purpose: str
    quota: Quota
    shipped: bool


class Leases:
    """What this process took of quotas and has not handed out."""

    def __init__(self) -> None:
        self._held: dict[tuple[UUID, str, str], tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._newest, self._look_at = 0, 0.0  # the last quota that was set, and when to look for another

    def take(self, subjects: Sequence[UUID], *, actor: Actor, purpose: str, use: str) -> None:
        """Take as many customers as are asked for.

        Raises:
            KeyError: no such use.
            QuotaSpent: there is no room for them; that it was asked stands in the ledger, and an alert tells of the first.
        """
        meter = USES[use].meter
        if not meter or not subjects or actor.role not in ROLES or actor.role == "owner":
            return
        self._heed()
        key, hour, needed = (actor.human, purpose, meter), int(time.time()) // _HOUR, len(subjects)
        with self._lock:
            then, left = self._held.get(key, (hour, 0))
            left, under = left if then == hour else 0, self._newest
            if left >= needed:
                self._held[key] = (hour, left - needed)
                return
        granted = _take(subjects, actor, purpose, meter, use)
        with self._lock:
            if self._newest != under:  # a part of a quota that was, taken while another was set
                return
            then, left = self._held.get(key, (hour, 0))
            self._held[key] = (hour, (left if then == hour else 0) + granted - needed)
            if len(self._held) > _KEPT:
                self._held = {one: held for one, held in self._held.items() if held[0] == hour}

    def _heed(self) -> None:
        """Hand out no more of what was taken before the last quota was set."""
        now = time.monotonic()
        if now < self._look_at:
            return
        with connection.cursor() as cursor:
            cursor.execute("select coalesce(max(id), 0) from quota_limit")
            [newest] = cursor.fetchone()
        with self._lock:
            if newest > self._newest:
                self._held.clear()
            self._newest, self._look_at = max(newest, self._newest), now + HEEDED


def _take(subjects: Sequence[UUID], actor: Actor, purpose: str, meter: str, use: str) -> int:
    quota = shipped_quotas().get((actor.role, meter), FREE)
    needed = len(subjects)
    part = quota.per_hour // _PARTS if quota.per_hour else _FREE_PART
    wanted = needed if _exact.get() else max(needed, part)
    with connection.cursor() as cursor:
        cursor.execute(
            "select granted, seconds from take_quota(%s, %s, %s::smallint, %s::smallint, %s, %s, %s, %s)",
            [actor.human, actor.role, PURPOSES[purpose], METERS[meter], needed, wanted, *quota],
        )
        granted, seconds = cursor.fetchone()
    if granted:
        return int(granted)
    if actor.grant is not None and _emergency(actor, purpose):
        return needed
    _refuse(subjects, actor, purpose, use, meter)
    raise QuotaSpent(int(seconds))


def _emergency(actor: Actor, purpose: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select 1 from access_grant where id = %s and staff = %s and purpose = %s and emergency is not null and approved"
            " and until > clock_timestamp() and ended_at is null",
            [actor.grant, actor.human, PURPOSES[purpose]],
        )
        return cursor.fetchone() is not None


def _refuse(subjects: Sequence[UUID], actor: Actor, purpose: str, use: str, meter: str) -> None:
    from kehu.guard.ledger.record import record_act  # noqa: PLC0415  (both ask the gate themselves)
    from kehu.guard.watch.alerts import raise_alert  # noqa: PLC0415

    try:
        zone = house.zone()
    except ValueError:  # the doctor says what is wrong with the setting
        zone = "UTC"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REFUSED, [zone, actor.human])
        day, refusals = cursor.fetchone()
        one = subjects[0] if len(subjects) == 1 else None
        row = record_act(use, one, actor=actor, purpose=PURPOSES[purpose], refused_by=SPENT)
        evidence = {"rows": [row], "found": [{"measure": f"quota-{meter}", "seen": refusals, "purpose": purpose}]}
        raise_alert("quota", actor.human, evidence, day=day, count=refusals)


def limits() -> list[Limit]:
    """What holds now, by role, meter and purpose."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct on (role, meter, purpose) role, meter, purpose, per_hour, per_day, back from quota_limit"
            " order by role, meter, purpose, id desc"
        )
        rows = cursor.fetchall()
    found = {
        (role, meter, ""): Limit(role, meter, "", quota, True) for (role, meter), quota in shipped_quotas().items()
    }
    for role, number, purpose, per_hour, per_day, back in rows:
        key = (role, name_of(METERS, number), name_of(PURPOSES, purpose) if purpose is not None else "")
        if not back:
            found[key] = Limit(*key, Quota(per_hour, per_day), False)
    order = [*ROLES]
    return sorted(found.values(), key=lambda one: (order.index(one.role), METERS[one.meter], one.purpose))


@transaction.atomic
def set_limit(role: str, meter: str, quota: Quota | None, *, actor: Actor, purpose: str | None = None) -> None:
    """Put a quota in force for a role, for one purpose or for all; None: what held before it does again.

    Raises:
        ActRefused: the actor's role sets no quotas.
        Refused: for one's own role.
        ValueError: no such role, meter or purpose, or numbers that do not fit.
    """
    from kehu.guard.ledger.record import record_act  # noqa: PLC0415  (it asks the gate itself)

    require_act("set-quota", actor)
    if role not in ROLES or role == "owner":
        raise ValueError(f"role: one of {', '.join(ROLES[:-1])}")
    if meter not in METERS:
        raise ValueError(f"meter: one of {', '.join(METERS)}")
    if purpose is not None and purpose not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    numbers = [one for one in quota or () if one is not None]
    if any(one < 1 for one in numbers) or numbers != sorted(numbers):
        raise ValueError("a quota: at least 1, and a day's not less than an hour's")
    if role == actor.role:
        raise Refused("house.own-quota")
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into quota_limit (role, purpose, meter, per_hour, per_day, back, set_by)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [role, PURPOSES[purpose] if purpose else None, METERS[meter], *(quota or FREE), quota is None, actor.human],
        )
    record_act("set-quota", None, actor=actor)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one person took in this hour of the clock and in 24 hours, and how often they were refused in those."""

    email: str
    role: str
    purpose: str
    meter: str
    in_hour: int
    in_day: int
    refused: int


def taken(*, actor: Actor, email: str | None = None) -> list[Taken]:
    """What was taken lately, of one person or of everybody, the most first.

    Raises:
        ActRefused: the role watches nobody.
    """
    require_act("watch", actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.email, s.role, t.purpose, t.meter,"
            " coalesce(sum(t.taken) filter (where t.hour = date_trunc('hour', clock_timestamp())), 0),"
            " sum(t.taken), sum(t.refused) from quota_taken t join guard_staff s on s.id = t.human"
            " where t.hour > date_trunc('hour', clock_timestamp()) - interval '24 hours'"
            " and (%s::text is null or s.email = lower(%s)) group by s.email, s.role, t.purpose, t.meter order by 6 desc",
            [email, email],
        )
        rows = cursor.fetchall()
    return [
        Taken(who, role, name_of(PURPOSES, purpose), name_of(METERS, meter), int(hour), int(day), int(refused))
        for who, role, purpose, meter, hour, day, refused in rows
    ]


def forget_quotas() -> None:
    """Drop what no longer counts."""
    with connection.cursor() as cursor:
        cursor.execute("select forget_quotas()")
