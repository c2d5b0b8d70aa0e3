"""The review queue as rows: what is proposed, what was decided, which pairs must stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.refine.resolve.review.worth import revalue
from kehu.vault.ids import in_order, new_ids
from kehu.vault.plans import by_index

_PER_STATEMENT: Final = 5_000
_WAITS: Final = "state in ('open', 'second', 'third', 'privacy')"
_DECIDED: Final = """
select a.customer, b.customer from {of} join kept_apart k on k.older = a.subject
    join subject_state b on b.subject = k.younger where a.customer <> b.customer
"""
_OF_ALL: Final = "subject_state a"
_OF_SOME: Final = """
(select distinct n.customer from unnest(%b::uuid[]) as t (subject) join subject_state n using (subject)) c
    join subject_state a using (customer)
"""
# What answered itself: both became one customer, one of them is gone, or it was decided of other records of theirs.
_SETTLED: Final = """
not exists (select 1 from subject_state a join subject_state b on b.subject = p.younger
    where a.subject = p.older and a.customer <> b.customer and not a.hidden and not b.hidden)
or exists (select 1 from subject_state a join subject_state b on b.subject = p.younger
    join subject_state m on m.customer = any (array[a.customer, b.customer]) join kept_apart k on k.older = m.subject
    join subject_state n on n.subject = k.younger
    where a.subject = p.older and m.customer <> n.customer and n.customer = any (array[a.customer, b.customer]))
"""
_SETTLE: Final = f"""
with gone as (delete from refine_proposal p where p.{_WAITS}
    and (%(of)s::uuid[] is null or p.older = any (%(of)s::uuid[]) or p.younger = any (%(of)s::uuid[]))
    and (p.state = 'open' and p.run is distinct from coalesce(%(run)s::uuid, p.run) or {_SETTLED}) returning id)
update refine_answer n set proposal = null from gone where n.proposal = gone.id
"""
_RECORDS: Final = """
select m.subject from unnest(%b::uuid[]) as t (subject) join subject_state n using (subject)
    join subject_state m on m.customer = n.customer
"""
# The one end and the other each by its index: asked for both at once, every question is walked through.
_OF_RECORDS: Final = f"""
(select distinct p.* from ({_RECORDS}) r cross join lateral (
    select * from refine_proposal q where q.older = r.subject union all
    select * from refine_proposal q where q.younger = r.subject) p) p
"""
_WAITING: Final = f"""
select a.customer, b.customer, p.older, p.younger from {{of}} join subject_state a on a.subject = p.older
    join subject_state b on b.subject = p.younger where p.{_WAITS} order by p.state = 'open' desc, p.id desc
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two origin subjects that may be one customer; ``weight`` in bits."""

    older: UUID
    younger: UUID
    weight: float

    @classmethod
    def of(cls, one: UUID, other: UUID, weight: float) -> Pair:
        """The pair with the older first."""
        return cls(min(one, other), max(one, other), weight)


def customers_by_origin(subjects: Iterable[UUID]) -> dict[UUID, UUID]:
    """The customer of each of these that is here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.subject, s.customer from unnest(%b::uuid[]) as t (subject) join subject_state s using (subject)"
            " where not s.hidden",
            [in_order(subjects)],
        )
        return dict(cursor.fetchall())


def decided_apart(subjects: Iterable[UUID] | None = None) -> list[tuple[UUID, UUID]]:
    """Customers of whom somebody decided that they are two, whichever of their records it was said of.

    Args:
        subjects: only between the customers of these; None: all of them.
    """
    with connection.cursor() as cursor:
        if subjects is None:
            cursor.execute(_DECIDED.format(of=_OF_ALL), ())
        else:
            cursor.execute(_DECIDED.format(of=_OF_SOME), [in_order(subjects)])
        return list(cursor.fetchall())


def propose(pairs: Sequence[Pair], *, run: UUID) -> None:
    """Put pairs into the queue, each with what its answer is worth; one already there keeps its id and what people said
    so far, one decided keeps its decision."""
    for start in range(0, len(pairs), _PER_STATEMENT):
        share = pairs[start : start + _PER_STATEMENT]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "insert into refine_proposal (id, older, younger, weight, state, run, found_at)"
                " select p.id, p.older, p.younger, p.weight, 'open', %s, clock_timestamp()"
                " from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %s::float8[]) as p (id, older, younger, weight)"
                " on conflict (older, younger) do update set weight = excluded.weight, run = excluded.run"
                f" where refine_proposal.{_WAITS}",
                [
                    run,
                    [UUID(bytes=id) for id in new_ids(len(share))],
                    [pair.older for pair in share],
                    [pair.younger for pair in share],
                    [pair.weight for pair in share],
                ],
            )
    if pairs:
        revalue(run=run)


def settle(*, whole_run: UUID | None = None, of: Sequence[UUID] | None = None) -> None:
    """Take out of the queue what answered itself.

    Args:
        whole_run: a run that looked at everybody; what it did not find again goes, too, unless a person has begun to
            answer it.
        of: only questions about the customers of these origin subjects.
    """
    with transaction.atomic(), connection.cursor() as cursor, by_index(connection.connection):
        records = None
        if of is not None:
            cursor.execute(_RECORDS, [in_order(of)])
            records = [row[0] for row in cursor.fetchall()]
        cursor.execute(_SETTLE, {"of": records, "run": whole_run})


def waiting_between(subjects: Iterable[UUID] | None = None) -> dict[frozenset[UUID], tuple[UUID, UUID]]:
    """Customers that a question waits about, two by two, and the pair it is asked of: one that somebody has begun to answer,
    else the first.

    Args:
        subjects: only those of these origin subjects, with whomever; None: all of them.
    """
    with connection.cursor() as cursor:
        if subjects is None:
            cursor.execute(_WAITING.format(of="refine_proposal p"), ())
        else:
            cursor.execute(_WAITING.format(of=_OF_RECORDS), [in_order(subjects)])
        return {frozenset((one, other)): (older, younger) for one, other, older, younger in cursor.fetchall()}


def open_count() -> int:
    """How many questions wait."""
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from refine_proposal where {_WAITS}", ())
        return int(cursor.fetchone()[0])


def open_pairs() -> list[tuple[UUID, UUID]]:
    """Every pair that waits."""
    with connection.cursor() as cursor:
        cursor.execute(f"select older, younger from refine_proposal where {_WAITS}", ())
        return list(cursor.fetchall())


class Union:
    """Customers to be joined, never two that must stay apart, by whatever chain.

    Args:
        customer_of: by origin subject.
        apart: customers that are two (:func:`decided_apart`).
    """

    def __init__(self, customer_of: Mapping[UUID, UUID], apart: Iterable[tuple[UUID, UUID]] = ()) -> None:
        self._customer_of = customer_of
        self._parents: dict[UUID, UUID] = {}
        self._apart: dict[UUID, set[UUID]] = {}
        for one, other in apart:
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def root(self, subject: UUID) -> UUID:
        """The customer this origin subject belongs to so far."""
        found = self._customer_of.get(subject, subject)
        while (parent := self._parents.get(found, found)) != found:
            found = parent
        return found

    def barred(self, one: UUID, other: UUID) -> bool:
        """Whether these two may not be joined."""
        far = self._apart.get(self.root(one), ())
        return bool(far) and self.root(other) in {self.root(customer) for customer in far}

    def join(self, one: UUID, other: UUID) -> bool:
        """Join two; False where they are one already or must stay apart."""
        left, right = self.root(one), self.root(other)
        if left == right or self.barred(left, right):
            return False
        keep, gone = min(left, right), max(left, right)
        self._parents[gone] = keep
        if gone in self._apart:
            self._apart.setdefault(keep, set()).update(self._apart[gone])
        return True
