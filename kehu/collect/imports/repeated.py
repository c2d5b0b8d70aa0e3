"""Rows that another import brought once more: should the first be taken back, they stay, as what the other one brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.slugs import BASES
from kehu.govern.taken_back import hand_statements
from kehu.vault.assignment import assign
from kehu.vault.plans import by_index

# One for each record is enough, as long as that import stands: of a file that is read every night the others say no more.
_NOTE: Final = """
insert into record_repeat (subject, record, batch)
select distinct k.subject, k.record, %(batch)s::uuid from unnest(%(keys)b::bytea[]) as t (token) join source_key k using (token)
    join record r on r.subject = k.subject and r.id = k.record where r.batch <> %(batch)s
    and not exists (select 1 from record_repeat p join collect_import i on i.id = p.batch
        where p.subject = k.subject and p.record = k.record and i.state not in ('undone', 'erased'))
on conflict (subject, record) do update set batch = excluded.batch where exists
    (select 1 from collect_import i where i.id = record_repeat.batch and i.state in ('undone', 'erased'))
"""
# What the row said of consents was said under the other import's notice, too, or it goes with the first.
_HAND_ON: Final = """
with taken as (
    select p.subject, p.record, i.id as batch, i.notice, b.number as basis
    from record_repeat p join collect_import i on i.id = p.batch and i.state not in ('undone', 'erased')
        join collect_import old on old.id = %(batch)s
        join unnest(%(slugs)s::text[], %(numbers)s::smallint[]) as b (slug, number) on b.slug = i.basis
    where p.subject = any (%(subjects)s) and p.record = any (%(records)s) and (i.notice = old.notice or not exists
        (select 1 from govern_consent c where c.subject = p.subject and c.batch = old.id and c.taken_back_at is null))
), gone as (
    delete from record_repeat p using taken t where p.subject = t.subject and p.record = t.record
)
update record r set batch = t.batch, basis = t.basis, notice = t.notice from taken t
where r.subject = t.subject and r.id = t.record returning r.subject, r.id, t.batch
"""
# What this import joined, and the other would have: who shares an exact key still, and whom a contact named.
_LINKS: Final = """
select distinct a.subject, a.other, a.certainty, a.why, t.batch
from unnest(%(subjects)s::uuid[], %(batches)s::uuid[]) as t (subject, batch) join assignment a
    on t.subject in (a.subject, a.other) and a.run = %(batch)s and a.act = 1
    join subject_state s on s.subject = a.subject and not s.hidden join subject_state o on o.subject = a.other and not o.hidden
where a.certainty = 3 or exists (select 1 from identity_key i join identity_key j using (token)
    where i.subject = a.subject and j.subject = a.other)
"""


def note_repeats(connection: Connection[Any], keys: Sequence[bytes], batch: UUID) -> None:
    """Note that an import brought the newest rows under these keys once more; in the transaction of its chunk."""
    if keys:
        with by_index(connection):
            connection.execute(_NOTE, {"keys": list(keys), "batch": batch})


class Handed:
    """Records of an import that is taken back which another one brought, too: they are that one's from now on."""

    def __init__(
        self, connection: Connection[Any], batch: UUID, subjects: Sequence[UUID], records: Sequence[UUID]
    ) -> None:
        self._connection, self._batch = connection, batch
        bases = {"slugs": list(BASES), "numbers": list(BASES.values())}
        told = {"batch": batch, "subjects": list(subjects), "records": list(records)}
        rows = connection.execute(_HAND_ON, told | bases).fetchall()
        self.records = frozenset(row[1] for row in rows)
        self._to: dict[UUID, UUID] = {row[0]: row[2] for row in rows}
        hand_statements(connection, batch, self._to)

    def join(self, *, by: UUID) -> None:
        """Join whom the import had joined, as the other one does; after everybody else has left."""
        if not self._to:
            return
        told = {"subjects": list(self._to), "batches": list(self._to.values()), "batch": self._batch}
        links = defaultdict[tuple[int, int, UUID], list[tuple[UUID, UUID]]](list)
        for one, other, certainty, why, batch in self._connection.execute(_LINKS, told).fetchall():
            links[certainty, why, batch].append((one, other))
        for (certainty, why, batch), pairs in links.items():
            assign(self._connection, pairs, certainty=certainty, why=why, run=batch, by=by)
