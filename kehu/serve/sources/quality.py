"""What a source is worth, by what became of what it gave: computed from its imports, never written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

_COUNTS: Final = """
select i.source, count(distinct i.id), sum(c.rows), sum(c.created), sum(c.updated), sum(c.merged), sum(c.duplicates),
    sum(c.quarantined)
from collect_import i join collect_importchunk c on c.batch = i.id
where i.source is not null and i.state not in ('undone', 'erased') group by i.source
"""


@dataclass(frozen=True, slots=True)
class Quality:
    """What the imports of a source came to; those that were taken back do not count.

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
