"""What speaks for and against one customer, pair by pair: degrees of agreement and their bits, never a value.

The two are opened as linkage opens them (purpose ``accuracy``, act ``link``) and weighed by the version in force, without
frequencies: among two records nothing is rare. What a run saw besides (rarity, a household's cap) is what its own weight
differs by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.guard.gate.actor import Actor
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.model import shipped
from kehu.refine.resolve.compare.scoring import doubts, explain, most, prior_bits, told_once
from kehu.refine.resolve.linkage.edges import PROPOSE_FROM
from kehu.refine.resolve.opening import Group, open_table
from kehu.refine.resolve.weights import version_in_force

# Of pairs of records one in a thousand is one customer, where no run has said otherwise.
_PRIOR: Final = 0.001


@dataclass(frozen=True, slots=True)
class Degree:
    """How two records agree in one comparison. ``number``: of the degree, strictest 0; ``chance``: how often records of
    two customers agree so."""

    comparison: str
    label: str
    number: int
    bits: float
    chance: float


@dataclass(frozen=True, slots=True)
class Explained:
    """A weight taken apart. ``prior``: bits before anything is known; ``doubts``: names of what holds the pair back;
    ``moved``: bits, 0 or more, by which the parts of two addresses say less against one customer together than each by itself;
    ``capped``: bits, 0 or fewer, by which all that a household shares counts less so for one."""

    prior: float
    degrees: tuple[Degree, ...]
    doubts: tuple[str, ...]
    moved: float = 0.0
    capped: float = 0.0

    @property
    def bits(self) -> float:
        """What it adds up to."""
        return self.prior + sum(one.bits for one in self.degrees) + self.moved + self.capped

    def kept(self) -> Mapping[str, list[Any]]:
        """What an answer keeps of it as a label."""
        return {one.comparison: [one.number, round(one.bits, 4), 0.0] for one in self.degrees}


def explained(older: UUID, younger: UUID, *, actor: Actor, act: UUID) -> Explained | None:
    """Why the model says what it says of these two origin subjects; None where linkage may not open one of them.

    Args:
        act: what the ledger's row belongs to.
    Raises:
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    group = _group(older)
    if group is None:
        return None
    table = open_table([older, younger], group.kind, actor=actor, run=act)
    features = prepare(table, group.kind)
    rows = dict(zip(features.records, features.table.to_pylist(), strict=True))
    if not {older.hex, younger.hex} <= rows.keys():
        return None
    held = version_in_force(group)
    model = shipped(features, group.kind, prior=_PRIOR)
    if held is not None:
        model = model.taught(held.content)
    left, right = rows[older.hex], rows[younger.hex]
    levels = {comparison.name: comparison.levels for comparison in model.comparisons}
    degrees, evidence = [], explain(left, right, model)
    for one in evidence:
        number = next(n for n, level in enumerate(levels[one.comparison]) if level.label == one.label)
        degrees.append(Degree(one.comparison, one.label, number, one.bits, levels[one.comparison][number].u))
    said = tuple(doubts(left, right, guards(features, group.kind)))
    moved = told_once(left, right, evidence, model)
    whole = prior_bits(model) + sum(one.bits for one in degrees) + moved
    capped = min(0.0, max(PROPOSE_FROM, most(left, right, model)) - whole)
    return Explained(prior_bits(model), tuple(degrees), said, moved, capped)


def _group(subject: UUID) -> Group | None:
    with connection.cursor() as cursor:
        cursor.execute("select controller, kind from subject_state where subject = %s and not hidden", [subject])
        row = cursor.fetchone()
    return Group(row[0], "person" if row[1] == 1 else "organisation") if row else None
