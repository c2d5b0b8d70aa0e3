"""From the vault to traits, through the gate: of everybody, or of whom something came or changed.

Each customer is computed whole, from all of their events that the gate lets out now. So it makes no difference in which
order they came, and what was joined, parted, taken back or withdrawn counts as it stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection, transaction

from kehu.govern.consent import retried
from kehu.govern.models import Channel
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.read import CHUNK, EVENT_KINDS, Opened, Options, gate
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import actor_of
from kehu.guard.staff.models import Staff
from kehu.guard.watch.marks import NOT_HONEY
from kehu.refine.derive.computing import counted
from kehu.refine.derive.faults import NobodyMay
from kehu.refine.derive.frames import Events, packed
from kehu.refine.derive.models import IN_FORCE
from kehu.refine.derive.register import Group, groups, people_of, still_in_force
from kehu.refine.derive.values import refresh, settle
from kehu.vault.ids import new_id

USE: Final = "derive"
_LOCK_KEY: Final = 0x6B656875_74726169  # "kehutrai"
_PAGE: Final = 2 * CHUNK
_DUE: Final = 2_000
_AT_ONCE: Final = 200
# these stand against who asks, not against what is asked of: nothing is concluded from them about a customer
_OF_THE_ASKER: Final = frozenset({
    "house.off-hours", "house.active", "house.credential", "house.agreement", "house.training", "house.watching",
    "house.access-review", "house.department", "house.default-deny",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Computed:
    """What a run came to. ``customers`` asked for, ``let_out`` of whom something was; ``seconds`` of wall time."""

    customers: int
    let_out: int
    seconds: float


Progress = Callable[[float], None]


def compute(*, actor: Actor, progress: Progress | None = None) -> Computed:
    """Compute every trait in force of everybody anew.

    Raises:
        ActRefused: the role may not.
        NobodyMay: see there.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    require_act(USE, actor)
    with _alone():
        began, asked, let_out = time.perf_counter(), 0, 0
        _forget_unheld()
        work = groups()
        seen = _due()
        for number, group in enumerate(work):
            customers = _customers(group)
            for done, found in enumerate(_pages(customers, group, _acting(group, actor)), 1):
                let_out += found
                if progress:
                    progress((number + min(1.0, done * _PAGE / max(1, len(customers)))) / len(work))
            asked += len(customers)
            refresh(group)
        with transaction.atomic():
            _forget_due(seen)
            record_act(USE, None, actor=actor)
        return Computed(asked, let_out, time.perf_counter() - began)


def catch_up(*, most: int = 50_000) -> int:
    """Compute the traits of whom something came or changed; returns how many customers that were.

    What cannot be asked for now stays due.
    """
    done = 0
    with _alone():
        work = groups()
        while done < most:
            with connection.cursor() as cursor:
                cursor.execute("select seq, subject from derive_due order by seq limit %s", [_DUE])
                due = cursor.fetchall()
            if not due:
                break
            customers = _customers_of([subject for _, subject in due])
            for group in work:
                for _ in _pages(customers, group, _acting(group, None)):
                    pass
                settle(group, customers)
            with connection.cursor() as cursor:
                cursor.execute("delete from derive_due where seq = any (%s)", [[seq for seq, _ in due]])
            done += len(customers)
    return done


def waiting() -> int:
    """How many customers' traits are to be computed anew."""
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct subject) from derive_due", ())
        return int(cursor.fetchone()[0])


def sample(group: Group, customers: Sequence[UUID], *, actor: Actor) -> Events:
    """Events of some customers, for a trial of what is not in force yet; recorded like every other use."""
    events = Events(_channels(), whole=True)
    for opened in _opened(customers, group, _acting(group, actor)):
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


def _acting(group: Group, asker: Actor | None) -> Actor:
    """Whoever asks, where their role may; else a trait's owner, or its deputy."""
    roles = installation().rules.purposes[group.purpose].roles
    if asker is not None and asker.role in roles and asker.purpose in (None, group.purpose):
        return asker
    people = people_of(group.held)
    emails = dict(Staff.objects.filter(id__in=people, is_active=True).values_list("id", "email"))
    for person in people:
        if person not in emails:
            continue
        actor = actor_of(emails[person])
        try:
            require_standing(actor)
        except Refused:
            continue
        if actor.role in roles:
            return actor
    raise NobodyMay(group.purpose)


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
    if denied & _OF_THE_ASKER:
        raise NobodyMay(group.purpose)
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


def _due() -> list[tuple[int, int]]:
    """What is due now, as numbers without a gap, from the first to the last of each.

    A lower number may still come, of a transaction that is not committed yet; it is in none of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(seq), max(seq) from (select seq, seq - row_number() over (order by seq) as stretch from derive_due) d"
            " group by stretch order by 1",
            (),
        )
        return list(cursor.fetchall())


def _forget_due(seen: Sequence[tuple[int, int]]) -> None:
    firsts, lasts = [first for first, _ in seen], [last for _, last in seen]
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from derive_due d using unnest(%s::bigint[], %s::bigint[]) as n (first, last)"
            " where d.seq between n.first and n.last",
            [firsts, lasts],
        )


def _forget_unheld() -> None:
    """Forget what is kept for purposes that no trait in force serves: the last of them reveals something since, say."""
    with connection.cursor() as cursor:
        for table in ("derive_state", "derive_value"):
            cursor.execute(
                f"delete from {table} d where not exists (select from derive_trait t where t.state = %s"
                " and t.purpose = d.purpose and t.sensitive = d.sensitive)",
                [IN_FORCE],
            )


def drop_purpose(purpose: str, *, sensitive: bool) -> None:
    """Forget what is kept for a purpose of which no trait is in force any more, in the caller's transaction."""
    with connection.cursor() as cursor:
        for table in ("derive_state", "derive_value"):
            cursor.execute(f"delete from {table} where purpose = %s and sensitive = %s", [PURPOSES[purpose], sensitive])
