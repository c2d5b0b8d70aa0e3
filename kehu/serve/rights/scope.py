"""Whom a right reaches: the certain part of a customer, and what somebody confirmed; the rest is only named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from kehu.govern.parts import UnknownSubject


@dataclass(frozen=True, slots=True)
class Scope:
    """Origin subjects of one person, as far as that is certain.

    ``unconfirmed``: parts of the same customer that linkage alone joined, each by its oldest origin subject.
    """

    customer: UUID
    part: tuple[UUID, ...]
    unconfirmed: tuple[UUID, ...]


def scope_of(subject: UUID, confirm: Sequence[UUID] = ()) -> Scope:
    """The certain part that this id belongs to, with the parts that are confirmed to be the same person.

    The customer's own id names the certain part it stands in itself.

    Raises:
        UnknownSubject: not here.
        ValueError: what is confirmed is no part of this customer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.subject, s.core, s.customer, n.core from subject_state n join subject_state s using (customer)"
            " where n.subject = %s and not n.hidden and not s.hidden order by s.subject",
            [subject],
        )
        rows = cursor.fetchall()
    if not rows:
        raise UnknownSubject(str(subject))
    core_of = {row[0]: row[1] for row in rows}
    if not set(confirm) <= set(core_of):
        raise ValueError("confirm: an id that is named as unconfirmed")
    wanted = {rows[0][3]} | {core_of[one] for one in confirm}
    part = tuple(origin for origin, core in core_of.items() if core in wanted)
    return Scope(rows[0][2], part, tuple(sorted(set(core_of.values()) - wanted)))


def parts_of(subjects: Sequence[UUID]) -> dict[UUID, frozenset[UUID]]:
    """The certain parts that these ids belong to: origin subjects of each, by the oldest of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.core, array_agg(s.subject) from subject_state s where not s.hidden and s.core in"
            " (select n.core from subject_state n where n.subject = any (%s) and not n.hidden) group by 1 order by 1",
            [list(subjects)],
        )
        return {core: frozenset(part) for core, part in cursor.fetchall()}
