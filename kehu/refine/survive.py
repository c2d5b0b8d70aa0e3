"""Which value of several records survives into the profile: the one rule, for every page and answer.

A profile is computed, never stored as the truth: the same contributions give the same survivors in whatever order they
come. What the gate denied never arrives here, so what survives is the best of what may be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from kehu.govern.slugs import RECORD_KINDS
from kehu.govern.trust import trust as trust_of_channels
from kehu.refine.clean.status import ABSENT, INVALID, VALID


class Said(Protocol):
    """One value that one record brought (:class:`kehu.guard.gate.read.Contribution`).

    A record's id carries the time it came (UUIDv7); ``said_at`` is its sender's own time where that is known, and counts in
    its place, so that what was held up on the way is not taken for news. ``verified_at``: when somebody last confirmed the
    value, in ISO form with one zone, so that later times sort later.
    """

    @property
    def field(self) -> str: ...
    @property
    def given(self) -> str | None: ...
    @property
    def normal(self) -> str | None: ...
    @property
    def status(self) -> int: ...
    @property
    def verified_at(self) -> str | None: ...
    @property
    def said_at(self) -> datetime | None: ...
    @property
    def record(self) -> UUID: ...
    @property
    def kind(self) -> int: ...
    @property
    def channel(self) -> int: ...
    @property
    def answer(self) -> str: ...


S = TypeVar("S", bound=Said)
_EDIT: Final = RECORD_KINDS["edit"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
RULES: Final = ("validity", "edit", "validity", "given", "edit", "trust", "verified", "recency", "tie", "tie", "tie")
"""By what a value wins over another, in the order in which it is asked; the last of them are of one time."""
_AS_GIVEN: Final = frozenset({"name", "address", "text"})
PARTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "full_name": ("family_name", "given_name"), "national_id": ("birth_date",),
    "address": ("region", "locality", "district", "street", "house_number", "unit"),
}  # fmt: skip
"""What cleaning derives from a whole value, where nobody gave it."""


@dataclass(frozen=True, slots=True)
class Survivor(Generic[S]):
    """The contribution that counts, and the records that openly say something else (a mask says nothing)."""

    said: S
    losers: tuple[UUID, ...]


def survive(contributions: Iterable[S], *, trust: Mapping[int, int] | None = None) -> dict[str, Survivor[S]]:
    """The survivor of each field that has a value.

    What is not a valid form of its type never beats what is. Then an edit (made here, by somebody who saw what stood)
    wins over what came in; a value that a rule vouches for over one that only looks right; given over derived; derived from
    an edit over derived from what came in; that of a channel trusted more; the later verified; and last the later said.

    Args:
        trust: of channels (:mod:`kehu.govern.trust`); as it is now, if not given.
    """
    return {field: _survivor(stand, trust) for field, stand in standing(contributions).items()}


def standing(contributions: Iterable[S]) -> dict[str, list[S]]:
    """Of each field the contributions that say something; not what was derived from a value that an edit took the place of."""
    by_field: dict[str, list[S]] = {}
    edited = set[str]()
    for one in contributions:
        if one.status != ABSENT and _text(one):
            by_field.setdefault(one.field, []).append(one)
            if one.kind == _EDIT:
                edited.add(one.field)
    for whole in PARTS_OF.keys() & edited if edited else ():
        _drop_outdated(by_field, whole)
    return by_field


def _drop_outdated(by_field: dict[str, list[S]], whole: str) -> None:
    """Leave out the parts of a whole value that were derived from another one than the edit that counts."""
    counts = _survivor(by_field[whole], {}).said  # an edit counts whomever it is beside
    if counts.kind != _EDIT or counts.given is None:
        return
    gone = {
        one.record for one in by_field[whole] if one.answer == counts.answer == "clear" and not same_text(one, counts)
    }
    for part in PARTS_OF[whole] if gone else ():
        kept = [one for one in by_field.get(part, ()) if one.given is not None or one.record not in gone]
        if kept:
            by_field[part] = kept
        else:
            by_field.pop(part, None)


def rule_between(winner: S, loser: S, *, trust: Mapping[int, int] | None = None) -> str:
    """By which rule the one wins over the other: one of :data:`RULES`."""
    held = trust_of_channels() if trust is None else trust
    ranks = zip(RULES, _rank(winner, held), _rank(loser, held), strict=True)
    return next((rule for rule, one, other in ranks if one != other), RULES[-1])


def same_text(one: Said, other: Said) -> bool:
    """Whether two say the same."""
    return _text(one) == _text(other)


def text_of(said: Said, type_: str) -> str:
    """How a surviving value of that dictionary type is written: names, addresses and texts as given, others normalised."""
    if type_ in _AS_GIVEN:
        return said.given or said.normal or ""
    return _text(said)


def _survivor(stand: list[S], trust: Mapping[int, int] | None) -> Survivor[S]:
    if len(stand) == 1:
        return Survivor(stand[0], ())
    held = trust_of_channels() if trust is None else trust
    winner = max(stand, key=lambda said: _rank(said, held))
    losers = {one.record for one in stand if one.answer == winner.answer == "clear" and _text(one) != _text(winner)}
    return Survivor(winner, tuple(sorted(losers - {winner.record})))


def _text(said: Said) -> str:
    return said.normal or said.given or ""


def when(said: Said) -> int:
    """When it was said, in microseconds since 1970."""
    if said.said_at is not None:
        return (said.said_at - _EPOCH) // _MICROSECOND
    return int.from_bytes(said.record.bytes[:6], "big") * 1_000


def _rank(said: Said, trust: Mapping[int, int]) -> tuple[bool, bool, bool, bool, bool, int, str, int, str, bytes, str]:
    return (
        said.status != INVALID,
        said.kind == _EDIT and said.given is not None,
        said.status == VALID,
        said.given is not None,
        said.kind == _EDIT,
        0 if said.kind == _EDIT else trust.get(said.channel, 0),
        said.verified_at or "",
        when(said),
        "" if said.said_at is None else _text(said),  # of one time: the same counts in whatever order they came
        said.record.bytes,
        _text(said),
    )
