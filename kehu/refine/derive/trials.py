"""A trial of a declaration before it is in force: over a sample of customers, through the gate, and only as a spread."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.refine.derive.actions import check
from kehu.refine.derive.checking import KEY
from kehu.refine.derive.computing import Plan, counted, finished
from kehu.refine.derive.counts import Spread, band_of, spread_of
from kehu.refine.derive.definition import Definition
from kehu.refine.derive.parting import cut_points
from kehu.refine.derive.register import Group, Held, in_force
from kehu.refine.derive.runs import sample, some_customers
from kehu.refine.derive.smallest import smallest_group
from kehu.refine.derive.values import plain

SAMPLE: Final = 500
"""Customers of a trial."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a declaration would come to. ``asked``: customers of the sample; ``spread``: of those it has a value for."""

    asked: int
    spread: Spread


def try_out(definition: Definition, *, actor: Actor) -> Trial:
    """Compute a declaration over a sample; nothing is kept. The sample's opening stands in the ledger like any other.

    Raises:
        ActRefused: the role may not.
        Fault: it may not come into force.
        NobodyMay: the role may not ask for this purpose.
    """
    require_act("declare-trait", actor)
    mine = Held(definition, check(definition), 0)
    held = {**_needed(mine), definition.slug: mine}
    plan = Plan.of({slug: one.compiled for slug, one in held.items()})
    group = Group(definition.purpose, definition.sensitive, plan, held)
    customers = some_customers(group, SAMPLE)
    events = sample(group, customers, actor=actor)
    states, today = counted(events.frames(), plan), timezone.now().date()
    least = smallest_group()
    frame = finished(states, plan, today=today, cuts={}, parted=lambda _, values: cut_points(values, least=least))[
        definition.slug
    ]
    if KEY in frame.columns:
        most: dict[int, dict[str, float]] = {}
        for who, key, value in frame.iter_rows():
            most.setdefault(who, {})[key] = plain(value)
        bands = Counter(band_of(definition, values) for values in most.values())
    else:
        bands = Counter(band_of(definition, plain(value)) for value in frame["value"])
    asked, lack = len(customers), len(customers) - bands.total()
    return Trial(asked, spread_of(mine, bands, lack=lack if lack < least else 0))


def _needed(one: Held) -> dict[str, Held]:
    """The traits that a trait is made of, also by way of others."""
    every, found = in_force(), dict[str, Held]()
    left = list(one.compiled.needs)
    while left:
        slug = left.pop()
        if slug not in found:
            found[slug] = every[slug]
            left += every[slug].compiled.needs
    return found
