"""What came since the last run, and who it may be: found by the vault's blind indexes, so that nobody else is opened.

A new record and a candidate share at least one exact token: name, birth date, email, phone or number. Two records whose
every one of these is mistyped do not meet here; the next run of everything compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
from django.db import connection

from kehu.guard.installation import installation
from kehu.guard.watch.marks import NOT_HONEY
from kehu.refine.clean.keys import search_keys
from kehu.refine.models import LinkageRun
from kehu.refine.resolve.indexed import looked_up, of_house
from kehu.refine.resolve.opening import KIND_NUMBERS, Group
from kehu.refine.resolve.weights import all_in_force
from kehu.vault.arrays import BigintArray
from kehu.vault.ids import in_order

# Ids are made by this machine's clock, transactions begin by the database's.
_SKEW_MS: Final = 2_000
# A token this many records of a house carry says little of who is meant.
_COMMON: Final = 300
_TOKENS_PER_STATEMENT: Final = 20_000

_NEW: Final = f"""
select distinct s.controller, s.kind, s.customer from record r join subject_state s using (subject)
where r.id > %s and r.kind in (1, 2, 5) and not r.hidden and not s.hidden and {NOT_HONEY} order by s.customer
"""
_SHARING: Final = f"""
select distinct s.customer from unnest($1::bigint[]) as t (token)
cross join lateral (select array_agg(x.subject) as subjects from {of_house("array[t.token]", "$2")} x) held
cross join lateral unnest(held.subjects) as u (subject)
join subject_state s on s.subject = u.subject
where cardinality(held.subjects) <= $3 and s.controller = $4 and s.kind = $5 and not s.hidden and {NOT_HONEY}
"""


# What a run does not see was brought in by a transaction that is open now, or begins later: its ids are no older.
_HORIZON: Final = """
select floor(extract(epoch from coalesce(min(xact_start), clock_timestamp())) * 1000)::bigint from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
"""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a run should look at.

    Attributes:
        everything: everybody, because it was asked for, there was no run yet, or too much is new.
        seen: whatever the run does not see has a younger id than this.
        weights: those in force, by group.
    """

    everything: bool
    seen: UUID
    weights: Mapping[str, Any] = field(default_factory=dict)
    customers: Mapping[Group, list[UUID]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many customers have a new record."""
        return sum(map(len, self.customers.values()))

    def of(self, group: Group) -> list[UUID]:
        """The group's customers with a new record."""
        return self.customers.get(group, [])


def fresh(*, everything: bool) -> Fresh:
    """What is new since the last run that was done; more than a third of all customers is everything."""
    seen = _horizon()
    last = LinkageRun.objects.filter(state="done").order_by("-started_at").first()
    weights = {**(last.weights if last else {}), **all_in_force()}
    if everything or last is None or last.newest is None:
        return Fresh(True, seen, weights)
    found: dict[Group, list[UUID]] = {}
    kinds = {number: kind for kind, number in KIND_NUMBERS.items()}
    with connection.cursor() as cursor:
        cursor.execute(_NEW, [last.newest])
        for controller, kind, customer in cursor.fetchall():
            found.setdefault(Group(controller, kinds[kind]), []).append(customer)
        count = sum(map(len, found.values()))
        # no further than it matters: of a million most need not be counted
        cursor.execute("select count(*) from (select from subject_state where not hidden limit %s) s", [3 * count])
        [everybody] = cursor.fetchone()
    return Fresh(3 * count > everybody, seen, weights, {} if 3 * count > everybody else found)


def candidates(group: Group, table: pa.Table) -> list[UUID]:
    """Customers of the group that share an exact token with a row of this table of opened records."""
    tokens = sorted(set(_tokens(table)))
    found: set[UUID] = set()
    for start in range(0, len(tokens), _TOKENS_PER_STATEMENT):
        share = tokens[start : start + _TOKENS_PER_STATEMENT]
        values = [BigintArray(share), _COMMON + 1, _COMMON, group.controller, KIND_NUMBERS[group.kind]]
        found.update(row[0] for row in looked_up(_SHARING, values))
    return in_order(found)


def _tokens(table: pa.Table) -> Iterable[int]:
    held = installation()
    for name in table.column_names:
        known = held.rules.dictionary.fields.get(name)
        if known is None or "exact" not in known.search:
            continue
        for value in table[name].unique().drop_null().to_pylist():
            if key := search_keys(name, value, known.type).exact:
                yield held.tokens.search(name, "exact", key)


def _horizon() -> UUID:
    """The smallest id of the time (UUIDv7: 48 bits of milliseconds first) before which nothing can come in any more."""
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON, ())
        [milliseconds] = cursor.fetchone()
    return UUID(int=(milliseconds - _SKEW_MS) << 80)
