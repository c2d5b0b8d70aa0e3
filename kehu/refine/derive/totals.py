"""How many customers have each trait, as it may be told.

Whoever has one trait and lacks another would come out where two totals stand side by side: of totals that differ by fewer than
the smallest group, the greatest is told alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from kehu.refine.derive.register import groups


def totals() -> dict[str, int]:
    """Customers that have a value now, by trait in force; of all purposes, for their figures stand side by side, too."""
    found: dict[str, int] = {}
    for group in groups():
        slugs = list(group.held)
        columns = ", ".join(['count(*) filter (where "values" ? %s)'] * len(slugs))
        with connection.cursor() as cursor:
            cursor.execute(
                f"select {columns} from derive_value where purpose = %s and sensitive = %s",
                [*slugs, group.number, group.sensitive],
            )
            found |= dict(zip(slugs, cursor.fetchone(), strict=True))
    return found


def told_totals(counted: Mapping[str, int], least: int) -> dict[str, int | None]:
    """Totals as they may be told beside each other; None: too few, or too few fewer than one that is told."""
    told: list[int] = []
    for total in sorted(set(counted.values()), reverse=True):
        if total >= least and (not told or told[-1] - total >= least):
            told.append(total)
    return {slug: total if total in told else None for slug, total in counted.items()}


def few_fewer(slug: str, counted: Mapping[str, int], least: int) -> int:
    """How many lack a trait, by a total that is told; 0: nobody, or so many that it may be told, too."""
    others = [total - counted[slug] for total in told_totals(counted, least).values() if total is not None]
    return next((gap for gap in others if 0 < gap < least), 0)
