"""The traits in force, as this process computes them: read from the register, checked, and kept until a version changes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.installation import installation
from kehu.refine.derive.checking import Compiled
from kehu.refine.derive.computing import Plan
from kehu.refine.derive.definition import Definition
from kehu.refine.derive.faults import Fault
from kehu.refine.derive.models import IN_FORCE, Trait, TraitVersion


@dataclass(frozen=True, slots=True)
class Held:
    """A trait in force: what it says, and what is computed."""

    definition: Definition
    compiled: Compiled
    version: int


@dataclass(frozen=True, slots=True)
class Group:
    """Traits that are computed together: of one purpose, sensitive ones apart."""

    purpose: str
    sensitive: bool
    plan: Plan
    held: Mapping[str, Held]

    @property
    def number(self) -> int:
        """The purpose's number."""
        return PURPOSES[self.purpose]

    @property
    def part(self) -> tuple[int, bool]:
        """The purpose's number, and whether these are its sensitive traits: names the group."""
        return self.number, self.sensitive

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the dictionary that the gate is asked for, and no others."""
        return tuple(sorted(frozenset[str]().union(*(one.compiled.fields for one in self.held.values()))))

    @property
    def kept_days(self) -> int:
        """For how long the longest kept of them stands, after a customer was last heard of."""
        return max(one.definition.retention_days for one in self.held.values())


def definition_of(row: TraitVersion, trait: Trait) -> Definition:
    """What a version says."""
    return Definition(
        slug=trait.slug, labels=row.labels, descriptions=row.descriptions, purpose=name_of(PURPOSES, trait.purpose),
        level=row.level, language=row.language, source=row.source, expression=row.expression, bands=tuple(row.bands),
        unit=row.unit, retention_days=row.retention_days,
    )  # fmt: skip


def in_force() -> dict[str, Held]:
    """The traits in force by slug; one that the rules in force do not bear any more is left out."""
    rows = Trait.objects.filter(state=IN_FORCE).values_list("slug", "version").order_by("slug")
    return dict(_held(tuple(rows), installation().rules.digest))


def groups() -> list[Group]:
    """The traits in force, in groups that are computed together."""
    found: dict[tuple[str, bool], dict[str, Held]] = {}
    for slug, one in in_force().items():
        found.setdefault((one.definition.purpose, one.definition.sensitive), {})[slug] = one
    return [
        Group(purpose, sensitive, Plan.of({slug: one.compiled for slug, one in held.items()}), held)
        for (purpose, sensitive), held in sorted(found.items())
    ]


def still_in_force(group: Group) -> frozenset[str]:
    """Traits of a group that are in force as of now; whoever would retire one waits until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select slug from derive_trait where slug = any (%s) and state = %s and purpose = %s and sensitive = %s"
            " order by slug for share",
            [list(group.held), IN_FORCE, group.number, group.sensitive],
        )
        return frozenset(slug for (slug,) in cursor.fetchall())


def people_of(slugs: Iterable[str]) -> list[UUID]:
    """Owners, then deputies, of some traits."""
    rows = Trait.objects.filter(slug__in=list(slugs)).order_by("slug").values_list("owner", "deputy")
    return list(dict.fromkeys(one for side in zip(*rows, strict=True) for one in side if one is not None))


@functools.lru_cache(maxsize=4)
def _held(versions: tuple[tuple[str, int], ...], _rules: bytes) -> dict[str, Held]:
    """Of these versions under these rules; a version never changes, so they are checked once."""
    if not versions:
        return {}
    purposes = installation().rules.purposes
    rows = {
        (row.trait_id, row.version): definition_of(row, row.trait)
        for row in TraitVersion.objects.filter(trait_id__in=[slug for slug, _ in versions]).select_related("trait")
    }
    waiting = {slug: rows[slug, version] for slug, version in versions}
    found: dict[str, tuple[Definition, Compiled]] = {}
    while waiting:
        done = {}
        for slug, one in waiting.items():
            try:
                done[slug] = one.checked(purposes, found)
            except Fault:  # it may need one that is not read yet
                continue
        if not done:
            break  # a purpose was narrowed: what it does not bear any more is not computed
        found |= {slug: (waiting.pop(slug), made) for slug, made in done.items()}
    return {slug: Held(one, made, dict(versions)[slug]) for slug, (one, made) in found.items()}
