"""One customer as the desk shows them: profile, what happened, where it came from, and why each field is as it is.

One read through the gate for a whole page: what reaches or identifies a person comes masked until somebody asks to see
it (:func:`reveal`, a read of its own), the rest as the purpose allows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as part
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.govern.dictionary import Field
from kehu.govern.parts import UnknownSubject, part_of
from kehu.govern.slugs import BASES, RECORD_KINDS, name_of
from kehu.govern.sources import Mark, marks
from kehu.guard.access.grants import granted_fields
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import BY_PERSON, Decision
from kehu.guard.gate.read import EVENT_KINDS, PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.refine.clean.status import INVALID
from kehu.refine.survive import survive, text_of
from kehu.serve.desk.happened import FIGURED, Choice, Event, came_at, choose, events_of, shown_counts
from kehu.serve.desk.standing import Standing, standing_of
from kehu.serve.desk.verifying import verifying_fields
from kehu.serve.rights.models import Request
from kehu.serve.upkeep.reliance import Reliance, reliance_of

CLEAR, MASKED, MATCH, DENIED = "clear", "masked", "match-only", "denied"
_TELLING: Final = frozenset({"email", "phone", "tail", "date", "address"})  # masks that leave something to recognise
_COARSE: Final = frozenset({"locality", "region", "country"})
_NOT_NEEDED: Final = "house.purpose-least"
MOST_SOURCES: Final = 20
"""Records of a customer that are listed, the newest; the others are counted."""


@dataclass(frozen=True, slots=True)
class Value:
    """One field of the profile: how it came out and which policy says so."""

    field: Field
    answer: str
    policy: str
    text: str = part(repr=False)
    valid: bool
    verified_at: str | None
    others: int
    reliance: Reliance | None = None  # how old it is, and how far a contact point can be relied on


@dataclass(frozen=True, slots=True)
class Source:
    """A record that something of this customer came in with."""

    record: UUID
    origin: UUID
    kind: str
    channel: str
    basis: str
    notice: str
    batch: UUID | None
    came_at: datetime
    mark: Mark | None = None  # whom it came from, if not from the customer


@dataclass(frozen=True, slots=True)
class Why:
    """Fields with the same answer by the same policy."""

    answer: str
    policy: str
    fields: tuple[Field, ...]
    on_request: bool  # masked only because nobody has asked to see it yet


@dataclass(frozen=True, slots=True)
class Happened:
    """Orders and interactions as far as they were opened, the newest first: ``listed`` on the page, ``beside`` for figures alone.

    ``after``: how many newer ones the page passes over; ``places``: how many it holds, those kept back among them;
    ``counts``: how many of each kind came in, of the kinds that are shown; ``whole``: those of which all were opened.
    """

    seq: int
    listed: tuple[Event, ...]
    beside: tuple[Event, ...]
    after: int
    places: int
    counts: Mapping[str, int]
    whole: frozenset[str]
    refused: str  # the policy, where nothing at all may be seen


@dataclass(frozen=True, slots=True)
class Record:
    """A customer as one purpose shows them."""

    customer: UUID
    seq: int
    standing: Standing
    values: Mapping[str, Value]
    happened: Happened
    why: tuple[Why, ...]
    matchable: tuple[Field, ...]  # a caller's answer on these may be compared
    refused: str  # the policy, where nothing at all may be seen

    def shown(self, name: str) -> str:
        """A value in clear; empty where it is masked, denied or unknown."""
        held = self.values.get(name)
        return held.text if held and held.answer == CLEAR else ""

    def opens(self, name: str) -> bool:
        """Whether this reader is shown the field where it is known, be it masked."""
        return any(one.answer in (CLEAR, MASKED) and name in {held.name for held in one.fields} for one in self.why)


def masked_at_first(names: Iterable[str]) -> frozenset[str]:
    """Of these fields those that a page shows masked until asked: what reaches or identifies a person."""
    return frozenset(name for name in names if _masked_at_first(installation().rules.dictionary.field(name)))


def _masked_at_first(held: Field) -> bool:
    if held.event:
        return held.level == 4
    reaches = held.category == "contact" and held.name not in _COARSE
    return held.level >= 3 and (held.level == 4 or held.mask in _TELLING or reaches)


def open_record(subject: UUID, *, actor: Actor, purpose: str) -> Record:
    """Open the page of one customer, with the newest of what happened.

    Raises:
        UnknownSubject: not here.
    """
    least = installation().rules.purposes[purpose].least
    asked = least | {one.name for one in verifying_fields()} | granted_fields(actor)
    chosen = choose(subject, asked, figured=FIGURED)
    one = _open(subject, asked, chosen, actor=actor, purpose=purpose)
    standing = standing_of([one.customer]).get(one.customer)
    if standing is None:
        raise UnknownSubject(str(subject))
    said = {name: row[0] for name, row in one.decision.fields.items()}
    refused = "" if one.decision.finds else next((answer.policy for name, answer in said.items() if name in least), "")
    matchable = tuple(field for field in verifying_fields() if said[field.name].answer == MATCH)
    why = _why(one.decision, purpose)
    profile = _profile(one, relied=True)
    return Record(one.customer, one.seq, standing, profile, _happened(one, chosen), why, matchable, refused)


def open_older(subject: UUID, *, after: int, actor: Actor, purpose: str) -> Happened:
    """Open another page of what happened with a customer and nothing else of them: a read of its own.

    Args:
        after: how many newer ones are passed over.
    Raises:
        UnknownSubject: not here, or the purpose needs nothing of what happened.
    """
    field = installation().rules.dictionary.field
    asked = {name for name in installation().rules.purposes[purpose].least | granted_fields(actor) if field(name).event}
    if not asked:
        raise UnknownSubject(str(subject))
    chosen = choose(subject, asked, after=after)
    opened = _open(subject, asked, chosen, actor=actor, purpose=purpose, kinds=())
    return _happened(opened, chosen, after=after)


def _open(
    subject: UUID, asked: Collection[str], chosen: Choice, *, actor: Actor, purpose: str,
    kinds: Sequence[int] = PROFILE_KINDS,
) -> Opened:  # fmt: skip
    opened = gate().open(
        [subject], actor=actor, purpose=purpose, fields=asked, event=BY_PERSON, kinds=kinds, reach="events",
        masked=masked_at_first(installation().rules.purposes[purpose].least), events=chosen.listed + chosen.beside,
    )  # fmt: skip
    if not opened:
        raise UnknownSubject(str(subject))
    return opened[0]


def _happened(opened: Opened, chosen: Choice, *, after: int = 0) -> Happened:
    said, on_page = opened.decision, {record for _, record in chosen.listed}
    events = events_of(opened)
    return Happened(
        seq=opened.seq,
        listed=tuple(one for one in events if one.record in on_page),
        beside=tuple(one for one in events if one.record not in on_page),
        after=after,
        places=len(on_page),
        counts=shown_counts(said, chosen.counts),
        whole=chosen.whole,
        refused="" if said.finds else next((row[0].policy for row in said.fields.values()), ""),
    )


def reveal(subject: UUID, name: str, *, actor: Actor, purpose: str) -> tuple[Value, int]:
    """Show one field: a new read of that field alone; returns it and its row of the ledger.

    Raises:
        UnknownSubject: not here.
        UnknownField: there is none of that name.
    """
    held = installation().rules.dictionary.field(name)
    opened = gate().open([subject], actor=actor, purpose=purpose, fields=[name], kinds=PROFILE_KINDS, event=BY_PERSON)
    if not opened:
        raise UnknownSubject(str(subject))
    found = _profile(opened[0]).get(name)
    if found is None:
        answer = opened[0].decision.of(name)
        found = Value(held, answer.answer, answer.policy, "", True, None, 0)
    return found, opened[0].seq


_RECORDS: Final = """from subject_state s join record r using (subject)
    left join govern_channel c on c.id = r.channel left join govern_notice n on n.id = r.notice
where s.customer = (select x.customer from subject_state x where x.subject = %s) and not s.hidden and not r.hidden"""


def sources_of(subject: UUID, *, records: Collection[UUID] | None = None) -> list[Source]:
    """The newest records of a customer, newest first, or these: channel, ground and notice of each; nothing is opened.

    Raises:
        UnknownSubject: not here.
    """
    named = "and r.id = any (%s)" if records is not None else "order by r.id desc limit %s"
    with connection.cursor() as cursor:
        cursor.execute(
            "select r.id, r.subject, r.kind, coalesce(c.name, ''), r.basis, coalesce(n.name || '@' || n.version, ''),"
            f" r.batch, r.supplier {_RECORDS} {named}",
            [subject, MOST_SOURCES if records is None else list(records)],
        )
        rows = sorted(cursor.fetchall(), key=lambda row: row[0].int, reverse=True)
    if not rows:
        raise UnknownSubject(str(subject))
    known = marks() if any(row[-1] is not None for row in rows) else {}
    return [
        Source(
            id, origin, name_of(RECORD_KINDS, kind), channel, name_of(BASES, basis), notice, batch, came_at(id),
            known.get(supplier),
        )
        for id, origin, kind, channel, basis, notice, batch, supplier in rows
    ]  # fmt: skip


def sources_in_all(subject: UUID) -> tuple[int, datetime | None]:
    """How many records a customer has, and when the first of them came in."""
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*), (array_agg(r.id order by r.id))[1] {_RECORDS}", [subject])
        count, first = cursor.fetchone()
    return count, came_at(first) if first else None


def open_requests(subject: UUID) -> list[tuple[str, datetime]]:
    """Rights that the customer exercises and nobody has answered yet: which, and since when. No text is opened."""
    rows = Request.objects.filter(subject__in=part_of(subject, whole=False), state="open")
    return list(rows.order_by("received_at").values_list("right", "received_at"))


def _profile(opened: Opened, *, relied: bool = False) -> dict[str, Value]:
    """Surviving values; ``relied``: with how far each can be relied on, and what is kept back for its age alone."""
    of_profile = [one for one in opened.contributions if one.kind not in EVENT_KINDS]
    dictionary = installation().rules.dictionary
    kept = survive(of_profile)
    reliance = reliance_of([won.said for won in kept.values()], opened.origins) if relied else {}
    values = {
        name: Value(
            field=dictionary.field(name),
            answer=won.said.answer,
            policy=won.said.policy,
            text=text_of(won.said, dictionary.field(name).type),
            valid=won.said.status != INVALID,
            verified_at=won.said.verified_at,
            others=len(won.losers),
            reliance=reliance.get(name),
        )
        for name, won in kept.items()
    }
    if relied:
        for name, answer in opened.stale.items():
            values.setdefault(name, Value(dictionary.field(name), DENIED, answer.policy, "", True, None, 0))
    return dict(sorted(values.items(), key=lambda item: item[1].field.id))


def _why(decision: Decision, purpose: str) -> tuple[Why, ...]:
    """Fields grouped by answer and policy, clear first; what the purpose does not need comes last."""
    dictionary, least = installation().rules.dictionary, installation().rules.purposes[purpose].least
    asked_masked, groups = masked_at_first(least), dict[tuple[str, str, bool], list[Field]]()
    for name, row in decision.fields.items():
        if name not in least and row[0].answer == DENIED:
            continue
        on_request = row[0].answer == MASKED and name in asked_masked
        groups.setdefault((row[0].answer, row[0].policy, on_request), []).append(dictionary.field(name))
    order = (CLEAR, MASKED, MATCH, DENIED)
    made = [
        Why(answer, policy, tuple(sorted(fields, key=lambda one: one.id)), on_request)
        for (answer, policy, on_request), fields in sorted(groups.items(), key=lambda item: order.index(item[0][0]))
    ]
    rest = tuple(
        one for one in dictionary.fields.values() if one.name not in least and not _comparable(decision, one.name)
    )
    return (*made, Why(DENIED, _NOT_NEEDED, rest, False)) if rest else tuple(made)


def _comparable(decision: Decision, name: str) -> bool:
    return name in decision.fields and decision.of(name).answer == MATCH
