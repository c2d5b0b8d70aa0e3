"""Which value of several records survives into the profile.

A profile is computed, never stored as the truth: the same contributions give the same survivors in whatever order they
come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kehu.refine.clean.status import ABSENT, INVALID, UNVERIFIED, VALID

_TRUST: Final = {VALID: 3, UNVERIFIED: 2, INVALID: 1}
_LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a record: as given (None where it was derived), normalised, and how it stands."""

    given: str | None = field(repr=False)
    normal: str | None = field(repr=False)
    status: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one record says. `at`: when it came; `verified_at`: when somebody last confirmed it; both with a zone.

    `edit`: made by a member of staff or the customer in the system itself, after seeing what stood there.
    """

    record: str
    at: dt.datetime
    values: Mapping[str, Value] = field(repr=False)
    verified_at: dt.datetime | None = None
    edit: bool = False


@dataclass(frozen=True, slots=True)
class Survivor:
    """The value that counts: normalised, else as given. `losers`: records that say something else, by id."""

    value: str = field(repr=False)
    given: str | None = field(repr=False)
    status: int
    record: str
    losers: tuple[str, ...]


def survive(contributions: Sequence[Contribution], fields: Iterable[str]) -> dict[str, Survivor]:
    """The surviving value of each field that has one.

    An edit wins over what came in; then valid over unverified over invalid; given over derived; the later verified; the
    later come; and last the greater record id, so that no order of the records matters.
    """
    survivors: dict[str, Survivor] = {}
    for name in fields:
        stand = [(one, value) for one in contributions if (value := one.values.get(name)) and _text(value)]
        if not stand:
            continue
        winner, value = max(stand, key=lambda pair: _rank(*pair))
        text = _text(value)
        losers = {one.record for one, other in stand if _text(other) != text} - {winner.record}
        survivors[name] = Survivor(text, value.given, value.status, winner.record, tuple(sorted(losers)))
    return survivors


def _text(value: Value) -> str:
    return (value.normal or value.given or "") if value.status != ABSENT else ""


def _rank(one: Contribution, value: Value) -> tuple[bool, int, bool, dt.datetime, dt.datetime, str, str, str]:
    return (
        one.edit,
        _TRUST.get(value.status, 0),
        value.given is not None,
        one.verified_at or _LONG_AGO,
        one.at,
        one.record,
        _text(value),
        value.given or "",
    )
