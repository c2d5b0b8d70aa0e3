"""How far people agree who answered the same questions, without names: a rating of nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

# Of every two who said yes or no to one question: what they said.
_PAIRS: Final = """
select a.verdict, b.verdict, count(*) from refine_answer a join refine_answer b
    on a.proposal = b.proposal and a.round < b.round
where a.withdrawn_at is null and b.withdrawn_at is null and 'unsure' not in (a.verdict, b.verdict) group by 1, 2
"""
_SHARES: Final = """
select count(*), count(*) filter (where verdict = 'unsure'), count(*) filter (where withdrawn_at is not null),
    count(distinct proposal) filter (where round > 1) from refine_answer
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers and what became of them. ``kappa``: Cohen's, above chance; None where nobody answered what another did."""

    answers: int
    unsure: int
    taken_back: int
    asked_again: int
    pairs: int
    same: int
    kappa: float | None


def agreement() -> Agreement:
    """Over all answers so far."""
    with connection.cursor() as cursor:
        cursor.execute(_SHARES, ())
        answers, unsure, back, again = cursor.fetchone()
        cursor.execute(_PAIRS, ())
        said = {(one, other): count for one, other, count in cursor.fetchall()}
    pairs = sum(said.values())
    same = said.get(("yes", "yes"), 0) + said.get(("no", "no"), 0)
    return Agreement(answers, unsure, back, again, pairs, same, _kappa(said, pairs, same))


def _kappa(said: dict[tuple[str, str], int], pairs: int, same: int) -> float | None:
    if not pairs:
        return None
    first = sum(count for (one, _), count in said.items() if one == "yes") / pairs
    second = sum(count for (_, other), count in said.items() if other == "yes") / pairs
    by_chance = first * second + (1 - first) * (1 - second)
    return 1.0 if by_chance == 1 else (same / pairs - by_chance) / (1 - by_chance)
