"""Whose words count together: the origin subjects of a customer, asked for or held until a transaction ends.

Who belongs to a customer changes while somebody speaks: an import joins them to another, a wrong merge is parted. So
whoever writes what is said holds the rows first and asks then: what is asked before is of a customer that may be two by
the time the rows are free.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.utils import OperationalError

_LOCK_TIMEOUT: Final = "2s"
_TRIES: Final = 30
_MEMBERS: Final = """
select s.subject, s.customer, s.core from subject_state s where not s.hidden and s.customer = any (array(
    select n.customer from subject_state n where n.subject = any (%s::uuid[]) and not n.hidden)) order by s.subject
"""
_PART: Final = """
select s.subject from subject_state n join subject_state s on s.customer = n.customer and (%s or s.core = n.core)
where n.subject = %s and not n.hidden and not s.hidden order by s.subject
"""
_KEPT: Final = "select 1 from subject_state where subject = %s and hidden and not residue for no key update"
T = TypeVar("T")


class UnknownSubject(LookupError):
    """No such customer: never here, erased, or its import was taken back."""


class _Moved(Exception):
    """Who belongs to whom changed while the rows were waited for."""


@dataclass(frozen=True, slots=True)
class Held:
    """The origin subjects of a customer, in their order, locked: its certain ``part``, and the ``whole`` of it."""

    part: list[UUID]
    whole: list[UUID]

    @property
    def rest(self) -> list[UUID]:
        """What linkage alone joined to the part."""
        own = set(self.part)
        return [one for one in self.whole if one not in own]


def retried(work: Callable[[], T]) -> T:
    """Run a change of ``subject_state`` in a transaction; one that meets reads in flight is tried again, never lost."""
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
                return work()
        except OperationalError as waited:
            if getattr(waited.__cause__, "sqlstate", None) not in ("55P03", "40P01") or attempt == _TRIES - 1:
                raise
            time.sleep(0.05)
    raise AssertionError("unreachable")


def part_of(subject: UUID, *, whole: bool) -> list[UUID]:
    """Origin subjects of a customer: its certain part, or the whole with what linkage joined.

    Raises:
        UnknownSubject: not here.
    """
    with connection.cursor() as cursor:  # a certain part lies within a customer, and by that it is looked up
        cursor.execute(_PART, [whole, subject])
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        raise UnknownSubject(str(subject))
    return found


def hold(subject: UUID) -> Held:
    """Hold a customer, in the caller's transaction, and say who belongs to it: true until that ends.

    Raises:
        UnknownSubject: not here.
    """
    rows = hold_all([subject])
    core = next((row[2] for row in rows if str(row[0]) == str(subject)), None)  # ids come out of JSON as text, too
    if core is None:
        raise UnknownSubject(str(subject))
    return Held([one for one, _, of in rows if of == core], [one for one, _, _ in rows])


def held_now(subject: UUID) -> Held:
    """The same for whoever looks at what was said before they write: whoever speaks meanwhile is waited for, and seen.

    Raises:
        UnknownSubject: not here.
    """
    return retried(lambda: hold(subject))


def hold_kept(subject: UUID) -> list[UUID]:
    """Hold the whole of a customer as :func:`hold`; also somebody who is hidden, alone, as whose import was taken back.

    Nobody finds them, and no state is put down for them any more; but what keeps their data must be able to end.

    Raises:
        UnknownSubject: not here.
    """
    with contextlib.suppress(UnknownSubject):
        return hold(subject).whole
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [subject])
        if cursor.fetchone() is None:
            raise UnknownSubject(str(subject))
    return [subject]


def hold_all(subjects: Iterable[UUID]) -> list[tuple[UUID, UUID, UUID]]:
    """Hold every origin subject of these customers, in the order of subjects as reads do, in the caller's transaction.

    Returns:
        Each with its customer and the oldest of its certain part; of those not here nothing.
    """
    asked = [list(subjects)]
    for _ in range(_TRIES):
        # a row that another customer took meanwhile falls out of what is locked, and one that came is not in it: let go, again
        with contextlib.suppress(_Moved), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_MEMBERS + " for no key update of s", asked)
            locked: list[tuple[UUID, UUID, UUID]] = cursor.fetchall()
            cursor.execute(_MEMBERS, asked)
            if cursor.fetchall() != locked:
                raise _Moved
            return locked
    raise OperationalError("customers are joined and parted without a pause")
