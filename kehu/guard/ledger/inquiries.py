"""Inquiries: who used this customer's data, what did this person see, what was a purpose for, how far did an account reach.

All are one question with other bounds. The answers come from the ledger alone; nothing is opened. ``uses`` counts each
origin subject once a row; it is the row's own count, so it stays the same after an erasure. How many different
subjects those were is known only of those who are still here, so that number has two ends.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.laws import PACKS
from kehu.govern.slugs import ACTIONS, PURPOSES, name_of
from kehu.guard.gate.decisions import LET_OUT

JURISDICTIONS: Final = (*PACKS, "none")  # as ``ledger_entry.reach`` counts them
_MEMORY: Final = "256MB"  # a set of a few million ids, without temporary files

# Only the bounds that are given stand in the statement, so that each finds its index.
_BOUNDS: Final = {
    "human": "e.human = %(human)s",
    "purpose": "e.purpose = %(purpose)s",
    "since": "e.at >= %(since)s",
    "until": "e.at < %(until)s",
}
_ORIGINS: Final = """select s.subject, s.packs from subject_state s
    where s.customer = (select n.customer from subject_state n where n.subject = %(subject)s)"""
_SUMS: Final = ", ".join(f"sum(e.reach[{n}])" for n in range(1, 7))
_PACK_COUNTS: Final = ", ".join(f"count(*) filter (where o.packs & {1 << n} > 0)" for n in range(5))

_GROUPS: Final = """
select g.*, d.answer::text, s.email, p.slug from (
    select e.human, e.department, e.purpose, e.action, e.decision, {counts}, min(e.at) as first, max(e.at) as last,
        min(e.seq) as low, max(e.seq) as high
    from {source} where {bounds} group by 1, 2, 3, 4, 5
) g join gate_decision d on d.id = g.decision
left join guard_staff s on s.id = g.human left join guard_department p on p.id = g.department
"""
_ALL: Final = {
    "source": "ledger_entry e",
    "counts": f"count(*) as rows, sum(e.subjects)::bigint as uses, array[{_SUMS}]::bigint[] as reach",
}
_OF_ONE: Final = {
    "source": f"({_ORIGINS}) o join ledger_use u using (subject) join ledger_entry e using (seq)",
    "counts": "count(distinct e.seq) as rows, count(*) as uses,"
    f" array[{_PACK_COUNTS}, count(*) filter (where o.packs = 0)]::bigint[] as reach",
}
_DISTINCT: Final = """
select count(*), coalesce(sum(x.uses), 0)::bigint from (
    select u.subject, count(*) as uses from ledger_use u join ledger_entry e using (seq)
    where u.seq between %(low)s and %(high)s and {bounds} group by u.subject
) x
"""


@dataclass(frozen=True, slots=True)
class Question:
    """The bounds: one customer (any origin id), one human, a purpose's number, a time; None leaves one open."""

    subject: UUID | None = None
    human: UUID | None = None
    purpose: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What one person did under one purpose: rows and uses, the first and the last, and the fields let out."""

    human: str
    department: str
    purpose: str | None
    action: str
    rows: int
    uses: int
    first: datetime
    last: datetime
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The answer: totals, between how many and how many different subjects, by jurisdiction, by field, by person."""

    rows: int
    uses: int
    at_least: int
    at_most: int
    jurisdictions: dict[str, int]
    fields: dict[str, dict[str, int]]
    groups: tuple[Group, ...]

    def radius(self) -> dict[str, Any]:
        """Subjects × fields × jurisdictions in JSON."""
        return {
            "rows": self.rows,
            "uses": self.uses,
            "subjects": {"at_least": self.at_least, "at_most": self.at_most},
            "jurisdictions": self.jurisdictions,
            "fields": [
                {
                    "field": name,
                    "uses": held["uses"],
                    "jurisdictions": {n: held[n] for n in JURISDICTIONS if held.get(n)},
                }
                for name, held in self.fields.items()
            ],
        }


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    uses: int = 0
    first: datetime | None = None
    last: datetime | None = None
    fields: set[str] = field(default_factory=set)


def inquire(question: Question) -> Inquiry:
    """Answer a question. Whoever hands the answer to a person records that reading first."""
    bounds = {
        "subject": question.subject, "human": question.human, "purpose": question.purpose, "since": question.since,
        "until": question.until,
    }  # fmt: skip
    where = " and ".join(text for name, text in _BOUNDS.items() if bounds[name] is not None) or "true"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"set local work_mem = '{_MEMORY}'")
        cursor.execute(_GROUPS.format(bounds=where, **(_OF_ONE if question.subject else _ALL)), bounds)
        found = cursor.fetchall()
        distinct, known = 1 if found else 0, 0
        if found and not question.subject:
            within = {"low": min(row[10] for row in found), "high": max(row[11] for row in found)}
            cursor.execute(_DISTINCT.format(bounds=where), bounds | within)
            distinct, known = cursor.fetchone()
    uses = sum(row[6] for row in found)
    forgotten = 0 if question.subject else uses - known
    laws: Counter[str] = Counter()
    fields: dict[str, Counter[str]] = {}
    groups: dict[tuple[str, str | None, int | None, int], _Tally] = {}
    for human, _, purpose, action, _, rows, count, reach, first, last, _, _, answer, email, department in found:
        by_law = Counter({law: n or 0 for law, n in zip(JURISDICTIONS, reach, strict=True)})
        laws += by_law
        let_out = set() if action == ACTIONS["explain"] else _let_out(answer)  # who asks why is shown no value
        for name in let_out:
            fields.setdefault(name, Counter()).update(by_law + Counter({"uses": count}))
        who = (email or str(human)).removesuffix("@home")
        tally = groups.setdefault((who, department, purpose, action), _Tally())
        tally.rows, tally.uses = tally.rows + rows, tally.uses + count
        tally.first = min(tally.first or first, first)
        tally.last = max(tally.last or last, last)
        tally.fields |= let_out
    return Inquiry(
        rows=sum(row[5] for row in found),
        uses=uses,
        at_least=distinct + (1 if forgotten else 0),
        at_most=distinct + forgotten,
        jurisdictions={law: laws[law] for law in JURISDICTIONS if laws[law]},
        fields={name: dict(fields[name]) for name in sorted(fields)},
        groups=tuple(sorted((_group(key, tally) for key, tally in groups.items()), key=lambda one: -one.uses)),
    )


def _let_out(answer: str) -> set[str]:
    """Fields that a decision let out, clear or masked, whatever the provenance of their values."""
    return {name for name, said in json.loads(answer).items() if name != "*" and any(one[0] in LET_OUT for one in said)}


def _group(key: tuple[str, str | None, int | None, int], tally: _Tally) -> Group:
    human, department, purpose, action = key
    assert tally.first is not None and tally.last is not None
    return Group(
        human=human,
        department=department or "",
        purpose=None if purpose is None else name_of(PURPOSES, purpose),
        action=name_of(ACTIONS, action),
        rows=tally.rows,
        uses=tally.uses,
        first=tally.first,
        last=tally.last,
        fields=tuple(sorted(tally.fields)),
    )
