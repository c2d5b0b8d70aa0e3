"""Who was shown two customers as one: rows of the ledger that let values of both out in one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import ACTIONS, PURPOSES, name_of
from kehu.guard.gate.decisions import LET_OUT
from kehu.guard.gate.policies import MATCH_ONLY

# What puts values before whoever asks, or sends them off. Linkage, erasure and review open both for themselves; an explanation
# opens nothing.
_SHOWN: Final = ("read", "list", "find", "export", "give", "contact", "match", "read-traits")

# A sign-in of a customer's own asks by "find" whether an address is theirs: an answer that nobody sees.
_ROWS: Final = """
select e.human, s.email, e.at, e.action, e.purpose, d.ask::jsonb ->> 'recipient', d.ask::jsonb ->> 'country',
    e.jurisdictions,
    array(select f.key from jsonb_each(d.answer) f where f.key <> '*'
        and exists (select 1 from jsonb_array_elements(f.value) a where a ->> 0 = any (%(out)s)) order by 1)
from (
    select distinct u.seq from ledger_use u join ledger_use v using (seq)
    where u.subject = any (%(these)s) and v.subject = any (%(those)s)
) both_of_them
join ledger_entry e using (seq) join gate_decision d on d.id = e.decision left join guard_staff s on s.id = e.human
where e.at >= %(since)s and e.action = any (%(shown)s) and (s.id is not null or e.action <> %(find)s)
    and exists (select 1 from jsonb_each(d.answer) f, jsonb_array_elements(f.value) a
        where f.key <> '*' and a ->> 0 = any (%(out)s))
order by e.seq
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One row: who asked (``email`` of a member of staff, None for a customer's own sign-in), when, and what went where.

    ``fields`` are those of which something came out, in clear, masked or compared. ``laws`` by the number of their pack.
    """

    human: UUID
    email: str | None
    at: datetime
    act: str
    purpose: str | None
    recipient: str
    country: str
    laws: tuple[int, ...]
    fields: tuple[str, ...]


def shown_together(these: list[UUID], those: list[UUID], *, since: datetime) -> list[Shown]:
    """Rows since a moment in which some of ``these`` and some of ``those`` were let out together, oldest first.

    Tell who was one customer from then on: before, a page of a list names many customers in one row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ROWS,
            {
                "these": these, "those": those, "since": since, "shown": [ACTIONS[name] for name in _SHOWN],
                "find": ACTIONS["find"], "out": [*LET_OUT, MATCH_ONLY],
            },
        )  # fmt: skip
        return [_shown(row) for row in cursor.fetchall()]


def _shown(row: Sequence[Any]) -> Shown:
    human, email, at, act, purpose, recipient, country, laws, fields = row
    return Shown(
        human, email, at, name_of(ACTIONS, act), name_of(PURPOSES, purpose) if purpose is not None else None,
        recipient or "", country or "", tuple(laws), tuple(fields),
    )  # fmt: skip
