"""What is held on a customer, for that customer: every value of the certain part, with its source and its age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as part
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from kehu.govern.dictionary import Field
from kehu.govern.masks import DOTS
from kehu.govern.slugs import CATEGORIES, RECORD_KINDS, name_of
from kehu.govern.sources import Mark, marks_of_records
from kehu.guard.gate.read import EVENT_KINDS, Contribution, gate
from kehu.guard.guests.credentials import PURPOSE, Guest
from kehu.guard.installation import installation
from kehu.refine.clean.moments import moment_of
from kehu.refine.clean.status import ABSENT, INVALID
from kehu.refine.survive import survive

_TIMES: Final = ("ordered_at", "at")
_WHOSE: Final = "external_id"  # of an event: names the customer, who is reading it


class NotHere(LookupError):
    """Nothing may be shown: erased meanwhile, or a rule stands against it (``policy``)."""

    def __init__(self, policy: str = "") -> None:
        super().__init__(policy)
        self.policy = policy


@dataclass(frozen=True, slots=True)
class HeldValue:
    """One value as it was given. ``channel``: number of the way it came; ``came_at``: when; ``current``: the one in use."""

    text: str = part(repr=False)
    masked: bool
    valid: bool
    current: bool
    channel: int
    came_at: datetime
    verified_at: str | None
    mark: Mark | None = None  # whom it came from, if not from the customer


@dataclass(frozen=True, slots=True)
class HeldField:
    """A field with its different values, the one in use first."""

    field: Field
    values: tuple[HeldValue, ...]


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """An order or an interaction."""

    kind: str
    at: datetime
    channel: int
    fields: tuple[tuple[Field, str], ...] = part(repr=False)
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Everything shown, by category in the dictionary's order; ``name`` greets, ``masked`` counts what is covered."""

    categories: Mapping[str, tuple[HeldField, ...]]
    events: Mapping[str, tuple[HeldEvent, ...]]
    name: str = part(repr=False)
    masked: int


def what_we_hold(guest: Guest) -> Held:
    """Open a customer's own data through the gate; sensitive values come masked before the second fact, and so does that.

    Raises:
        NotHere: nothing may be shown.
    """
    opened = gate().open([guest.subject], actor=guest.actor, purpose=PURPOSE, masked=guest.covered)
    if not opened:
        raise NotHere
    if not opened[0].decision.finds:
        raise NotHere(next(iter(opened[0].denied().values())).policy)
    said = opened[0].contributions
    profile = [one for one in said if one.kind not in EVENT_KINDS and one.status != ABSENT]
    best = survive(profile)
    marked = marks_of_records(opened[0].origins)
    fields = _fields(profile, {name: survivor.said for name, survivor in best.items()}, marked, guest)
    return Held(
        categories={
            category: held
            for category in CATEGORIES
            if (held := tuple(field for field in fields if field.field.category == category))
        },
        events=_events((one for one in said if one.kind in EVENT_KINDS), marked),
        name=_name(fields),
        masked=sum(value.masked for field in fields for value in field.values),
    )


def _fields(
    said: Iterable[Contribution], best: Mapping[str, Contribution], marked: Mapping[UUID, Mark], guest: Guest
) -> list[HeldField]:
    dictionary = installation().rules.dictionary
    by_field: dict[str, dict[str, HeldValue]] = defaultdict(dict)
    for one in sorted(said, key=lambda one: one.record.bytes):
        text = str(one.given or one.normal or "")
        same = str(one.normal or one.given)  # said in two forms it is one value
        winner = best.get(one.field)
        if not text or winner is None:
            continue
        covered = guest.covers(one.field)
        value = HeldValue(
            DOTS if covered else text, covered or one.answer == "masked", one.status != INVALID, one is winner,
            one.channel, came_at(one.record), one.verified_at, marked.get(one.record),
        )  # fmt: skip
        before = by_field[one.field].get(same)
        # the same said twice stands once, as first said; the winner keeps its mark
        if before is None or (value.current and not before.current):
            by_field[one.field][same] = value
    made = [
        HeldField(dictionary.field(name), tuple(sorted(values.values(), key=lambda value: not value.current)))
        for name, values in by_field.items()
    ]
    return sorted(made, key=lambda held: held.field.id)


def _events(said: Iterable[Contribution], marked: Mapping[UUID, Mark]) -> dict[str, tuple[HeldEvent, ...]]:
    dictionary = installation().rules.dictionary
    records: dict[UUID, list[Contribution]] = defaultdict(list)
    for one in said:
        records[one.record].append(one)
    made: dict[str, list[HeldEvent]] = defaultdict(list)
    for record, parts in records.items():
        parts.sort(key=lambda one: dictionary.field(one.field).id)
        texts = [(dictionary.field(one.field), str(one.normal or one.given or "")) for one in parts]
        when = next((moment_of(text) for field, text in texts if field.name in _TIMES), None)
        kind = name_of(RECORD_KINDS, parts[0].kind)
        rest = tuple((field, text) for field, text in texts if field.name not in (*_TIMES, _WHOSE) and text)
        made[kind].append(HeldEvent(kind, when or came_at(record), parts[0].channel, rest, marked.get(record)))
    return {kind: tuple(sorted(events, key=lambda one: one.at, reverse=True)) for kind, events in made.items()}


def came_at(record: UUID) -> datetime:
    """When a record came: its id carries it (UUIDv7)."""
    return datetime.fromtimestamp((record.int >> 80) / 1000, UTC)


def _name(fields: Iterable[HeldField]) -> str:
    """A name to greet by, where it may be shown in clear."""
    by = {held.field.name: held.values[0] for held in fields}
    for name in ("full_name", "given_name", "legal_name"):
        if name in by and not by[name].masked:
            return by[name].text
    return ""
