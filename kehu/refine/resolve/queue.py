"""The review queue as rows: what is proposed, what was decided, which pairs must stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.refine.models import REJECTED
from kehu.refine.resolve.worth import revalue
from kehu.vault.ids import in_order, new_ids

_PER_STATEMENT: Final = 5_000
_WAITS: Final = "state in ('open', 'second', 'third', 'privacy')"


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


def kept_apart() -> list[tuple[UUID, UUID]]:
    """Pairs that somebody decided are two customers."""
    with connection.cursor() as cursor:
        cursor.execute("select older, younger from refine_proposal where state = %s", [REJECTED])
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


def settle(*, whole_run: UUID | None = None) -> None:
    """Take out of the queue what answered itself: both became one customer, or one of them is gone.

    Args:
        whole_run: a run that looked at everybody; what it did not find again goes, too, unless a person has begun to
            answer it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"with gone as (delete from refine_proposal p where p.{_WAITS} and"
            " (p.state = 'open' and p.run is distinct from coalesce(%s::uuid, p.run)"
            " or not exists (select 1 from subject_state a join subject_state b on b.subject = p.younger"
            " where a.subject = p.older and a.customer <> b.customer and not a.hidden and not b.hidden)) returning id)"
            " update refine_answer n set proposal = null from gone where n.proposal = gone.id",
            [whole_run],
        )


def asked_between(subjects: Iterable[UUID]) -> set[frozenset[UUID]]:
    """Customers of these origin subjects that a question waits about, with whom."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.customer, b.customer from unnest(%b::uuid[]) as t (subject) join subject_state n using (subject)"
            " join subject_state m on m.customer = n.customer join refine_proposal p on m.subject in (p.older, p.younger)"
            " join subject_state a on a.subject = p.older join subject_state b on b.subject = p.younger"
            f" where p.{_WAITS}",
            [in_order(subjects)],
        )
        return {frozenset(row) for row in cursor.fetchall()}


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
    """Customers to be joined, never two that must stay apart, by whatever chain."""

    def __init__(self, customer_of: Mapping[UUID, UUID], apart: Iterable[tuple[UUID, UUID]]) -> None:
        self._customer_of = customer_of
        self._parents: dict[UUID, UUID] = {}
        self._apart: dict[UUID, set[UUID]] = {}
        for one, other in apart:
            if one in customer_of and other in customer_of:
                self._apart.setdefault(customer_of[one], set()).add(customer_of[other])
                self._apart.setdefault(customer_of[other], set()).add(customer_of[one])

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
