"""Looking before the import what of a file would be refused or kept as invalid: the same cleaning, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from django.db import connection as django_connection
from django.db import transaction

from kehu.collect.imports.plan import Plan, opened
from kehu.collect.imports.prepare import Prepared, Preparer
from kehu.collect.quarantine.reasons import INVALID_VALUE
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.admit import Admission
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation

LOOKED_AT: Final = 10_000
"""Rows of the first file: what is wrong further on waits in quarantine, to be put right there."""
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a row, of the field ``name``.

    ``refused``: the row would not come in; else the value is kept as invalid. ``masked``: the value of the column at fault, by
    the dictionary's rules; ``mendable``: its cells can be put right here.
    """

    line: int
    column: str
    name: str
    reason: str
    masked: str = field(repr=False)
    refused: bool = True
    mendable: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """What the first rows would come to; ``rows``: the first of them, masked, column by column."""

    looked: int
    refused: int
    invalid: int
    faults: Sequence[Fault]
    rows: Sequence[tuple[int, Mapping[str, str]]] = field(repr=False)


def check(planned: Plan, *, actor: Actor) -> Checked:
    """Look through the first rows of the first file as the import would.

    Raises:
        Refused: the actor may not.
        UnreadableSource: the file cannot be read.
    """
    file = planned.recipe.files[0]
    batch = next(opened(file, actor=actor).batches(LOOKED_AT), None)
    if batch is None:
        return Checked(0, 0, 0, (), ())
    terms = planned.terms
    preparer = Preparer(installation(), planned.recipe, file, controller=terms.controller, channel=terms.channel)
    prepared = preparer.prepare(batch)
    columns = dict(file.fields)
    refused = [*_refused(prepared), *_unlawful(prepared, planned, actor)]
    faults = [*refused, *_invalid(prepared, columns)]
    faults.sort(key=lambda one: one.line)
    invalid = sum(len(row.invalid) for row in prepared.rows)
    mask = installation().rules.dictionary.mask
    shown = batch.frame.head(SHOWN)
    rows = [
        (
            row["line"],
            {column: mask(name, row[column]) for name, column in columns.items() if row.get(column) is not None},
        )
        for row in shown.iter_rows(named=True)
    ]
    return Checked(prepared.count, len(refused), invalid, faults[:SHOWN], rows)


def _refused(prepared: Prepared) -> list[Fault]:
    return [Fault(one.line, "", "", one.reason, "", mendable=not one.raw.startswith(b"\0")) for one in prepared.refused]


def _unlawful(prepared: Prepared, planned: Plan, actor: Actor) -> list[Fault]:
    """Rows that a law refuses on these terms, with its name."""
    admission = Admission(installation(), gate().decisions, actor=actor, terms=planned.terms)
    with transaction.atomic():
        facts = admission.facts(django_connection.connection)
    answers = {packs: admission.verdict(packs, facts) for packs in {row.draft.packs for row in prepared.rows}}
    column = planned.recipe.residence_column or ""
    return [
        Fault(row.line, column, "", answers[row.draft.packs].policy, "")
        for row in prepared.rows
        if answers[row.draft.packs].answer == "denied"
    ]


def _invalid(prepared: Prepared, columns: Mapping[str, str]) -> list[Fault]:
    """The first of them: all that are shown."""
    mask = installation().rules.dictionary.mask
    found = []
    for row in prepared.rows:
        for name in row.invalid:
            column = columns.get(name, "")
            told = orjson.loads(prepared.raw(row.line)).get(column, "") if column else ""
            masked = mask(name, str(told)) if told else ""
            found.append(Fault(row.line, column, name, INVALID_VALUE, masked, refused=False, mendable=bool(column)))
            if len(found) >= SHOWN:
                return found
    return found
