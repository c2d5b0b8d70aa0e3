"""How far a contact point can be relied on: a number between 0 and 1, from what was seen of it.

    begins at   0.9 confirmed by customer or staff; 0.75 valid by its form; 0.5 neither; 0.1 not valid
    ages        halves in four years since it was last said or confirmed
    each event  since then, in order: hard bounce × 0.3, returned post × 0.3, failed delivery × 0.6, failed call × 0.7,
                soft bounce × 0.85; delivered: a fifth of what is missing to 1 comes back

Never below 0.01 nor above 0.99: nobody knows. High from 0.6, low under 0.3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from kehu.refine.clean.status import INVALID, VALID

FACTORS: Final = {
    "hard-bounce": 0.3, "returned-post": 0.3, "failed-delivery": 0.6, "failed-call": 0.7, "soft-bounce": 0.85,
}  # fmt: skip
HALVES_IN: Final = 4 * 365.25
HIGH, LOW = 0.6, 0.3


def confidence(
    *, status: int, confirmed: bool, since: dt.datetime, now: dt.datetime, events: Iterable[tuple[dt.datetime, str]]
) -> float:
    """The confidence in a value; ``since``: when it was last said or confirmed; ``events``: time and kind, in any order."""
    begins = 0.9 if confirmed else 0.75 if status == VALID else 0.1 if status == INVALID else 0.5
    held = begins * 0.5 ** (max((now - since).total_seconds(), 0) / 86_400 / HALVES_IN)
    for at, kind in sorted(events):
        if at >= since:
            held = held + (1 - held) * 0.2 if kind == "delivered" else held * FACTORS[kind]
    return float(min(max(held, 0.01), 0.99))


def band(held: float) -> str:
    """``high``, ``medium`` or ``low``."""
    return "high" if held >= HIGH else "medium" if held >= LOW else "low"
