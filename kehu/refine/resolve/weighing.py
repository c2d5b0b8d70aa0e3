"""Two versions of weights compared before one is put in force: how many pairs change sides, which, and what labels say.

Both link the same customers in memory, opened through the gate as linkage opens them: those whom linkage joined or asks
about, and others up to :data:`MOST`. A side is what linkage would do with two records: join them, ask, or neither. What
is kept are counts and the ids of a few pairs that change; a reviewer who looks at one opens it through the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
from django.db import connection
from django.db.models import QuerySet

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.watch.marks import NOT_HONEY
from kehu.refine.models import IN_FORCE, Weights
from kehu.refine.resolve import weights
from kehu.refine.resolve.opening import KIND_NUMBERS, Group, open_table
from kehu.refine.resolve.weights import judged, labels_under, version_of

MOST: Final = 20_000
"""Customers that are opened for a comparison."""
SAMPLES: Final = 20
MERGE, ASK, APART = "merge", "question", "apart"
_MEMORY: Final = "1GB"
_LARGEST: Final = 50  # pairs within a larger group are counted along its first member only

Pair = tuple[str, str]

_TOLD: Final = f"""
select x.customer from (
    select s.customer, bool_or(p.id is not null) or count(*) > 1 as told from subject_state s
    left join lateral (select p.id from refine_proposal p where s.subject in (p.older, p.younger) limit 1) p on true
    where s.controller = %s and s.kind = %s and not s.hidden and {NOT_HONEY} group by s.customer) x
order by x.told desc, hashtextextended(x.customer::text, 0) limit {MOST}
"""


def compare(id: UUID, *, actor: Actor) -> Weights:
    """Compare a version with the one in force, and keep what was found with it; returns the version.

    Raises:
        ActRefused: the role may not link.
        UnknownWeights: there is none, it is in force itself, or nothing is.
        LinkageFailed: out of memory.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    require_act("link", actor)
    made = version_of(id)
    group = weights.group_of(made)
    held = weights.version_in_force(group)
    if held is None or made.state == IN_FORCE:
        raise weights.UnknownWeights(str(id))
    customers = _customers(group)
    table = open_table(customers, group.kind, actor=actor, run=made.id)
    before, after = (_sides(*linked(table, group, weights.as_of_now(one))) for one in (held, made))
    found = _compared(before, after)
    found |= {"against": str(held.id), "customers": len(customers), "records": len(table)}
    found["judged"] = [asdict(judged(labels_under(made, one.content))) for one in (held, made)]
    _versions(made.id).update(compared=found)
    made.refresh_from_db()
    return made


def linked(
    table: pa.Table, group: Group, content: Mapping[str, Any]
) -> tuple[list[list[str]], list[tuple[str, str, float]]]:
    """What linkage would join and ask about by these weights."""
    if len(table) < 2:
        return [], []
    from kehu.refine.resolve.linkage.link import link  # noqa: PLC0415  (what the web process that names this never computes)

    result = link(table, kind=group.kind, memory_limit=_MEMORY, weights=content)
    return result.merges, result.proposals


def _customers(group: Group) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [group.controller, KIND_NUMBERS[group.kind]])
        return sorted(row[0] for row in cursor.fetchall())


def _sides(merges: list[list[str]], proposals: list[tuple[str, str, float]]) -> dict[Pair, str]:
    found: dict[Pair, str] = {}
    for left, right, _ in proposals:
        found[min(left, right), max(left, right)] = ASK
    for group in merges:
        first, *others = sorted(group)
        pairs = combinations(sorted(group), 2) if len(group) <= _LARGEST else ((first, other) for other in others)
        found.update(dict.fromkeys(pairs, MERGE))
    return found


def _compared(before: Mapping[Pair, str], after: Mapping[Pair, str]) -> dict[str, Any]:
    """Counts of each change of sides, and samples of each, the gravest first."""
    changed = [
        (pair, before.get(pair, APART), after.get(pair, APART))
        for pair in sorted(before.keys() | after.keys())
        if before.get(pair, APART) != after.get(pair, APART)
    ]
    gravest = {(APART, MERGE): 0, (MERGE, APART): 1, (ASK, MERGE): 2, (MERGE, ASK): 3}
    changed.sort(key=lambda one: gravest.get(one[1:], 4))
    samples: list[list[str]] = []
    taken = Counter[tuple[str, str]]()
    for (left, right), was, then in changed:
        if taken[was, then] < SAMPLES // 5 or (len(changed) <= SAMPLES):
            taken[was, then] += 1
            samples.append([str(UUID(left)), str(UUID(right)), was, then])
    counts = Counter(f"{was}>{then}" for _, was, then in changed)
    return {
        "pairs": len(before.keys() | after.keys()), "changed": len(changed), "sides": dict(sorted(counts.items())),
        "same": {side: sum(after.get(pair) == held == side for pair, held in before.items()) for side in (MERGE, ASK)},
        "samples": samples[:SAMPLES],
    }  # fmt: skip


def _versions(id: UUID) -> QuerySet[Weights]:
    return Weights.objects.filter(id=id)
