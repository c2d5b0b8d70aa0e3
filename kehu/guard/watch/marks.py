"""Marks of customers whom few have a reason to look at: those who work here, the well-known, and records made to be found.

A mark stands on an origin subject and counts for the customer it belongs to now. Colleagues are found by the address of
their account through the blind index; nothing is opened for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from psycopg import Connection

from kehu.govern.slugs import name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.kinds import MARKS

# each state by its key, as the desk looks a value up
_BY_TOKENS = """
select a.human, s.customer from unnest(%s::uuid[], %s::bigint[]) a (human, token)
    join record r on r.tokens && array[a.token] and not r.hidden
    cross join lateral (select x.customer from subject_state x where x.subject = r.subject and not x.hidden offset 0) s
"""
# Records made to be found are nobody: what counts or lists customers for somebody leaves them out by this condition on
# ``s``, a row of subject_state.
NOT_HONEY = (
    "not exists (select 1 from watch_mark honey where honey.subject = s.subject"
    f" and honey.kind = {MARKS['honey']} and honey.ended_at is null)"
)


class UnknownMark(LookupError):
    """No customer of that id, or no such mark."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that stands. ``customer`` is whom it counts for now; ``staff`` a colleague's account, by email; ``by`` who set it."""

    id: UUID
    subject: UUID
    customer: UUID
    kind: str
    staff: str
    by: str
    at: datetime


def mark(subject: UUID, kind: str, *, actor: Actor, staff: UUID | None = None) -> Mark:
    """Mark a customer; one that stands already is left as it is. ``staff``: the colleague's account, where it is known.

    Raises:
        ActRefused: the role may not.
        UnknownMark: no such customer.
        ValueError: no such kind, or an account with a mark that is not a colleague's.
    """
    require_act("mark", actor)
    if kind not in MARKS or (staff is not None and kind != "colleague"):
        raise ValueError(f"kind: one of {', '.join(MARKS)}")
    customer = _customer(subject)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into watch_mark (subject, kind, staff, marked_by) values (%s, %s, %s, %s) on conflict do nothing",
            [customer, MARKS[kind], staff, actor.human],
        )
        if cursor.rowcount:
            record_act("mark", customer, actor=actor)
        found = _select("w.kind = %s and s.customer = %s order by w.at desc limit 1", [MARKS[kind], customer])
    if not found:  # somebody took it off at this moment
        raise UnknownMark(str(subject))
    return found[0]


def unmark(subject: UUID, kind: str, *, actor: Actor) -> int:
    """Take a mark off a customer, from whichever of their ids it stands on; returns how many there were.

    Raises:
        ActRefused: the role may not.
        Refused: the colleague is oneself.
        UnknownMark: no such customer or mark.
        ValueError: no such kind; a record made to be found is erased, not unmarked.
    """
    require_act("unmark", actor)
    if kind not in MARKS:
        raise ValueError(f"kind: one of {', '.join(MARKS)}")
    if kind == "honey":
        raise ValueError("kind: a record made to be found stays one until it is erased")
    customer = _customer(subject)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select w.id, w.staff from watch_mark w join subject_state s on s.subject = w.subject"
            " where s.customer = %s and w.kind = %s and w.ended_at is null",
            [customer, MARKS[kind]],
        )
        found = cursor.fetchall()
    if not found:
        raise UnknownMark(str(subject))
    if actor.human in {staff for _, staff in found}:
        with transaction.atomic():
            record_act("unmark", customer, actor=actor, refused_by="house.second-person")
        raise Refused("house.second-person")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update watch_mark set ended_by = %s where id = any (%s)", [actor.human, [id for id, _ in found]]
        )
        record_act("unmark", customer, actor=actor)
    return len(found)


def marks(*, actor: Actor, kind: str | None = None, limit: int = 500, before: UUID | None = None) -> list[Mark]:
    """The marks that stand, the newest first; ``before``: those that follow the one of this id.

    Raises:
        ActRefused: the role may not see them: where honey lies, staff must not know.
        KeyError: no such kind.
    """
    require_act("watch", actor)
    kinds = list(MARKS.values()) if kind is None else [MARKS[kind]]
    since = "" if before is None else " and (w.at, w.id) < (select b.at, b.id from watch_mark b where b.id = %s)"
    asked = [kinds, limit] if before is None else [kinds, before, limit]
    return _select(f"w.kind = any (%s){since} order by w.at desc, w.id desc limit %s", asked)


def standing_marks(raw: Connection[Any]) -> dict[UUID, list[tuple[str, UUID | None]]]:
    """For the watch: by customer as they are one now, the kinds and a colleague's account."""
    found: dict[UUID, list[tuple[str, UUID | None]]] = defaultdict(list)
    for customer, kind, staff in raw.execute(
        "select s.customer, w.kind, w.staff from watch_mark w join subject_state s on s.subject = w.subject"
        " where w.ended_at is null and not s.hidden"
    ).fetchall():
        found[customer].append((name_of(MARKS, kind), staff))
    return dict(found)


def without_honey(customers: Sequence[UUID]) -> list[UUID]:
    """These customers without the records made to be found, in their order: for what leaves the house."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.customer from watch_mark w join subject_state s on s.subject = w.subject"
            " where w.kind = %s and w.ended_at is null and s.customer = any (%s)",
            [MARKS["honey"], list(customers)],
        )
        made = {row[0] for row in cursor.fetchall()}
    return [one for one in customers if one not in made]


def find_colleagues(*, actor: Actor) -> int:
    """Mark every customer who has the address of an account here; returns how many were not marked before.

    One whose mark somebody took off is left alone: another person may have had that address.

    Raises:
        ActRefused: the role may not.
    """
    require_act("mark", actor)
    with connection.cursor() as cursor:
        cursor.execute("select id, email from guard_staff where is_active and role <> 'owner'")
        people = cursor.fetchall()
    search = installation().tokens.search
    made = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"insert into watch_mark (subject, kind, staff, marked_by) select distinct on (f.customer) f.customer, %s::smallint,"
            f" f.human, %s::uuid from ({_BY_TOKENS}) f (human, customer) where not exists (select 1 from watch_mark w"
            " join subject_state s on s.subject = w.subject where s.customer = f.customer and w.kind = %s::smallint)"
            " on conflict do nothing returning subject",
            [
                MARKS["colleague"], actor.human, [one[0] for one in people],
                [search("email", "exact", one[1].lower()) for one in people], MARKS["colleague"],
            ],
        )  # fmt: skip
        found: Sequence[tuple[UUID]] = cursor.fetchall()
        for (subject,) in found:
            record_act("mark", subject, actor=actor)
            made += 1
    return made


def _customer(subject: UUID) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("select customer from subject_state where subject = %s and not hidden", [subject])
        row = cursor.fetchone()
    if row is None:
        raise UnknownMark(str(subject))
    customer: UUID = row[0]
    return customer


def _select(rest: str, values: Sequence[Any]) -> list[Mark]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select w.id, w.subject, s.customer, w.kind, coalesce(c.email, ''), b.email, w.at from watch_mark w"
            " join subject_state s on s.subject = w.subject join guard_staff b on b.id = w.marked_by"
            f" left join guard_staff c on c.id = w.staff where w.ended_at is null and {rest}",
            values,
        )
        return [
            Mark(id, subject, customer, name_of(MARKS, number), staff, by, at)
            for id, subject, customer, number, staff, by, at in cursor.fetchall()
        ]
