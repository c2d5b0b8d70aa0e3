"""Scores as they may be shown: shares of a hundred, and no count of one to four people told anywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Count

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.refine.alone import MEASURING
from kehu.refine.quality.models import DIMENSIONS, Finding, Run, Score

T = TypeVar("T")
SMALL: Final = 5
"""Fewer than so many are not told apart."""
TREND_DAYS: Final = 365
PAGE: Final = 25


class People(NamedTuple):
    """Customers whom a score is of: looked at, of whom something fell short, of whom something did not."""

    of: int
    bad: int
    good: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A score as it may be shown. ``share``: of what was looked at, how much is good (0 to 1).

    None where fewer than five customers were looked at. ``bad`` is None where of between one and four something fell short,
    or something did not: the share is then that of five customers.
    """

    of: int | None
    bad: int | None
    share: float | None

    @classmethod
    def made(cls, of: int, bad: int, people: People | None = None) -> Shown:
        """What may be told of these counts; ``people`` None: each customer counts once."""
        people = people or People(of, bad, of - bad)
        if people.of < SMALL:
            return cls(None, None, None)
        if 0 < people.bad < SMALL:
            return cls(of, None, 1 - SMALL / people.of)
        if 0 < people.good < SMALL:
            return cls(of, None, SMALL / people.of)
        return cls(of, bad, 1 - bad / of)


@dataclass(frozen=True, slots=True)
class Board:
    """The latest scores. ``overall``: the mean of the dimensions that could be measured; the others by dimension and key."""

    run: Run
    overall: float | None
    whole: Mapping[str, Shown]
    fields: Mapping[str, Mapping[str, Shown]]
    sources: Mapping[str, Mapping[str, Shown]]
    segments: Mapping[str, Mapping[str, Shown]]
    rules: Mapping[str, Shown]


@dataclass(frozen=True, slots=True)
class Day:
    """The scores of one day, by dimension; ``overall`` their mean."""

    day: dt.date
    overall: float | None
    whole: Mapping[str, float]


def latest(*, actor: Actor) -> Run | None:
    """The newest run, whatever its state.

    Raises:
        Refused: the role may not see scores.
    """
    require_act("quality", actor)
    run = Run.objects.order_by("-started_at").first()
    if run is not None and run.state == "running" and not MEASURING.going_on():
        run.state = "failed"  # whoever measured was killed; the next one writes it down
    return run


def board(*, actor: Actor) -> Board | None:
    """The scores of the newest run that ended well; None: there is none yet.

    Raises:
        Refused: the role may not see scores.
    """
    require_act("quality", actor)
    run = Run.objects.filter(state="done").order_by("-started_at").first()
    if run is None:
        return None
    by_scope: dict[str, dict[str, dict[str, Shown]]] = {}
    rules: dict[str, Shown] = {}
    found = list(Score.objects.filter(run=run))
    for one, shown in zip(found, _together(found), strict=True):
        if one.scope == "rule":
            rules[one.key] = shown
        else:
            by_scope.setdefault(one.scope, {}).setdefault(one.key, {})[one.dimension] = shown
    whole = _in_order(by_scope.get("all", {}).get("", {}))
    return Board(
        run, mean(one.share for one in whole.values()), whole, by_scope.get("field", {}), by_scope.get("source", {}),
        by_scope.get("segment", {}), rules,
    )  # fmt: skip


def _together(found: Sequence[Score]) -> list[Shown]:
    """What may be told of scores that stand beside each other: none follows from the whole and the others."""
    shown = [_shown(one) for one in found]
    parts: dict[tuple[str, str, str], list[int]] = {}
    for place, one in enumerate(found):
        if one.scope == "segment":
            parts.setdefault((one.dimension, "segment", one.key.partition(":")[0]), []).append(place)
        elif one.scope == "source":
            parts.setdefault((one.dimension, "source", ""), []).append(place)
        elif one.scope in ("field", "rule"):
            parts.setdefault((one.dimension, "", ""), []).append(place)
    for (_dimension, scope, _of), places in parts.items():
        # a customer is in one segment of a kind, and may be in all fields, rules and sources
        together = sum if scope == "segment" else _most
        while (least := _least_beside_few(found, shown, places, together)) is not None:
            shown[least] = Shown(None, None, None)
    return shown


def _shown(one: Score) -> Shown:
    return Shown.made(one.of, one.bad, People(one.people, one.people_bad, one.people_good))


def _most(numbers: Iterable[int]) -> int:
    return max(numbers, default=0)


def _least_beside_few(
    found: Sequence[Score], shown: Sequence[Shown], places: Sequence[int], together: Callable[[Iterable[int]], int]
) -> int | None:
    """The least of what is told, where what is not told is of one to four people; None: it is of nobody or enough.

    Args:
        together: of how many people parts are at least, from how many each is of.
    """
    amounts: tuple[tuple[list[int], Callable[[Score], int]], ...] = (
        ([place for place in places if shown[place].of is None], lambda one: one.people),
        ([place for place in places if shown[place].bad is None], lambda one: one.people_bad),
        ([place for place in places if shown[place].bad is None], lambda one: one.people_good),
    )
    for hidden, amount in amounts:
        if 0 < together(amount(found[place]) for place in hidden) < SMALL:
            told = [place for place in places if shown[place].bad is not None and amount(found[place]) > 0]
            if told:
                return min(told, key=lambda place: amount(found[place]))
    return None


def trend(*, actor: Actor, days: int = TREND_DAYS) -> list[Day]:
    """The last run of each day, oldest first.

    Raises:
        Refused: the role may not see scores.
    """
    require_act("quality", actor)
    since = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
    runs = dict(Run.objects.filter(state="done", day__gte=since).order_by("started_at").values_list("day", "id"))
    scores: dict[UUID, dict[str, float]] = {}
    for one in Score.objects.filter(run__in=runs.values(), scope="all"):
        if (share := _shown(one).share) is not None:
            scores.setdefault(one.run_id, {})[one.dimension] = share
    return [
        Day(day, mean(scores.get(id, {}).values()), _in_order(scores.get(id, {}))) for day, id in sorted(runs.items())
    ]


def found_by(check: str, *, actor: Actor, after: UUID | None = None) -> tuple[list[UUID], UUID | None]:
    """A page of customers whom a check found, by id, and where the next one begins; nothing of them is opened.

    Raises:
        Refused: the role may not see scores.
    """
    require_act("quality", actor)
    rows = Finding.objects.filter(check_name=check).order_by("subject")
    if after is not None:
        rows = rows.filter(subject__gt=after)
    ids = list(rows.values_list("subject", flat=True)[: PAGE + 1])
    return ids[:PAGE], ids[PAGE - 1] if len(ids) > PAGE else None


def checks(*, actor: Actor) -> dict[str, int]:
    """How many customers each check found and are kept; fewer than five stand as five.

    Raises:
        Refused: the role may not see scores.
    """
    require_act("quality", actor)
    rows = Finding.objects.values_list("check_name").annotate(n=Count("id"))
    return {name: max(SMALL, count) for name, count in rows}


def mean(shares: Iterable[float | None]) -> float | None:
    """The mean of those that are known."""
    held = [one for one in shares if one is not None]
    return sum(held) / len(held) if held else None


def _in_order(held: Mapping[str, T]) -> dict[str, T]:
    return {name: held[name] for name in DIMENSIONS if name in held}
