"""A day of the company: staff open customers for their purposes, customers say yes and no. All of it through the gate.

Nothing is written here that did not happen: each row of the ledger is of a read or an act that took place when the
demonstration was built, by the made-up member of staff it names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

from kehu.collect.inbox.drain import drain_all
from kehu.doors.demo.cast import on_stage
from kehu.govern.channels import add_channel
from kehu.govern.consent import NothingToWithdraw
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.serve.assurance import queries as assurance
from kehu.serve.counter.contacts import read_contact, record_contact
from kehu.serve.desk import queries
from kehu.serve.desk.listing import Filters, list_customers
from kehu.serve.rights.consents import actions

# who opens whom for what, by role of the cast; some are refused, and that is recorded, too
_VISITS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("service", "service", ("twice", "guardian", "mailbox-mother", "german", "japanese", "australian", "taiwan")),
    ("service", "fulfilment", ("twice", "hongkong", "youth", "child")),
    ("service", "complaints", ("objecting", "restricted", "deceased")),
    ("marketing", "marketing", ("consent-proven", "consent-unproven", "objecting", "gpc", "twice")),
    ("marketing", "personalisation", ("consent-proven", "californian")),
    ("manager", "billing", ("held", "twice", "hongkong")),
    ("legal", "claims", ("held", "deceased")),
    ("privacy", "rights-request", ("german", "relative", "restricted")),
    ("analyst", "analytics", ("consent-proven", "taiwan")),
)
CONTACTS: Final = (("twice", "visit", "茶杯换货（演示）"), ("german", "call", "Where is my parcel? (made up)"))
_LISTS: Final = (("manager", "service"), ("marketing", "marketing"), ("service", "service"))


def live(actor_of: Callable[[str], Actor]) -> None:
    """One day; ``actor_of`` gives the member of staff of a role."""
    people = on_stage(actor_of("privacy"))
    for role, purpose, wanted in _VISITS:
        _visit([people[name] for name in wanted if name in people], actor=actor_of(role), purpose=purpose)
    for role, purpose in _LISTS:
        list_customers(actor=actor_of(role), purpose=purpose, filters=Filters.read({}, purpose=purpose))
    _change_minds(people, actor_of("service"))
    _at_the_counter(people, actor_of("service"))
    assurance.rows(actor=actor_of("auditor"), limit=50)


def _visit(subjects: Sequence[UUID], *, actor: Actor, purpose: str) -> None:
    for subject in subjects:
        queries.show(subject, actor=actor, purpose=purpose)


def _change_minds(people: dict[str, UUID], actor: Actor) -> None:
    """On the phone one customer agrees to personal offers, and another takes back a consent to marketing."""
    if "youth" in people:
        actions.give(
            people["youth"], PURPOSES["personalisation"], actor=actor, kind="general", until=None, notice=None,
            by_subject=None,
        )  # fmt: skip
    if "taiwan" in people:
        try:
            actions.withdraw(people["taiwan"], PURPOSES["marketing"], actor=actor)
        except NothingToWithdraw:
            return


def _at_the_counter(people: dict[str, UUID], actor: Actor) -> None:
    """A counter in Shanghai, where two customers of the cast were spoken with today."""
    counter, _ = add_channel("counter", "counter", owner=actor.staff, country="CN")
    for role, kind, topic in CONTACTS:
        if role in people:
            said = {"id": str(uuid4()), "kind": kind, "topic": topic}
            record_contact(counter, people[role], read_contact(said), actor=actor)
    drain_all()
