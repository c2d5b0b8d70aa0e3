"""When a question is answered: by how many people, and who is asked next. A pure rule, the same for page and program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kehu.refine.models import ACCEPTED, NO, OPEN, PRIVACY, REJECTED, SECOND, THIRD, YES

# A yes below, or a no above, contradicts the model so strongly that a second person looks.
DOUBTFUL_YES: Final = 0.05
DOUBTFUL_NO: Final = 0.95
_NEXT: Final = {0: OPEN, 1: SECOND, 2: THIRD}
_DECIDED: Final = {YES: ACCEPTED, NO: REJECTED}

Said = tuple[str, bool]
"""A verdict, and whether it needs nobody to say the same."""


def stands_alone(verdict: str, *, sure: bool, probability: float) -> bool:
    """Whether one such answer is enough: the person is sure, and the model does not strongly say the opposite."""
    against = (verdict == YES and probability < DOUBTFUL_YES) or (verdict == NO and probability > DOUBTFUL_NO)
    return sure and verdict in _DECIDED and not against


def state_after(said: Sequence[Said]) -> str:
    """The state of a question after these answers, in their order.

    One answer that stands alone decides, two that agree decide, one that contradicts another asks a third person, whom
    the majority then follows. Where three people did not settle it, the privacy office does.
    """
    if len(said) > len(_NEXT):
        return _DECIDED.get(said[-1][0], PRIVACY)
    counts = {verdict: sum(one == verdict for one, _ in said) for verdict in _DECIDED}
    agreed = next(
        (verdict for verdict in counts if counts[verdict] and not counts[NO if verdict == YES else YES]), None
    )
    if agreed and (counts[agreed] > 1 or any(alone for verdict, alone in said if verdict == agreed)):
        return _DECIDED[agreed]
    if counts[YES] != counts[NO] and min(counts.values()):
        return _DECIDED[max(counts, key=lambda verdict: counts[verdict])]
    return _NEXT.get(len(said), PRIVACY)
