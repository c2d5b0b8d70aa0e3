"""The look-up of each subject's uses: what an erasure takes out of it, and whether it is whole and true.

Each row of the ledger says how many subjects it has, each of those has a use in the look-up, and an erasure writes down in its
own transaction how many it took, under a MAC. So rows, uses and what was taken add up; a use that somebody deleted is missed.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.db import connection as django_connection
from psycopg import Connection

from kehu.guard.installation import installation

Fault = tuple[int | None, str]
SHOWN: Final = 100  # faults of one kind
_TRIED: Final = 10_000_000  # commitments compared to find whose use is missed: some ten seconds

_FALSE: Final = f"""
select u.seq, k.subject is null from ledger_use u left join ledger_entry e using (seq) left join subject_key k using (subject)
where e.seq is null or sha256(sha256(k.salt || uuid_send(e.entry)) || uuid_send(u.subject))
    is distinct from substr(e.commitments, u.position * 32 + 1, 32)
order by u.seq limit {SHOWN}
"""
_DOUBLE: Final = f"select seq from ledger_use group by seq, position having count(*) > 1 order by seq limit {SHOWN}"
_UNEVEN: Final = (
    f"select seq from ledger_entry where octet_length(commitments) <> subjects * 32 order by seq limit {SHOWN}"
)
_SUM: Final = """
select (select coalesce(sum(subjects), 0)::bigint from ledger_entry), (select count(*) from ledger_use),
    (select count(*) from subject_key)
"""
_LOST: Final = f"""
with here as (select seq, count(*) as uses from ledger_use group by seq),
lost as (
    select e.seq, e.entry, substr(e.commitments, p.n * 32 + 1, 32) as commitment
    from ledger_entry e left join here h using (seq) cross join lateral generate_series(0, e.subjects - 1) p (n)
    where e.subjects > coalesce(h.uses, 0)
        and not exists (select 1 from ledger_use u where u.seq = e.seq and u.position = p.n)
    order by e.seq desc limit %s
)
select distinct l.seq from lost l join subject_key k
    on sha256(sha256(k.salt || uuid_send(l.entry)) || uuid_send(k.subject)) = l.commitment
order by 1 limit {SHOWN}
"""


def forget_uses(subject: UUID) -> int:
    """Take an erased subject's uses out of the look-up, in the erasure's transaction; returns how many. Leaves stay."""
    django_connection.ensure_connection()
    raw: Connection[Any] = django_connection.connection
    row = raw.execute("select forget_subject_uses(%s)", (subject,)).fetchone()
    uses = int(row[0]) if row else 0
    if uses:
        id = UUID(bytes=os.urandom(16), version=4)
        raw.execute(
            "insert into ledger_forgotten (id, uses, mac) values (%s, %s, %s)",
            (id, uses, _mac(installation().entry_key, id, uses)),
        )
    return uses


def use_faults(connection: Connection[Any], entry_key: bytes) -> Iterator[Fault]:
    """Uses that no row commits to, and uses that are missing; all seen at one moment.

    Where some are missing, those of people who are here are named by their row as far as that many can be compared.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        for seq, unknown in connection.execute(_FALSE).fetchall():
            yield (
                seq,
                "the look-up names a subject that " + ("is not here" if unknown else "the row does not commit to"),
            )
        for (seq,) in connection.execute(_DOUBLE).fetchall():
            yield seq, "the look-up names a use twice"
        for (seq,) in connection.execute(_UNEVEN).fetchall():
            yield seq, "the row says how many subjects it has, and commits to another number"
        taken = 0
        known = set[UUID]()
        for id, uses, mac in connection.execute("select id, uses, mac from ledger_forgotten").fetchall():
            if id in known or not hmac.compare_digest(_mac(entry_key, id, uses), bytes(mac)):
                yield None, "uses are said to have been taken by an erasure, and its MAC is not ours"
                continue
            known.add(id)
            taken += uses
        # what retired rows named beyond the look-up had been taken by erasures before, or is missed for ever
        yield from _missing(connection, taken - _retired(connection))


def _missing(connection: Connection[Any], taken: int) -> Iterator[Fault]:
    row = connection.execute(_SUM).fetchone()
    named, here, keys = (int(row[0]), int(row[1]), int(row[2])) if row else (0, 0, 0)
    missing = named - here - taken
    if missing < 0:
        yield None, f"the look-up and what erasures took are {-missing} uses more than the rows have"
    if missing > 0:
        yield None, f"{missing} uses are gone from the look-up, and no erasure took them"
        for (seq,) in connection.execute(_LOST, (max(1, _TRIED // max(1, keys)),)).fetchall():
            yield seq, "the use of somebody who is here is gone from the look-up"


def _retired(connection: Connection[Any]) -> int:
    row = connection.execute("select coalesce(sum(subjects - uses), 0)::bigint from ledger_retired").fetchone()
    return int(row[0]) if row else 0


def _mac(key: bytes, id: UUID, uses: int) -> bytes:
    return hmac.digest(key, b"forgotten" + id.bytes + uses.to_bytes(8, "big", signed=True), "sha256")
