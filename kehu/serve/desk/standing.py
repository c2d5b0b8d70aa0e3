"""What stands beside a customer's name without being opened: kind, law packs, what they allowed and what was stopped.

Read from ``subject_state``, which holds no personal value. As in the gate, the strictest of all origin subjects counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.laws import asked_anew
from kehu.govern.slugs import PURPOSES
from kehu.govern.sources import Mark, marks
from kehu.guard.gate.state import AGE, CONSENT, KIND, packs_of
from kehu.guard.installation import installation

# how a page shows a consent: given, taken back, limited by a state, or never a word
ON, OFF, LIMIT, NONE = "on", "off", "limit", "none"
_SHOWN: Final = {"given": ON, "withdrawn": OFF, "refused": OFF, "expired": OFF}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one customer stands: consents by purpose as ``on``, ``off``, ``limit`` or ``none``, and states in force.

    ``limit``: given, but a restriction or objection stands before it, or the purpose became wider since.
    """

    customer: UUID
    kind: str
    packs: frozenset[str]
    age: str
    consents: Mapping[str, str]
    objections: frozenset[int]
    restricted: bool
    opted_out: bool
    deceased: bool
    held: bool
    origins: int
    supplied: tuple[Mark, ...] = ()  # sources that something came from, and not from themselves

    @property
    def from_public(self) -> bool:
        """Whether something of them was found in public."""
        return any(one.kind == "public" for one in self.supplied)

    @property
    def child(self) -> bool:
        """Whether a sign says they are under 18."""
        return self.age not in (AGE[0], AGE[-1])


def consent_purposes() -> list[str]:
    """Purposes that rest on the customer's consent somewhere, in the order of their numbers."""
    held = installation().rules.purposes.values()
    return [one.slug for one in sorted(held, key=lambda one: one.id) if "consent" in one.grounds.values()]


def standing_of(customers: Iterable[UUID]) -> dict[UUID, Standing]:
    """How each of these customers stands; ids of customers, unknown ones left out."""
    rows: dict[UUID, list[Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "select customer, kind, packs, age, consents, objections, restricted, opted_out or gpc, deceased,"
            " held or held_categories > 0, guardian,"
            " case when supplied is not null then array(select jsonb_object_keys(supplied -> 'of')) end, core"
            " from subject_state where customer = any (%s) and not hidden"
            " order by subject",
            [list(customers)],
        )
        for row in cursor.fetchall():  # Django hands jsonb out as text
            rows.setdefault(row[0], []).append([*row[:4], json.loads(row[4]), *row[5:]])
    known = marks() if any(row[11] for held in rows.values() for row in held) else {}
    return {customer: _standing(customer, held, known) for customer, held in rows.items()}


def _standing(customer: UUID, rows: list[Any], known: Mapping[int, Mark]) -> Standing:
    packs = 0
    for row in rows:
        packs |= row[2]
    restricted = any(row[6] for row in rows)
    objections = frozenset(number for row in rows for number in row[5])
    ages = [row[3] for row in rows if row[3]]
    consents = {slug: _shown(rows, slug, restricted=restricted, objections=objections) for slug in consent_purposes()}
    return Standing(
        customer=customer,
        kind=KIND[max(row[1] for row in rows)],
        packs=packs_of(packs),
        age=AGE[min(ages, default=0)],
        consents=consents,
        objections=objections,
        restricted=restricted,
        opted_out=any(row[7] for row in rows),
        deceased=any(row[8] for row in rows),
        held=any(row[9] for row in rows),
        origins=len(rows),
        supplied=tuple(
            known[one] for one in sorted({int(key) for row in rows for key in row[11] or ()}) if one in known
        ),
    )


def _shown(rows: list[Any], slug: str, *, restricted: bool, objections: frozenset[int]) -> str:
    purpose = PURPOSES[slug]
    packed = [row[4].get(str(purpose)) for row in rows]
    parts: dict[
        UUID, str
    ] = {}  # a certain part agreed where each of its records did; of several parts one may be silent
    for row, one in zip(rows, packed, strict=True):
        parts[row[12]] = min(_status(one), parts.get(row[12], "given"), key=CONSENT.index)
    said = [status for status in parts.values() if status != "none"]
    if not said:
        return NONE
    strictest = min(said, key=CONSENT.index)
    version = installation().rules.purposes[slug].version
    given = [one for one in packed if one is not None and one[0] == "given"]
    outgrown = any(one[3] < version or (str(one[1]).endswith("*") and _asked_anew(rows)) for one in given)
    if strictest == "given" and (restricted or purpose in objections or outgrown):
        return LIMIT
    return _SHOWN.get(strictest, NONE)


def _asked_anew(rows: list[Any]) -> bool:
    """Whether a guardian's consent counts no more at their age (``laws/*.toml``)."""
    packs = frozenset[str]().union(*(packs_of(row[2]) for row in rows))
    return any(asked_anew(packs, AGE[row[3]]) for row in rows)


def _status(packed: list[Any] | None) -> str:
    """The status of one origin subject's packed consent as of now (see :mod:`kehu.govern.consent`)."""
    if packed is None:
        return "none"
    status, until = str(packed[0]), packed[2]
    if status == "given" and until is not None and until <= time.time():
        return "expired"
    return status if status in CONSENT else "unknown"
