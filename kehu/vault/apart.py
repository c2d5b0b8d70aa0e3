"""Pairs that somebody decided are two customers: never joined, over no way and by no chain.

The table ``kept_apart`` follows the review queue by a trigger (migration 0010), so that whoever writes a decision
need not think of it. Read under the lock of the log of links (:func:`kehu.vault.assignment.lock`), it holds against every
writer: imports, linkage, reviewers, requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import Connection

from kehu.vault.ids import in_order


class Apart:
    """Customers that are about to be joined, never two that must stay apart."""

    def __init__(self, connection: Connection[Any], customer_of: Mapping[UUID, UUID]) -> None:
        self._customer_of = customer_of
        self._parents: dict[UUID, UUID] = {}
        self._far: dict[UUID, set[UUID]] = {}
        for one, other in _pairs(connection, customer_of):
            left, right = customer_of[one], customer_of[other]
            self._far.setdefault(left, set()).add(right)
            self._far.setdefault(right, set()).add(left)

    def join(self, one: UUID, other: UUID) -> bool:
        """Join the customers of two origin subjects; False where they must stay apart."""
        if not self._far:
            return True
        left, right = self._root(self._customer_of[one]), self._root(self._customer_of[other])
        if left == right:
            return True
        far = self._far.get(left)
        if far and right in {self._root(customer) for customer in far}:
            return False
        self._parents[right] = left
        if right in self._far:
            self._far.setdefault(left, set()).update(self._far[right])
        return True

    def _root(self, customer: UUID) -> UUID:
        while (parent := self._parents.get(customer, customer)) != customer:
            customer = parent
        return customer


def _pairs(connection: Connection[Any], customer_of: Mapping[UUID, UUID]) -> list[tuple[UUID, UUID]]:
    with connection.cursor(binary=True) as cursor:
        cursor.execute("select exists (select 1 from kept_apart)")
        [(any_at_all,)] = cursor.fetchall()
        if not any_at_all:
            return []
        cursor.execute(
            "select k.older, k.younger from unnest(%b::uuid[]) as t (subject) join kept_apart k on k.older = t.subject",
            (in_order(customer_of),),
        )
        return [(one, other) for one, other in cursor.fetchall() if other in customer_of]
