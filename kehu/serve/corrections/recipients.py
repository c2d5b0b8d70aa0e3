"""Whom a value reached outside the house: told from the ledger, of lists that left and of what programs were answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.guard.gate.decisions import LET_OUT
from kehu.guard.ledger import withheld
from kehu.guard.ledger.withheld import SHOWN_SQL

_AUTHORITY: Final = "authority"  # an inquiry of one is no recipient (GDPR 4(9))

_REACHED: Final = f"""
with u as (select u.seq, min(w.since) as since from unnest(%(subjects)s::uuid[], %(since)s::timestamptz[]) w (subject, since)
    join ledger_use u using (subject) group by u.seq),
e as materialized (
    select e.seq, e.at, e.purpose, e.decision from u join ledger_entry e using (seq)
    where e.at >= u.since and e.purpose is not null and {SHOWN_SQL}
)
select max(d.ask::jsonb ->> 'recipient'), coalesce(d.ask::jsonb ->> 'country', ''), (array_agg(e.purpose order by e.at desc))[1],
    min(e.at), max(e.at), count(*)
from e join gate_decision d on d.id = e.decision
where coalesce(d.ask::jsonb ->> 'recipient', '') <> '' and coalesce(d.ask::jsonb ->> 'recipient_kind', '') <> %(authority)s
    and exists (select 1 from jsonb_array_elements(d.answer -> %(field)s) a where a ->> 0 = any (%(out)s))
group by lower(d.ask::jsonb ->> 'recipient'), coalesce(d.ask::jsonb ->> 'country', '') order by 4
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """A recipient in a country, for which purpose last, and from when to when how often."""

    recipient: str
    country: str
    purpose: int
    first_at: datetime
    last_at: datetime
    uses: int


def reached(field: str, *, said_by: Mapping[UUID, UUID]) -> list[Reached]:
    """Recipients who were answered about this field since a record came, in clear or masked.

    What an investigation keeps back is left out until its time, and so are authorities.

    Args:
        said_by: origin subjects, each with the first of its records that said the value.
    """
    came = [datetime.fromtimestamp((record.int >> 80) / 1000, UTC) for record in said_by.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            _REACHED,
            withheld.parameters()
            | {"subjects": list(said_by), "field": field, "since": came, "authority": _AUTHORITY, "out": list(LET_OUT)},
        )
        return [Reached(*row) for row in cursor.fetchall()]
