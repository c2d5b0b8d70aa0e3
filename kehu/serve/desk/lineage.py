"""Where a value comes from: of each field which value counts, which others there are, and by which rule it won.

One read through the gate, as the record page's is, and the same at first masked. What was brought when, by which channel,
under which notice and ground is no personal value and stands beside it. Source: GDPR 5(1)(d), 15(1)(g); PIPL 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as part
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.govern.dictionary import Field
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import ACTIONS, RECORD_KINDS
from kehu.govern.trust import trust
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import BY_PERSON
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, Opened, gate
from kehu.guard.installation import installation
from kehu.refine.survive import rule_between, same_text, standing, survive, text_of
from kehu.serve.desk.happened import came_at
from kehu.serve.desk.record import Source, masked_at_first, sources_of

ALONE, AGREED = "alone", "agreed"
# An edit's record is the detail of the row that says who made it.
_EDITORS: Final = """
select distinct on (e.detail) e.detail, e.human from ledger_use u join ledger_entry e using (seq)
where u.subject = any (%s) and e.action = any (%s) and e.detail = any (%s) order by e.detail, e.seq
"""


@dataclass(frozen=True, slots=True)
class Brought:
    """One value that one record brought. ``rule``: by which the one that counts won over it; of that one, over the next.

    ``trust``: of its channel; ``editor``: who made the edit, where it is one.
    """

    answer: str
    policy: str
    text: str = part(repr=False)
    status: int
    verified_at: str | None
    said_at: datetime | None
    came_at: datetime
    source: Source | None
    trust: int
    editor: UUID | None
    rule: str


@dataclass(frozen=True, slots=True)
class Line:
    """One field: the value that counts, and the others, the nearest first."""

    field: Field
    kept: Brought
    others: tuple[Brought, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The fields of a customer that this purpose shows, by category; ``refused``: the policy where none may be seen."""

    customer: UUID
    lines: tuple[Line, ...]
    seq: int
    refused: str


def lineage(subject: UUID, *, actor: Actor, purpose: str) -> Lineage:
    """Open where each value comes from.

    Raises:
        UnknownSubject: not here.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    least = installation().rules.purposes[purpose].least
    opened = gate().open(
        [subject], actor=actor, purpose=purpose, fields=least, masked=masked_at_first(least), kinds=PROFILE_KINDS,
        event=BY_PERSON,
    )  # fmt: skip
    if not opened:
        raise UnknownSubject(str(subject))
    one = opened[0]
    if not one.decision.finds:
        refused = next((row[0].policy for row in one.decision.fields.values()), "")
        return Lineage(one.customer, (), one.seq, refused)
    brought = {said.record for said in one.contributions}
    known = {source.record: source for source in sources_of(one.customer, records=brought)} if brought else {}
    return Lineage(one.customer, _lines(one, known), one.seq, "")


def _lines(opened: Opened, known: Mapping[UUID, Source]) -> tuple[Line, ...]:
    dictionary, held = installation().rules.dictionary, trust()
    made_by = _editors(opened)
    lines = []
    for name, stand in standing(opened.contributions).items():
        field = dictionary.field(name)
        winner = survive(stand, trust=held)[name].said
        # the nearest first: what would count if the one before it were not here
        rest, order = [one for one in stand if one is not winner], list[Contribution]()
        while rest:
            order.append(survive(rest, trust=held)[name].said)
            rest = [one for one in rest if one is not order[-1]]

        def told(one: Contribution, rule: str, field: Field = field) -> Brought:
            return Brought(
                one.answer, one.policy, text_of(one, field.type), one.status, one.verified_at, one.said_at,
                came_at(one.record), known.get(one.record), held.get(one.channel, 0), made_by.get(one.record), rule,
            )  # fmt: skip

        others = tuple(told(one, _rule(winner, one, held)) for one in order)
        decisive = next((other.rule for other in others if other.rule != AGREED), AGREED if others else ALONE)
        lines.append(Line(field, told(winner, decisive), others))
    return tuple(sorted(lines, key=lambda line: line.field.id))


def _editors(opened: Opened) -> dict[UUID, UUID]:
    """Who made each edit, by its record."""
    edits = {one.record for one in opened.contributions if one.kind == RECORD_KINDS["edit"]}
    if not edits:
        return {}
    acts = [number for act, number in ACTIONS.items() if act in ("verify", "correct")]
    with connection.cursor() as cursor:
        cursor.execute(_EDITORS, [list(opened.origins), acts, list(edits)])
        return dict(cursor.fetchall())


def _rule(winner: Contribution, other: Contribution, held: Mapping[int, int]) -> str:
    """By which rule the one won; of two that are seen to say the same nothing had to be decided."""
    if winner.answer == other.answer == "clear" and same_text(winner, other):
        return AGREED
    return rule_between(winner, other, trust=held)
