"""Who uses a telephone or mailbox besides those that were opened: asked of the blind index, so that nobody else is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypeVar
from uuid import UUID

from kehu.guard.watch.marks import NOT_HONEY
from kehu.refine.resolve.compare.model import LINES
from kehu.refine.resolve.indexed import looked_up, of_house
from kehu.refine.resolve.opening import KIND_NUMBERS, Group
from kehu.refine.tokens import tokens_of
from kehu.vault.arrays import BigintArray

_Record = TypeVar("_Record", int, str)
_MOST: Final = 500  # records that carry one; more than are ever opened for it
_USERS: Final = f"""
select distinct t.token, s.customer, s.subject from unnest($1::bigint[]) as t (token)
cross join lateral {of_house("array[t.token]", "$2")} x
join subject_state s on s.subject = x.subject
where s.controller = $4 and s.kind = $3 and not s.hidden and {NOT_HONEY}
"""


def used_elsewhere(
    group: Group, records: Mapping[_Record, Mapping[str, str | None]], opened: Collection[UUID]
) -> set[_Record]:
    """Of these records those whose telephone or mailbox somebody of the house uses who was not opened.

    Args:
        records: what each says.
        opened: ids of customers, or of their records.
    """
    lines = {one: {(line, value) for line in LINES if (value := said.get(line))} for one, said in records.items()}
    tokens = {line: exact for of in lines.values() for line in of if (exact := tokens_of(*line).exact) is not None}
    if not tokens:
        return set()
    values = [BigintArray(sorted(set(tokens.values()))), _MOST, KIND_NUMBERS[group.kind], group.controller]
    others = {
        token
        for token, customer, subject in looked_up(_USERS, values)
        if customer not in opened and subject not in opened
    }
    return {one for one, of in lines.items() if not others.isdisjoint(tokens.get(line) for line in of)}
