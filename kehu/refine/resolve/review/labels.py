"""What people answered, as labels: how their answers say that a weight is to be read."""

from __future__ import annotations

from typing import Final

from django.db import connection

from kehu.refine.resolve.compare.odds import Label, Odds, fitted

_NEWEST: Final = 2_000  # fitting these takes 60 ms

_LABELS: Final = f"""
select weight, verdict = 'yes' from refine_answer
where decided and withdrawn_at is null and weight is not null order by at desc limit {_NEWEST}
"""


def labels() -> list[Label]:
    """Weights and answers of decided questions, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, ())
        return [(float(weight), bool(yes)) for weight, yes in cursor.fetchall()]


def odds() -> Odds:
    """How weights are read now."""
    return fitted(labels())
