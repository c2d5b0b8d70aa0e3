"""A small workforce for the tests of the watch: days of ordinary work as rows of the ledger, and looks at them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection

from bench import workforce
from kehu.guard.gate.read import gate
from kehu.guard.watch.engine import Looked, look
from kehu.vault.ids import new_id

START = date(2026, 9, 7)  # a Monday


def store(ask, facts, answer, categories, finds) -> bytes:
    """A decision, stored as the gate stores it."""
    connection.ensure_connection()
    return gate().decisions.store_answer(connection.connection, ask, facts, str(new_id()), answer, categories, finds)


class Company:
    """People who work, customers, and a ledger that is written to past the gate but in its shape."""

    def __init__(self, owner, *, people=12, customers=3_000, seed=4) -> None:
        self.owner = owner
        arrived = workforce.arrivals(customers, workforce.at_hour(START - timedelta(days=10), 0))
        ids, departments = workforce.settle(owner, people, arrived, seed)
        self.people = workforce.hire(seed, ids, departments, joiners=0, at=0)
        self.force = workforce.Workforce(seed, self.people, arrived, START)
        self.ledger = workforce.Ledger(owner, workforce.decider(store))

    def someone(self, role="service") -> workforce.Person:
        """The first ordinary one of a role."""
        return next(one for one in self.people if one.role == role and one.days == (1, 2, 3, 4, 5) and one.starts < 10)

    def work(self, number: int, *more: workforce.Use, idle: tuple[UUID, ...] = ()) -> list[workforce.Use]:
        """A day of everybody's, and something beside it."""
        made = [use for use in self.force.day(number) if use.person.id not in idle]
        self.ledger.write([*made, *more])
        return made

    def learn(self, days: int) -> None:
        """So many days of ordinary work, each looked at when it was over."""
        for number in range(days):
            self.work(number)
            self.look(number)

    def look(self, number: int, hour: float = 24.0) -> Looked:
        """The watch's look at a time of a day."""
        return look(now=self.moment(number, hour))

    def moment(self, number: int, hour: float) -> datetime:
        """A time of a day, in hours."""
        return workforce.at_hour(START + timedelta(days=number), hour)
