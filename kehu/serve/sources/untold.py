"""Who is to be told where their data came from, by when, and of what; nothing of anybody is opened.

The clock stands in ``subject_state.inform_by`` and came with the records, so nothing here grows with an import. Whoever is to
be told is one certain part, under the id of its oldest origin subject: whom linkage alone joined to it may be somebody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.govern.parts import UnknownSubject
from kehu.govern.sources import Mark, marks
from kehu.guard.gate.actor import Actor
from kehu.serve.rights.office import require

SOON: Final = timedelta(days=10)
"""Before the end of the clock: then the letter goes by itself."""
_PIECE: Final = 100  # customers for whom one connection to the mail server is kept
_DUE: Final = "s.inform_by is not null and not s.hidden and not s.deceased and not s.residue"
_WAITS_FOR_POST: Final = "coalesce((s.supplied ->> 'post')::boolean, false)"
_SOURCES: Final = """
select s.customer, s.core, s.subject, x.key::int, s.controller, array(select distinct f.category from record r
    join facet f on f.subject = r.subject and f.record = r.id
    where r.subject = s.subject and r.supplier = x.key::int and not r.hidden order by 1),
    coalesce(s.supplied -> 'of' -> x.key -> 'what', '[]')::text
from subject_state s, jsonb_object_keys(s.supplied -> 'of') x (key)
where s.{of} = any (%s) and not s.hidden and not s.deceased and s.supplied is not null
    and s.supplied -> 'of' -> x.key ->> 'told' is null order by 1, 3, 4
"""  # of whole customers, or of certain parts


@dataclass(frozen=True, slots=True)
class Figures:
    """How many people are to be told, how many of them are late, soon due, or wait for a letter by post; and were told."""

    due: int
    overdue: int
    soon: int
    by_post: int
    told: int
    first: date | None


@dataclass(frozen=True, slots=True)
class Due:
    """Who is to be told (the id of a certain part): by when, from which sources something came, whether by post.

    ``seen``: what is to be told, as a digest that :func:`kehu.serve.sources.informing.posted` compares.
    """

    customer: UUID
    by: date
    marks: tuple[Mark, ...]
    by_post: bool
    seen: str


@dataclass(slots=True)
class Untold:
    """What one customer, or a certain part of one, does not know yet: each origin subject and source with the kinds of data
    that it gave, as JSON, and what the letter says."""

    controller: int = 0
    pairs: list[tuple[UUID, int, str]] = field(default_factory=list)
    categories: dict[int, set[int]] = field(default_factory=dict)

    def named(self) -> list[str]:
        """What makes it another letter."""
        return [f"{subject}/{source}/{what}" for subject, source, what in self.pairs]

    def seen(self) -> str:
        """The same as a digest."""
        return hashlib.sha256("\n".join(self.named()).encode()).hexdigest()[:32]


def figures() -> Figures:
    """How the duty stands, over everybody."""
    today = timezone.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(distinct s.core), count(distinct s.core) filter (where s.inform_by < %s),"
            " count(distinct s.core) filter (where s.inform_by between %s and %s),"
            f" count(distinct s.core) filter (where {_WAITS_FOR_POST}), min(s.inform_by)"
            f" from subject_state s where {_DUE}",
            [today, today, today + SOON],
        )
        due, overdue, soon, by_post, first = cursor.fetchone()
        cursor.execute("select count(*) from govern_informed where way <> 'excused' and taken_back_at is null")
        told = cursor.fetchone()[0]
    return Figures(due, overdue, soon, by_post, told, first)


def waiting(*, actor: Actor, limit: int = 100, by_post: bool | None = None) -> list[Due]:
    """Who is to be told, the earliest first; ids and days, nothing of them is opened.

    Raises:
        Refused: the role may not tell people.
    """
    require("inform", actor)
    only = "" if by_post is None else f" and {'' if by_post else 'not '}{_WAITS_FOR_POST}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"select s.core, min(s.inform_by), bool_or({_WAITS_FOR_POST}) from subject_state s where {_DUE}{only}"
            " group by s.core order by 2, 1 limit %s",
            [limit],
        )
        rows = cursor.fetchall()
    known, untold = marks(), untold_of([row[0] for row in rows])
    return [
        Due(
            part,
            by,
            tuple(known[one] for one in sorted({n for _, n, _ in untold[part].pairs}) if one in known),
            post,
            untold[part].seen(),
        )
        for part, by, post in rows
        if part in untold
    ]


def pieces(*, until: date | None, again: bool, limit: int | None) -> Iterator[list[UUID]]:
    """Customers to write to, piece by piece, the earliest first; each once a run, whatever becomes of their letter."""
    conditions, parameters = [_DUE], list[Any]()
    if not again:
        conditions.append(f"not {_WAITS_FOR_POST}")
    if until is not None:
        conditions.append("s.inform_by <= %s")
        parameters.append(until)
    with connection.cursor() as cursor:
        cursor.execute(
            f"select s.customer from subject_state s where {' and '.join(conditions)} group by s.customer"
            f" order by min(s.inform_by), 1 {'limit %s' if limit else ''}",
            [*parameters, *([limit] if limit else [])],
        )
        customers = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(customers), _PIECE):
        yield customers[start : start + _PIECE]


def untold_of(parts: Sequence[UUID]) -> dict[UUID, Untold]:
    """What these certain parts do not know yet."""
    found: dict[UUID, Untold] = {}
    for _, part, *row in _rows(parts, of="core"):
        _add(found, part, *row)
    return found


def untold_parts(customers: Sequence[UUID]) -> dict[UUID, dict[UUID, Untold]]:
    """The same of each certain part of these customers."""
    found: dict[UUID, dict[UUID, Untold]] = {}
    for customer, core, *row in _rows(customers, of="customer"):
        _add(found.setdefault(customer, {}), core, *row)
    return found


def _rows(whose: Sequence[UUID], *, of: Literal["customer", "core"]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES.format(of=of), [list(whose)])
        return list(cursor.fetchall())


def _add(
    found: dict[UUID, Untold], whose: UUID, subject: UUID, source: int, controller: int, categories: Iterable[int],
    what: str,
) -> None:  # fmt: skip
    held = found.setdefault(whose, Untold(controller))
    held.pairs.append((subject, source, what))
    held.categories.setdefault(source, set()).update(categories)


def part_named(subject: UUID) -> UUID:
    """The certain part that this id belongs to.

    Raises:
        UnknownSubject: not here.
    """
    with connection.cursor() as cursor:
        cursor.execute("select core from subject_state where subject = %s and not hidden", [subject])
        row = cursor.fetchone()
    if row is None:
        raise UnknownSubject(str(subject))
    return UUID(str(row[0]))
