"""What programs ask over the API: for a house's own token the desk's answers, for a recipient's the same with its canary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.compare import Compared
from kehu.guard.gate.decisions import FieldAnswer
from kehu.guard.gate.pulls import take_pulls
from kehu.guard.gate.read import PROFILE_KINDS, gate
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.marks import without_honey
from kehu.serve.desk import queries, verifying
from kehu.serve.desk.listing import Filters, candidates
from kehu.serve.desk.queries import Customer, customers_of
from kehu.serve.leaving.made_up import MadeUp
from kehu.vault.ids import in_order

LARGEST_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of customers, newest first; how many of it the gate kept back; what the next one goes on after."""

    customers: tuple[Customer, ...]
    kept_back: int
    next: UUID | None


def show(subject: UUID, *, actor: Actor, purpose: str, fields: Sequence[str] | None = None) -> Customer:
    """As :func:`kehu.serve.desk.queries.show`."""
    made_up = MadeUp.of(actor)
    if made_up and subject == made_up.id:
        return made_up.show(purpose, fields)
    return queries.show(subject, actor=actor, purpose=purpose, fields=fields)


def explain(subject: UUID, *, actor: Actor, purpose: str) -> dict[str, FieldAnswer]:
    """As :func:`kehu.serve.desk.queries.explain`."""
    made_up = MadeUp.of(actor)
    if made_up and subject == made_up.id:
        return made_up.explain(purpose)
    return queries.explain(subject, actor=actor, purpose=purpose)


def match(subject: UUID, field: str, said: str, *, actor: Actor, purpose: str) -> Compared:
    """As :func:`kehu.serve.desk.verifying.verify`."""
    made_up = MadeUp.of(actor)
    if made_up and subject == made_up.id:
        verifying.forms_of(field, said)
        return made_up.match(field, purpose)
    take_pulls(
        [subject], actor=actor, purpose=purpose, use="match"
    )  # before a try is: what is refused is no wrong answer
    return verifying.verify(subject, field, said, actor=actor, purpose=purpose)


def find(criteria: dict[str, str], *, actor: Actor, purpose: str, after: UUID | None = None) -> queries.Found:
    """As :func:`kehu.serve.desk.queries.find`."""
    found = queries.find(criteria, actor=actor, purpose=purpose, after=after)
    made_up = MadeUp.of(actor)
    if made_up and made_up.found_by(criteria, purpose) and _between(after, made_up.id, found.next):
        return found._replace(subjects=in_order([*found.subjects, made_up.id]))
    return found


def _between(after: UUID | None, id: UUID, last: UUID | None) -> bool:
    return (after is None or id.int > after.int) and (last is None or id.int <= last.int)


def list_customers(
    *,
    actor: Actor,
    purpose: str,
    law: str = "",
    fields: Iterable[str] | None = None,
    after: UUID | None = None,
    limit: int,
) -> Listed:
    """A page of the purpose's customers, newest first, those older than ``after``.

    In the house values are masked, as in every list; to a recipient, who is counted, they are shown as the purpose has it.

    Raises:
        Refused: the role claims no such purpose; or too many customers for a recipient without a second person.
        UnknownField: no such field.
    """
    rules = installation().rules
    spec = rules.purposes[purpose]
    if actor.role not in spec.roles:
        with transaction.atomic():
            record_act("list", None, actor=actor, purpose=PURPOSES[purpose], refused_by=DEFAULT_DENY)
        raise Refused(DEFAULT_DENY)
    asked = tuple(fields) if fields else tuple(sorted(n for n in spec.least if not rules.dictionary.field(n).event))
    filters = Filters.read({"pack": law}, purpose=purpose)
    found, beyond = candidates(filters, purpose, after=after, limit=limit + 1)
    made_up = None if law else MadeUp.of(actor)
    if made_up and _on_page(made_up.id, after, beyond):
        found = in_order([*found, made_up.id])[::-1]
    page = found[:limit]
    opened = gate().open(
        without_honey(page) if actor.outside is not None else page,
        actor=actor,
        purpose=purpose,
        fields=asked,
        use="list",
        masked=actor.outside is None,
        kinds=PROFILE_KINDS,
    )
    rows = {one.subject: one for one in customers_of([one for one in opened if one.decision.finds])}
    kept_back = len(opened) - len(rows)
    if made_up and rows and made_up.id in page:  # alone it would be known
        own = made_up.listed(purpose, asked)
        rows |= {own.subject: own} if own else {}
    return Listed(tuple(_newest_first(rows)), kept_back, page[-1] if len(found) > limit else beyond)


def _on_page(id: UUID, after: UUID | None, beyond: UUID | None) -> bool:
    return (after is None or id.int < after.int) and (beyond is None or id.int > beyond.int)


def _newest_first(rows: Mapping[UUID, Customer]) -> list[Customer]:
    return [rows[id] for id in reversed(in_order(rows))]
