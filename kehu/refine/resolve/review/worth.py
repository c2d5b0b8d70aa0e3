"""What an answer is worth: how unsure the model is, times what hangs on it.

The doubt is the entropy of the probability that two are one, in bits: 1 at even odds, 0 where the answer is known.
What hangs on it counts 1 for the question itself, the binary logarithm of the records that would change hands (those of
the smaller side), half of that of their uses in the ledger, and 1 for each purpose to which one side said yes and the
other no: there somebody is asked less, or more, than they wanted. Docs: decisions/0035.
"""

from __future__ import annotations

from collections.abc import Collection
from math import log2
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.refine.resolve.compare.odds import Odds
from kehu.refine.resolve.review.labels import odds
from kehu.vault.plans import by_index

# Records and uses beyond these say no more: counting would cost more than it tells.
_MOST: Final = 1_000

_STAKES: Final = """
1 + log(2.0, 1 + least(mine.records, other.records)) + 0.5 * log(2.0, 1 + least(mine.uses, other.uses)) + said.against
"""
_SIDE: Final = f"""
cross join lateral (select (select count(*) from (select 1 from subject_state s join record r using (subject)
        where s.customer = {{side}}.customer and not r.hidden limit {_MOST}) x) as records,
    (select count(*) from (select 1 from subject_state s join ledger_use u using (subject)
        where s.customer = {{side}}.customer limit {_MOST}) x) as uses) {{name}}
"""
_AGAINST: Final = """
cross join lateral (select count(*) as against from (
    select bool_or(s.customer = a.customer and k.value ->> 0 = 'given') as a_yes,
        bool_or(s.customer = b.customer and k.value ->> 0 = 'given') as b_yes,
        bool_or(s.customer = a.customer and k.value ->> 0 in ('withdrawn', 'refused')) as a_no,
        bool_or(s.customer = b.customer and k.value ->> 0 in ('withdrawn', 'refused')) as b_no
    from subject_state s cross join jsonb_each(s.consents) k
    where s.customer in (a.customer, b.customer) group by k.key) x where a_yes and b_no or b_yes and a_no) said
"""
_REVALUE: Final = f"""
update refine_proposal p set value = w.value from (
    select q.id, ({_STAKES}) * (case when c.p in (0, 1) then 0
        else -(c.p * log(2.0, c.p) + (1 - c.p) * log(2.0, 1 - c.p)) end) as value
    from refine_proposal q join subject_state a on a.subject = q.older join subject_state b on b.subject = q.younger
    cross join lateral (select round((1 / (1 + power(2::float8,
        least(40, greatest(-40, -(%(slope)s * coalesce(q.weight, 0) + %(shift)s))))))::numeric, 12) as p) c
    {_SIDE.format(side="a", name="mine")} {_SIDE.format(side="b", name="other")} {_AGAINST}
    where q.state in ('open', 'second', 'third', 'privacy') and (%(run)s::uuid is null or q.run = %(run)s)
        and (%(ids)s::uuid[] is null or q.id = any (%(ids)s))
) w where w.id = p.id and p.value is distinct from w.value
"""


def doubt(probability: float) -> float:
    """Entropy of a yes or no, in bits."""
    if not 0 < probability < 1:
        return 0.0
    return -(probability * log2(probability) + (1 - probability) * log2(1 - probability))


def revalue(*, run: UUID | None = None, only: Collection[UUID] | None = None, by: Odds | None = None) -> None:
    """Work out what an answer to each waiting question is worth now.

    Args:
        run: of the questions of this run alone.
        only: of these alone.
        by: how a weight is read; by what people answered so far, if not given.
    """
    read = by or odds()
    ids = None if only is None else list(only)
    with transaction.atomic(), connection.cursor() as cursor, by_index(connection.connection):
        cursor.execute(_REVALUE, {"slope": read.slope, "shift": read.shift, "run": run, "ids": ids})
