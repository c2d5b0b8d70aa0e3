"""From the vault to traits, through the gate: of everybody, or of whom something came or changed.

Each customer is computed whole, from all of their events that the gate lets out now. So it makes no difference in which
order they came, and what was joined, parted, taken back or withdrawn counts as it stands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection

from kehu.govern.models import Channel
from kehu.govern.parts import retried
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import CHUNK, EVENT_KINDS, LedgerUnavailable, Opened, Options, gate
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.marks import NOT_HONEY
from kehu.host.away import AWAY
from kehu.host.each import tried
from kehu.refine.derive import due
from kehu.refine.derive.askers import USE, asker_of, of_the_asker, stopped_now
from kehu.refine.derive.computing import counted
from kehu.refine.derive.due import Part
from kehu.refine.derive.faults import NobodyMay
from kehu.refine.derive.frames import Events, packed
from kehu.refine.derive.models import IN_FORCE
from kehu.refine.derive.register import Group, groups, still_in_force
from kehu.refine.derive.values import refresh, settle
from kehu.vault.ids import new_id

_log = logging.getLogger("kehu.derive")
_LOCK_KEY: Final = 0x6B656875_74726169  # "kehutrai"
_PAGE: Final = 2 * CHUNK
_AT_ONCE: Final = 200
_OF_ALL: Final = (LedgerUnavailable, *AWAY)  # what no purpose can do anything about
_OF_A_PURPOSE: Final = ("derive_state", "derive_value", "derive_due")


@dataclass(frozen=True, slots=True)
class Computed:
    """What a run came to.

    ``customers`` asked for, ``let_out`` of whom something was; ``seconds`` of wall time. ``stopped``: purposes that nobody
    may compute now, each with the policy that stands against it; what is kept for them stands as it was.
    """

    customers: int
    let_out: int
    seconds: float
    stopped: Mapping[str, str]


Progress = Callable[[float], None]
_Stopped = dict[Part, NobodyMay]


def compute(*, actor: Actor, progress: Progress | None = None) -> Computed:
    """Compute every trait in force of everybody anew; each purpose that somebody may compute.

    What may not be kept any more is forgotten for all of them: that asks for nobody's right.

    Raises:
        ActRefused: the role may not.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
        Exception: the first that a purpose failed on, once all others have had their turn; what is due of it waits.
    """
    require_act(USE, actor)
    with _alone():
        began, asked, let_out, failed = time.perf_counter(), 0, 0, list[Exception]()
        forget_unheld()
        work, seen, stopped = groups(), due.seen(), _Stopped()

        def whole(numbered: tuple[int, Group]) -> tuple[int, int]:
            (number, group), found = numbered, 0
            customers = _customers(group)
            for done, of_page in enumerate(_pages(customers, group, asker_of(group, actor)), 1):
                found += of_page
                if progress:
                    progress((number + min(1.0, done * _PAGE / max(1, len(customers)))) / len(work))
            refresh(group)
            return len(customers), found

        for (_, group), came in tried(whole, enumerate(work), but=_OF_ALL):
            if not isinstance(came, Exception):
                asked, let_out = asked + came[0], let_out + came[1]
                continue
            stopped[group.part] = _put_off(group, came, failed)
            if isinstance(came, NobodyMay):
                refresh(group, computed=False)

        def ended() -> None:
            due.done(seen, but=stopped)
            record_act(USE, None, actor=actor)

        retried(ended)
        if failed:
            raise failed[0]
        return Computed(asked, let_out, time.perf_counter() - began, _said(stopped))


def catch_up(*, most: int = 50_000) -> Computed:
    """Compute the traits of whom something came or changed.

    For a purpose that nobody may compute now, or that fails, they stay due, and for that one alone.

    Raises:
        Exception: the first that a purpose failed on, once all others have had their turn; it is tried again in an hour.
    """
    began, count, let_out, failed = time.perf_counter(), 0, 0, list[Exception]()
    with _alone():
        work = groups()
        stopped = stopped_now(work)
        while count < most:
            rows = due.due_now([group.part for group in work if group.part not in stopped])
            if not rows:
                break
            waiting = [group for group in work if group.part not in stopped]
            for group, came in tried(partial(_settled, rows), waiting, but=_OF_ALL):
                if isinstance(came, Exception):
                    stopped[group.part] = _put_off(group, came, failed)
                else:
                    let_out += came
            count += len(_customers_of([row.subject for row in rows]))
            retried(partial(due.done, [(row.seq, row.seq) for row in rows], but=stopped))
    if failed:
        raise failed[0]
    return Computed(count, let_out, time.perf_counter() - began, _said(stopped))


def _settled(rows: Sequence[due.Row], group: Group) -> int:
    """Compute what is due of one purpose; returns of how many customers something was let out."""
    customers = _customers_of([row.subject for row in rows if row.concerns(group.part)])
    let_out = sum(_pages(customers, group, asker_of(group)))
    settle(group, customers)
    return let_out


def _put_off(group: Group, wrong: Exception, failed: list[Exception]) -> NobodyMay:
    """Nobody may compute a purpose, or it fails in a way that nobody foresaw: then what is due of it is tried again in an hour, as
    where the gate refuses."""
    if isinstance(wrong, NobodyMay):
        return wrong
    _log.error("derive.failed", extra={"purpose": group.purpose, "failure": type(wrong).__name__})
    failed.append(wrong)
    return NobodyMay(group.purpose, "", asked=True)


def anything_due() -> bool:
    """Whether :func:`catch_up` would find something to do."""
    if not due.waiting():
        return False
    work = groups()
    stopped = stopped_now(work)
    return bool(due.due_now([group.part for group in work if group.part not in stopped], 1))


def stopped() -> dict[str, str]:
    """Purposes that nobody may compute now, each with the policy that stands against it; empty: the gate refused lately."""
    work = groups()
    found = stopped_now(work)
    refused = due.refused_lately()
    return {group.purpose: "" for group in work if group.part in refused} | _said(found)


def _said(stopped: _Stopped) -> dict[str, str]:
    return {nobody.purpose: nobody.policy for nobody in stopped.values()}


def sample(group: Group, customers: Sequence[UUID], *, actor: Actor) -> Events:
    """Events of some customers, for a trial of what is not in force yet; recorded like every other use."""
    events = Events(_channels(), whole=True)
    for opened in _opened(customers, group, asker_of(group, actor)):
        replaced = _replaced(opened)
        for one in opened:
            events.add(one, without=replaced, fields=_clear_fields(one, group))
    return events


def some_customers(group: Group, most: int) -> list[UUID]:
    """Customers of whom traits of a group may stand, chosen by chance."""
    return _customers(group, rest=f" order by md5(s.customer::text || current_date::text) limit {int(most)}")


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time; another waits."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [_LOCK_KEY])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK_KEY])


def _customers(group: Group, rest: str = " order by 1") -> list[UUID]:
    """Customers of whom something happened and of whom such traits may stand and are kept; nobody else is asked for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.customer from subject_state s where not s.hidden and exists (select 1 from record r"
            f" where r.subject = s.subject and r.kind in (3, 4) and not r.hidden) and {NOT_HONEY}"
            " group by s.customer having bool_and(derive_stands(s, %s::smallint, %s))"
            f" and min(coalesce(current_date - s.last_act, 0)) <= %s{rest}",
            [group.number, group.sensitive, group.kept_days],
        )
        return [row[0] for row in cursor.fetchall()]


def _customers_of(subjects: Sequence[UUID]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select distinct s.customer from subject_state s where s.subject = any (%s) and {NOT_HONEY} order by 1",
            [list(set(subjects))],
        )
        return [row[0] for row in cursor.fetchall()]


def _opened(customers: Sequence[UUID], group: Group, actor: Actor) -> Iterator[list[Opened]]:
    asked: Options = {"fields": group.fields, "use": USE, "kinds": EVENT_KINDS, "detail": new_id()}
    if len(customers) <= _AT_ONCE:  # a stream asks ahead, over a connection of its own: dear for a few
        return iter([gate().open(customers, actor=actor, purpose=group.purpose, **asked)] if customers else [])
    return gate().stream(customers, actor=actor, purpose=group.purpose, **asked)


def _pages(customers: Sequence[UUID], group: Group, actor: Actor) -> Iterator[int]:
    """Compute and write the states of these customers, page by page; yields how many something was let out of."""
    channels = _channels()
    for start in range(0, len(customers), _PAGE):
        page = customers[start : start + _PAGE]
        for opened in _opened(page, group, actor):
            yield _count_up(opened, group, channels)


def _count_up(opened: Sequence[Opened], group: Group, channels: Mapping[int, str]) -> int:
    """Count up the events of some customers and write what is kept of them."""
    replaced = _replaced(opened)
    parts: dict[frozenset[str], Events] = {}
    for one in opened:
        fields = _clear_fields(one, group)
        if fields:
            if fields not in parts:
                parts[fields] = Events(channels)
            parts[fields].add(one, without=replaced, fields=fields)
    states: dict[UUID, Any] = {}
    for fields, events in parts.items():
        barred = [slug for slug, one in group.held.items() if not one.compiled.fields <= fields]
        plan = group.plan.without(barred)
        states |= packed(counted(events.frames(), plan), plan, events.subjects)
    everybody = [origin for one in opened for origin in one.origins]
    retried(lambda: _write(group, everybody, states))
    return sum(1 for one in opened if one.contributions)


def _clear_fields(opened: Opened, group: Group) -> frozenset[str]:
    """Fields that the gate lets out openly of this customer.

    Raises:
        NobodyMay: it is the asker that something stands against.
    """
    denied = {answers[0].policy for answers in opened.decision.fields.values() if answers[0].answer != "clear"}
    if against := sorted(filter(of_the_asker, denied)):
        raise NobodyMay(group.purpose, against[0], asked=True)
    return frozenset(
        name for name, answers in opened.decision.fields.items() if any(one.answer == "clear" for one in answers)
    )


def _replaced(opened: Iterable[Opened]) -> set[UUID]:
    """Records of these customers that a newer one of the same key has replaced: an order that was sent again counts once."""
    origins = [origin for one in opened for origin in one.origins]
    with connection.cursor() as cursor:
        cursor.execute(
            "select r.id from record r join source_key k on k.token = r.source where r.subject = any (%s)"
            " and r.kind in (3, 4) and not r.hidden and k.record <> r.id and exists (select 1 from record n"
            " where n.subject = k.subject and n.id = k.record and not n.hidden)",
            [origins],
        )
        return {row[0] for row in cursor.fetchall()}


def _write(group: Group, everybody: Sequence[UUID], states: Mapping[UUID, Any]) -> None:
    """Put states in place of those that were there, of whom such traits may stand now; in one transaction.

    What was counted for a trait that was retired since is left out, as its retiring took it out of what stood.
    """
    standing = {group.held[slug].compiled.heap for slug in still_in_force(group)}
    used = {heap.id for heap in standing if heap is not None}
    mine = {str(who): {heap: one[heap] for heap in one if heap in used} for who, one in states.items()}
    kept = orjson.dumps({who: one for who, one in mine.items() if one}).decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "select 1 from subject_state where subject = any (%s) order by subject for share", [list(everybody)]
        )
        cursor.execute(
            "delete from derive_state where subject = any (%s) and purpose = %s and sensitive = %s",
            [list(everybody), group.number, group.sensitive],
        )
        cursor.execute(
            "insert into derive_state (subject, purpose, sensitive, state) select s.subject, %s, %s, t.state"
            " from jsonb_each(%s::jsonb) as t (subject, state) join subject_state s on s.subject = t.subject::uuid"
            " where not exists (select 1 from subject_state o where o.customer = s.customer and not o.hidden"
            " and not derive_stands(o, %s::smallint, %s))",
            [group.number, group.sensitive, kept, group.number, group.sensitive],
        )


def _channels() -> dict[int, str]:
    return dict(Channel.objects.values_list("id", "name"))


def forget_unheld() -> None:
    """Forget what is kept and waits for purposes that no trait in force serves: the last of them reveals something since, say."""
    with connection.cursor() as cursor:
        for table in _OF_A_PURPOSE:
            cursor.execute(
                f"delete from {table} d where d.purpose is not null and not exists (select from derive_trait t"
                " where t.state = %s and t.purpose = d.purpose and t.sensitive = d.sensitive)",
                [IN_FORCE],
            )


def drop_purpose(purpose: str, *, sensitive: bool) -> None:
    """Forget what is kept and waits for a purpose of which no trait is in force any more, in the caller's transaction."""
    with connection.cursor() as cursor:
        for table in _OF_A_PURPOSE:
            cursor.execute(f"delete from {table} where purpose = %s and sensitive = %s", [PURPOSES[purpose], sensitive])
