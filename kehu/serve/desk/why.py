"""Why: for one customer and one purpose, the answer for every field of the dictionary; nothing is opened.

Works for a customer whom the asker may not open, and beside another purpose to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kehu.govern.dictionary import Field
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import FieldAnswer
from kehu.guard.installation import installation
from kehu.serve.desk.queries import explain


@dataclass(frozen=True, slots=True)
class FieldWhy:
    """One field: what a reading would answer, and under the other purpose, where one was asked about."""

    field: Field
    said: FieldAnswer
    other: FieldAnswer | None

    @property
    def differs(self) -> bool:
        """Whether the other purpose would answer otherwise."""
        return self.other is not None and self.other.answer != self.said.answer


def why(subject: UUID, *, actor: Actor, purpose: str, other: str | None = None) -> list[FieldWhy]:
    """Every field in the dictionary's order. Each purpose asked about is a row of the ledger.

    Raises:
        UnknownSubject: not here.
        KeyError: no such purpose.
    """
    fields = installation().rules.dictionary.fields
    said = explain(subject, actor=actor, purpose=purpose, fields=fields, by_person=True)
    beside = (
        explain(subject, actor=actor, purpose=other, fields=fields, by_person=True)
        if other and other != purpose
        else {}
    )
    return [FieldWhy(fields[name], said[name], beside.get(name)) for name in fields]
