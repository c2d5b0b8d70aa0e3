"""How likely a match weight makes it that two are one: by the model alone or, once enough people answered, by them.

The model says it by its weight in bits: 0 is even odds. People's answers bend that by a line (Platt's scaling): the
logarithm of the odds is ``slope × weight + shift``, found by penalised likelihood that stays with (1, 0) until the
answers say otherwise. Questions are chosen by their weight, so what is learned of *given the weight* holds; counts of
what agreed would not (decisions/0036).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

# Fewer answers, or of one kind only, bend nothing.
LEAST_LABELS: Final = 30
_PULL_SLOPE: Final = 1 / 0.5**2  # how far the two may stray by themselves: half, and three bits
_PULL_SHIFT: Final = 1 / 3.0**2
_ROUNDS: Final = 50
_CLOSE: Final = 1e-9
_Z: Final = 1.959964  # 95 %

Label = tuple[float, bool]
"""A weight in bits at the time, and whether people said that the two are one."""


@dataclass(frozen=True, slots=True)
class Odds:
    """How a weight is read. ``labels``: the answers behind it; 0 where the model speaks alone."""

    slope: float = 1.0
    shift: float = 0.0
    labels: int = 0

    def of(self, weight: float | None) -> float:
        """The probability that two of this weight are one; a question without a weight is open."""
        return chance(self.slope * (weight or 0.0) + self.shift)


def chance(bits: float) -> float:
    """The probability of so many bits of odds."""
    return 1 / (1 + 2 ** -max(-60.0, min(60.0, bits)))


def moved(share: float, bits: float) -> float:
    """A share whose odds are so many bits more; six digits."""
    found = share / (1 - share) * 2**bits
    return float(f"{found / (1 + found):.6g}")


def fitted(found: Sequence[Label]) -> Odds:
    """The line that these labels speak for; the model's own where they are few or all alike."""
    if not _enough(found):
        return Odds()
    slope, shift = _bent(found, slope_too=True)
    return Odds(slope, shift, len(found))


def shift_of(found: Sequence[Label]) -> float:
    """How many bits all weights are too low by these labels, their slope left as it is; 0 where they are too few."""
    return _bent(found, slope_too=False)[1] if _enough(found) else 0.0


def _enough(found: Sequence[Label]) -> bool:
    return len(found) >= LEAST_LABELS and len({yes for _, yes in found}) == 2


def _bent(found: Sequence[Label], *, slope_too: bool) -> tuple[float, float]:
    """Newton's method on two parameters, a step halved where it would overshoot.

    The penalty keeps it from running away where labels part without overlap.
    """
    slope, shift = 1.0, 0.0
    now = _penalised(found, slope, shift)
    for _ in range(_ROUNDS):
        step_slope, step_shift = _step(found, slope, shift, slope_too=slope_too)
        while (then := _penalised(found, slope + step_slope, shift + step_shift)) > now and abs(step_shift) > _CLOSE:
            step_slope, step_shift = step_slope / 2, step_shift / 2
        slope, shift, gained, now = slope + step_slope, shift + step_shift, now - then, then
        if gained < _CLOSE:
            break
    return max(slope, 0.0), shift


def _penalised(found: Sequence[Label], slope: float, shift: float) -> float:
    """What is to be least: the surprise of all answers in nats, and how far the line is from the model's own."""
    surprise = -sum(log(chance((1 if yes else -1) * (slope * weight + shift))) for weight, yes in found)
    return surprise + _PULL_SLOPE * (slope - 1) ** 2 / 2 + _PULL_SHIFT * shift**2 / 2


def _step(found: Sequence[Label], slope: float, shift: float, *, slope_too: bool) -> tuple[float, float]:
    unit = log(2)
    down_slope, down_shift = -_PULL_SLOPE * (slope - 1), -_PULL_SHIFT * shift
    bend_ss, bend_st, bend_tt = _PULL_SLOPE, 0.0, _PULL_SHIFT
    for weight, yes in found:
        p = chance(slope * weight + shift)
        error, spread = unit * (yes - p), unit**2 * p * (1 - p)
        down_slope, down_shift = down_slope + error * weight, down_shift + error
        bend_ss, bend_st, bend_tt = bend_ss + spread * weight**2, bend_st + spread * weight, bend_tt + spread
    if not slope_too:
        return 0.0, down_shift / bend_tt
    ground = bend_ss * bend_tt - bend_st**2
    return (
        (bend_tt * down_slope - bend_st * down_shift) / ground,
        (bend_ss * down_shift - bend_st * down_slope) / ground,
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about one predicted probability: the mean of it, how many, how many yes, and where the share lies.

    ``low`` and ``high``: Wilson's interval of the share of yes, 95 %. Source: Wilson 1927.
    """

    predicted: float
    count: int
    yes: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share that people said are one."""
        return self.yes / self.count


def curve(found: Iterable[Label], by: Odds, *, bins: int = 10) -> list[Bin]:
    """Predicted probability against what people said, in tenths; empty tenths are left out."""
    held: dict[int, list[tuple[float, bool]]] = {}
    for weight, yes in found:
        p = by.of(weight)
        held.setdefault(min(int(p * bins), bins - 1), []).append((p, yes))
    made = []
    for _, rows in sorted(held.items()):
        count, agreed = len(rows), sum(said for _, said in rows)
        made.append(Bin(sum(p for p, _ in rows) / count, count, agreed, *wilson(agreed, count)))
    return made


def wilson(yes: int, count: int) -> tuple[float, float]:
    """The interval in which the share of yes lies, 95 %."""
    if not count:
        return 0.0, 1.0
    share, squared = yes / count, _Z**2
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = _Z * sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def log_loss(found: Sequence[Label], by: Odds) -> float:
    """Mean surprise of the answers in bits: 0 is foresight, 1 is a coin."""
    if not found:
        return 0.0
    return sum(-log(max(by.of(w) if yes else 1 - by.of(w), exp(-40))) for w, yes in found) / len(found) / log(2)
