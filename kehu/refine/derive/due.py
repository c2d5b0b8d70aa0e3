"""Whose traits are to be computed anew: for every purpose, or for one that nobody might compute when it was due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from kehu.refine.derive.faults import NobodyMay

AT_ONCE: Final = 2_000
# whose traits wait because the gate refused, once asked, is asked for again after this, not each minute: each is recorded
_AGAIN: Final = "1 hour"
# of whom something is put off must still be here when it is written: whoever erases them waits, or takes it with them; who
# is erased is held before what is kept of them, so here, too
_HELD: Final = """
select 1 from subject_state where subject in (select d.subject from derive_due d
    join unnest(%(firsts)s::bigint[], %(lasts)s::bigint[]) n (first, last) on d.seq between n.first and n.last
    where d.purpose is null) order by subject for share
"""
_TAKEN: Final = """
with gone as (delete from derive_due d using unnest(%(firsts)s::bigint[], %(lasts)s::bigint[]) n (first, last)
    where d.seq between n.first and n.last and (d.purpose is null or not exists (
        select from unnest(%(purposes)s::smallint[], %(sensitive)s::boolean[]) k (purpose, sensitive)
        where k.purpose = d.purpose and k.sensitive = d.sensitive))
    returning d.subject, d.purpose)
insert into derive_due (subject, purpose, sensitive, at) select distinct g.subject, k.purpose, k.sensitive, k.at
    from gone g cross join unnest(%(purposes)s::smallint[], %(sensitive)s::boolean[], %(times)s::timestamptz[])
        k (purpose, sensitive, at)
    where g.purpose is null and exists (select from subject_state s where s.subject = g.subject)
    on conflict (subject, purpose, sensitive) where purpose is not null do nothing
"""
_LEFT: Final = """
update derive_due d set at = k.at from unnest(%(firsts)s::bigint[], %(lasts)s::bigint[]) n (first, last),
    unnest(%(purposes)s::smallint[], %(sensitive)s::boolean[], %(times)s::timestamptz[]) k (purpose, sensitive, at)
    where d.seq between n.first and n.last and k.purpose = d.purpose and k.sensitive = d.sensitive
"""

Part = tuple[int, bool]
"""A purpose's number, and whether its sensitive traits are meant."""
Stretches = Sequence[tuple[int, int]]
"""Numbers of rows without a gap, from the first to the last of each."""


class Row(NamedTuple):
    """A customer of whom something came or changed; ``purpose`` and ``sensitive`` None: for every purpose."""

    seq: int
    subject: UUID
    purpose: int | None
    sensitive: bool | None

    def concerns(self, part: Part) -> bool:
        """Whether it is due for these traits."""
        return self.purpose is None or (self.purpose, self.sensitive) == part


def waiting() -> int:
    """How many customers' traits are to be computed anew."""
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct subject) from derive_due", ())
        return int(cursor.fetchone()[0])


def refused_lately() -> set[Part]:
    """What somebody waits for because the gate refused whoever asked, when it was asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct purpose, sensitive from derive_due where purpose is not null"
            f" and at > clock_timestamp() - interval '{_AGAIN}'",
            (),
        )
        return set(cursor.fetchall())


def due_now(parts: Collection[Part], most: int = AT_ONCE) -> list[Row]:
    """The first rows that are due; of what was put off, only of these parts, and not lately."""
    with connection.cursor() as cursor:
        cursor.execute(
            "(select seq, subject, purpose, sensitive from derive_due where purpose is null order by seq limit %(most)s)"
            " union all (select d.seq, d.subject, d.purpose, d.sensitive from derive_due d"
            " join unnest(%(purposes)s::smallint[], %(sensitive)s::boolean[]) k (purpose, sensitive)"
            f" on k.purpose = d.purpose and k.sensitive = d.sensitive where d.at < clock_timestamp() - interval '{_AGAIN}'"
            " order by d.seq limit %(most)s)",
            {"most": most, **_apart(parts)},
        )
        return [Row(*row) for row in cursor.fetchall()]


def seen() -> Stretches:
    """What is due now.

    A lower number may still come, of a transaction that is not committed yet; it is in none of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(seq), max(seq) from (select seq, seq - row_number() over (order by seq) as stretch from derive_due) d"
            " group by stretch order by 1",
            (),
        )
        return list(cursor.fetchall())


def done(rows: Stretches, *, but: Mapping[Part, NobodyMay]) -> None:
    """These rows are done with; for the parts named in ``but`` they are put off. In the caller's transaction."""
    held = {"firsts": [first for first, _ in rows], "lasts": [last for _, last in rows], **_apart(but)}
    times = ["now" if nobody.asked else "-infinity" for nobody in but.values()]
    with connection.cursor() as cursor:
        if but:
            cursor.execute(_HELD, held)
        cursor.execute(_TAKEN, held | {"times": times})
        if but:
            cursor.execute(_LEFT, held | {"times": times})


def _apart(parts: Collection[Part]) -> dict[str, list[int] | list[bool]]:
    return {"purposes": [purpose for purpose, _ in parts], "sensitive": [sensitive for _, sensitive in parts]}
