"""What the desk reads: one customer, a search, and why; each through the gate, none with a rule of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.dictionary import UnknownField
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES
from kehu.govern.sources import Mark, marks_of_customers
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.decisions import BY_PERSON, FieldAnswer
from kehu.guard.gate.read import Opened, gate
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.refine.clean import lookup_keys
from kehu.refine.survive import survive, text_of

MOST: Final = 200
"""Customers of one page of what was found."""
# each state by its key: not knowing how few hits there are, a join would read all states
# ``own``: some record that carries it came from the customer, and not from a source
BY_TOKENS: Final = """select s.customer, bool_or(r.supplier is null) as own from record r cross join lateral (
    select x.customer from subject_state x where x.subject = r.subject and not x.hidden offset 0) s
where r.tokens && %s::bigint[] and not r.hidden group by s.customer"""


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as far as a purpose shows them: surviving values by field."""

    subject: UUID
    seq: int
    fields: dict[str, str]
    masked: dict[str, tuple[str, str]]
    denied: dict[str, str]
    marks: tuple[Mark, ...] = ()  # sources that something came from, and not from the customer

    @property
    def refused(self) -> bool:
        """Whether nothing at all was shown because everything asked was denied."""
        return bool(self.denied) and not self.fields and not self.masked


def show(
    subject: UUID, *, actor: Actor, purpose: str, fields: Iterable[str] | None = None, by_person: bool = False
) -> Customer:
    """Open one customer. ``by_person``: whoever asks decides on it themselves, no machine alone.

    Raises:
        UnknownSubject: not here.
    """
    opened = gate().open([subject], actor=actor, purpose=purpose, fields=fields, event=BY_PERSON if by_person else "")
    if not opened:
        raise UnknownSubject(str(subject))
    return customers_of(opened)[0]


class Found(NamedTuple):
    """A page of customers found, the row of the look-up, and the customer that the next page comes after (None: the last)."""

    subjects: list[UUID]
    seq: int
    next: UUID | None


def find(criteria: dict[str, str], *, actor: Actor, purpose: str, after: UUID | None = None) -> Found:
    """Customers that carry every one of these exact values, :data:`MOST` at a time in the order of their ids.

    A look-up that finds nobody tells something, too (this person is no customer), so it is recorded as well.

    Args:
        after: the ``next`` of the page before.
    Raises:
        Refused: the role claims no such purpose, so it learns not even whether somebody is here.
        UnknownField: no such field, or it has no exact search.
    """
    if actor.role not in installation().rules.purposes[purpose].roles:
        _record_look_up(actor, purpose, refused_by=DEFAULT_DENY)
        raise Refused(DEFAULT_DENY)
    while True:  # past those of whom nothing may be told, be they hundreds: how many they are is told no more than who
        candidates = _carriers(criteria, after)
        met = list(candidates)[:MOST]
        opened = gate().open(met, actor=actor, purpose=purpose, fields=criteria, use="find", kinds=())
        # each criterion must be open to the asker: a hit would confirm the denied one
        shown = [one.customer for one in opened if one.decision.meets(own=candidates[one.customer])]
        after = met[-1] if len(candidates) > MOST else None
        if shown or after is None:
            return Found(shown, opened[0].seq if opened else _record_look_up(actor, purpose), after)


def _record_look_up(actor: Actor, purpose: str, *, refused_by: str | None = None) -> int:
    with transaction.atomic():
        return record_act("find", None, actor=actor, purpose=PURPOSES[purpose], refused_by=refused_by)


def explain(
    subject: UUID, *, actor: Actor, purpose: str, fields: Iterable[str] | None = None, by_person: bool = False
) -> dict[str, FieldAnswer]:
    """Field by field, what a read would show and why; no ciphertext is touched.

    Raises:
        UnknownSubject: not here.
    """
    event = BY_PERSON if by_person else ""
    opened = gate().open([subject], actor=actor, purpose=purpose, fields=fields, use="explain", kinds=(), event=event)
    if not opened:
        raise UnknownSubject(str(subject))
    return {name: opened[0].decision.widest(name) for name in opened[0].decision.fields}


def _carriers(criteria: dict[str, str], after: UUID | None) -> dict[UUID, bool]:
    """Customers whose index carries every one of these values, in whatever usual way they are written; one more than a page.

    With whether what they said themselves carries each; else a source alone gave some of it.
    """
    wanted: list[list[int]] = []
    for name, value in criteria.items():
        field = installation().rules.dictionary.field(name)
        if "exact" not in field.search:
            raise UnknownField(f"{name} has no exact search")
        search = installation().tokens.search
        wanted.append([search(name, "exact", key) for key in lookup_keys(name, value, field.type)])
    if not all(wanted):
        return {}
    each = " union all ".join([BY_TOKENS] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f"select c.customer, bool_and(c.own) from ({each}) c where %s::uuid is null or c.customer > %s"
            f" group by c.customer having count(*) = {len(wanted)} order by 1 limit {MOST + 1}",
            [*wanted, after, after],
        )
        return dict(cursor.fetchall())


def customers_of(opened: Sequence[Opened]) -> list[Customer]:
    """What the gate let out of customers, each with the sources that something of them came from."""
    # most came from themselves alone, as their decision tells: no question to the database for those
    supplied = [one.customer for one in opened if one.decision.supplied]
    found = marks_of_customers(supplied) if supplied else {}
    return [replace(customer_of(one), marks=found.get(one.customer, ())) for one in opened]


def customer_of(opened: Opened) -> Customer:
    """What the gate let out of one customer, the surviving value of each field."""
    best = {name: survivor.said for name, survivor in survive(opened.contributions).items()}
    type_of = installation().rules.dictionary.field
    fields = {name: text_of(one, type_of(name).type) for name, one in best.items() if one.answer == "clear"}
    masked = {name: (str(one.normal), one.policy) for name, one in best.items() if one.answer == "masked"}
    denied = {name: answer.policy for name, answer in opened.denied().items()}
    return Customer(opened.customer, opened.seq, fields, masked, denied)
