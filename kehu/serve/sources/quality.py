"""What a source is worth, by what became of what it gave: computed from its imports, never written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

# A row counts with the import that it came by first. A replay adds what came in by it, and takes that off what was refused;
# where the first import was taken back it stands for itself. Replays of before name no source: they have that of the first.
# A message that was sent to its channel's reader again is counted there anew.
_COUNTS: Final = """
with held as (
    select i.id, coalesce(i.source, o.source) as source, i.replays is null as first,
        i.replays is not null and o.state not in ('undone', 'erased') as again
    from collect_import i left join collect_import o on o.id = i.replays
    where i.state not in ('undone', 'erased') and coalesce(i.source, o.source) is not null
), counted as (
    select h.source, h.id, h.first, h.again, sum(c.rows) as rows, sum(c.created) as created, sum(c.updated) as updated,
        sum(c.merged) as merged, sum(c.duplicates) as duplicates, sum(c.quarantined) as quarantined,
        (select count(*) from collect_quarantined n where n.batch = h.id and not n.accepted and n.settled <> n.batch
            and not exists (select 1 from collect_import b where b.id = n.settled)) as resent
    from held h join collect_importchunk c on c.batch = h.id group by h.source, h.id, h.first, h.again
)
select source, count(*) filter (where first),
    sum(case when first then rows - resent when again then 0 else created + updated + merged end),
    sum(created), sum(updated), sum(merged), coalesce(sum(duplicates) filter (where first), 0),
    sum(case when first then quarantined - resent when again then -(created + updated + merged) else 0 end)
from counted group by source
"""


@dataclass(frozen=True, slots=True)
class Quality:
    """What the imports of a source came to; those that were taken back do not count, and no row counts twice.

    ``quarantined``: refused, and not brought in since; what turned out to be here already when it was put right is among them.
    ``score``: of a hundred rows, how many were fit to come in and were not there already; None where it gave nothing yet.
    """

    imports: int = 0
    rows: int = 0
    created: int = 0
    updated: int = 0
    merged: int = 0
    duplicates: int = 0
    quarantined: int = 0

    @property
    def score(self) -> int | None:
        """See the class."""
        return round(100 * (self.rows - self.quarantined - self.duplicates) / self.rows) if self.rows else None


def quality_of_sources() -> dict[int, Quality]:
    """The quality of every source that gave something, by its number."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        return {row[0]: Quality(*(int(one) for one in row[1:])) for row in cursor.fetchall()}
