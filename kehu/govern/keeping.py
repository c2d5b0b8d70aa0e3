"""How long something is kept under several laws: at least the longest, at most the shortest; where they cross, store only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kehu.govern.packs import PACKS, Keep, law_packs


@dataclass(frozen=True, slots=True)
class Bound:
    """One law's bound, in months."""

    law: str
    row: Keep
    months: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the laws say together. ``conflict``: one demands what another forbids; then it is stored and not used."""

    what: str
    at_least: Bound | None
    at_most: Bound | None
    laws: tuple[str, ...]

    @property
    def conflict(self) -> bool:
        """Whether the longest that it must be kept is longer than the shortest that it may be."""
        return bool(self.at_least and self.at_most and self.at_least.months > self.at_most.months)


def keeping(what: str, laws: Iterable[str], *, company: frozenset[str] = frozenset()) -> Keeping:
    """Combine the bounds of every law that applies; all laws that say something are named."""
    said = frozenset(laws)
    rows = [
        (law, row)
        for law in PACKS
        if law in said
        for row in law_packs()[law].keep
        if row.what == what and row.binds(company)
    ]
    least = [Bound(law, row, row.at_least) for law, row in rows if row.at_least]
    most = [Bound(law, row, row.at_most) for law, row in rows if row.at_most]
    return Keeping(
        what,
        max(least, key=lambda bound: bound.months, default=None),
        min(most, key=lambda bound: bound.months, default=None),
        tuple(dict.fromkeys(law for law, _ in rows)),
    )


def kept_things() -> tuple[str, ...]:
    """Everything that some law sets a bound for."""
    return tuple(dict.fromkeys(row.what for pack in law_packs().values() for row in pack.keep))
