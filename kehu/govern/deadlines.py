"""Which clocks run for a request or an incident under the laws that apply, and which of them counts.

Several laws (RULES): the clock of a request is the earliest; of a breach every law's own, each to its own authority.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from kehu.govern.clocks import Due, Pause, Rule, due, longer
from kehu.govern.packs import HOUSE, PACKS, Breach, Counting, Excuse, Right, Term, house_rows, law_packs, persons_of
from kehu.govern.workdays import workdays

Standing = Literal["yes", "perhaps"]
_BEFORE: Final = {">": lambda n, least: n > least, ">=": lambda n, least: n >= least}


@dataclass(frozen=True, slots=True)
class Told:
    """What was recorded of a request's clock since its receipt."""

    confirmed: datetime | None = None
    extended: datetime | None = None
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of one law.

    ``step``: ``answer``, ``confirm``, or to whom a breach is told. ``counted_by``: the law's counting rule.
    ``applies``: ``perhaps`` where it hangs on something not known yet. ``done``: what it asks for was done.
    """

    law: str
    row: str
    step: str
    article: str
    source: str
    read: bool
    term: Term
    started: datetime
    due: Due | None
    counted_by: Counting | None
    extended: bool = False
    suspended: bool = False
    applies: Standing = "yes"
    done: datetime | None = None

    def overdue(self, now: datetime) -> bool:
        """Whether its end has passed and what it asks for is not done; a clock that stands is never overdue."""
        if self.done is not None or self.suspended:
            return False
        return self.due is not None and self.due.at < now


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an incident: how many people, and yes or no to facts; what is missing is not known yet."""

    persons: int | None = None
    facts: Mapping[str, bool] | None = None
    handled: datetime | None = None
    told: datetime | None = None
    done: Mapping[str, datetime] | None = None


def rule_of(law: str) -> Rule:
    """How a pack counts here; ``KEHU_CALENDARS`` (``EU:DE,AU:AU-NSW``) names whose holidays count.

    Raises:
        ValueError: a calendar that is not known.
    """
    held = law_packs()[law]
    return Rule(held.counting.first, held.counting.roll, held.zone, _calendars().get(law, held.calendar))


def counting_of(law: str) -> Counting | None:
    """A pack's counting rule; the house has none of its own."""
    return None if law == HOUSE else law_packs()[law].counting


def request_clocks(
    laws: Iterable[str],
    right: str,
    received: datetime,
    *,
    told: Told,
    now: datetime,
    company: frozenset[str] = frozenset(),
    answered: datetime | None = None,
) -> list[Clock]:
    """Every clock of a request, the earliest first; those without a number of days come last.

    The house's own clock runs where no law's clock ends on a day.
    """
    found, said = [], _in_order(laws)
    for law in said:
        pack = law_packs()[law]
        for row in pack.right:
            if right in row.rights and row.binds(company):
                found.append(_request_clock(law, row, rule_of(law), received, told, now, answered))
    if not any(clock.due and clock.step == "answer" for clock in found):
        rows = [row for row in house_rows().right if right in row.rights]
        # the house counts as a law does that knows no days off, in the zone of the first law that applies
        rule = Rule("day-after", False, law_packs()[said[0]].zone if said else "UTC", "")
        found += [_request_clock(HOUSE, row, rule, received, told, now, answered) for row in rows]
    return sorted(found, key=_by_end)


def informed_by(laws: Iterable[str], received: datetime) -> date:
    """The day by which a person is told that something of them came from others: the earliest of all laws and the house.

    A law that wants them told before use has no day; the policies keep that.
    """
    said = _in_order(laws)
    strict = Rule("day-after", False, law_packs()[said[0]].zone if said else "UTC", "")
    days = [
        due(row.indirect, received, rule_of(law) if law != HOUSE else strict).day
        for law, rows in (*((law, law_packs()[law].duty) for law in said), (HOUSE, house_rows().duty))
        for row in rows
        if row.indirect is not None and row.indirect.counted
    ]
    return min(days)


class NotExcused(ValueError):
    """A law that applies wants somebody told all the same; ``article``: which."""

    def __init__(self, article: str) -> None:
        super().__init__(article)
        self.article = article


def excused_by(laws: Iterable[str], excuse: Excuse) -> tuple[str, ...]:
    """Where it stands that somebody need not be told what came of them from others, in every law that applies and the house.

    Raises:
        NotExcused: one of them does not know that excuse.
    """
    rows = [row for law in _in_order(laws) for row in law_packs()[law].duty]
    found = []
    for row in (*rows, *house_rows().duty):
        if row.excuses:
            if excuse not in row.excuses:
                raise NotExcused(row.article)
            found.append(row.excuses[excuse])
    return tuple(found)


def counts(clocks: Sequence[Clock]) -> Clock | None:
    """The clock of a request that counts: the earliest answer of all that are due on a day (RULES, "several laws")."""
    return next((clock for clock in clocks if clock.due is not None and clock.step == "answer"), None)


def extendable(clocks: Sequence[Clock]) -> list[Clock]:
    """Those clocks that their law lets be extended."""
    return [clock for clock in clocks if (row := _row_of(clock)) is not None and row.more is not None]


def stoppable(clocks: Sequence[Clock]) -> list[Clock]:
    """Those clocks that an identity check stops."""
    return [clock for clock in clocks if (row := _row_of(clock)) is not None and row.suspends]


def _row_of(clock: Clock) -> Right | None:
    rows = law_packs()[clock.law].right if clock.law != HOUSE else house_rows().right
    return next((row for row in rows if row.id == clock.row), None)


def incident_clocks(
    laws: Iterable[str], aware: datetime, known: Known, *, company: frozenset[str] = frozenset()
) -> list[Clock]:
    """Every clock of an incident that runs or may run, each to its own authority; the earliest first."""
    found = []
    for law in _in_order(laws):
        pack = law_packs()[law]
        for row in pack.breach:
            standing = applies(row, known)
            start = {"aware": aware, "handled": known.handled, "told": known.told}[row.start]
            if standing is None or not row.binds(company) or start is None:
                continue
            end = due(row.term, start, _strict(rule_of(law), pack.counting)) if row.term.counted else None
            found.append(
                Clock(
                    law, row.id, row.to, row.article, row.source, row.read, row.term, start, end, pack.counting,
                    applies=standing, done=(known.done or {}).get(f"{law}.{row.id}"),
                )
            )  # fmt: skip
    return sorted(found, key=_by_end)


def applies(row: Breach, known: Known) -> Standing | None:
    """Whether a breach row's conditions hold: yes, perhaps (something is not known yet), or None: no."""
    every = [_holds(one, known) for one in row.all]
    some = [_holds(one, known) for one in row.any]
    none = [_holds(one, known) for one in row.unless]
    if False in every or True in none or (some and set(some) == {False}):
        return None
    sure = None not in every and None not in none and (not some or True in some)
    return "yes" if sure else "perhaps"


def _holds(condition: str, known: Known) -> bool | None:
    if (asked := persons_of(condition)) is None:
        return (known.facts or {}).get(condition)
    sign, least = asked
    return None if known.persons is None else bool(_BEFORE[sign](known.persons, least))


def _request_clock(
    law: str,
    row: Right,
    rule: Rule,
    received: datetime,
    told: Told,
    now: datetime,
    answered: datetime | None,
) -> Clock:
    term, end, extended, pauses = row.term, None, False, list[Pause]()
    if term.counted:
        # each weighed against the end that stood when it began: what began after that neither stops nor extends it
        end = due(term, received, rule)
        for at, pause in _moves(row, told):
            if at > end.at:
                continue
            if pause is not None:
                pauses.append(pause)
            elif row.more is not None:
                extended, term = True, longer(term, row.more)
            end = due(term, received, rule, pauses=pauses, now=now)
    # an answer confirms that the request came, too
    done = (told.confirmed or answered) if row.step == "confirm" else answered
    return Clock(
        law, row.id, row.step, row.article, row.source, row.read, term, received, end, counting_of(law), extended=extended,
        suspended=any(pause.end is None for pause in pauses), done=done,
    )  # fmt: skip


def _moves(row: Right, told: Told) -> list[tuple[datetime, Pause | None]]:
    """What moves the end of a clock of this row, in the order in which it began; no pause: the extension."""
    found: list[tuple[datetime, Pause | None]] = [(pause.start, pause) for pause in told.pauses if row.suspends]
    if row.more is not None and told.extended is not None:
        found.append((told.extended, None))
    return sorted(found, key=lambda one: one[0])


def _strict(rule: Rule, counting: Counting) -> Rule:
    """A report to an authority is never put off by a counting rule that nobody has read."""
    return replace(rule, roll=rule.roll and counting.read)


def _by_end(clock: Clock) -> tuple[int, float, int]:
    """At once before all; then by the end; without a number last."""
    rank = {"at-once": 0, "timely": 2}.get(clock.term.unit, 1)
    return rank, clock.due.at.timestamp() if clock.due else 0.0, 0 if clock.step == "answer" else 1


def _in_order(laws: Iterable[str]) -> list[str]:
    said = frozenset(laws)
    return [name for name in PACKS if name in said]


def _calendars() -> dict[str, str]:
    """Calendars that the installation names, each tried once."""
    said: dict[str, str] = {}
    for word in filter(None, (one.strip() for one in os.environ.get("KEHU_CALENDARS", "").split(","))):
        law, sign, code = word.partition(":")
        if law not in PACKS or not sign:
            raise ValueError("KEHU_CALENDARS: law:calendar, as EU:DE,AU:AU-NSW")
        workdays(code)
        said[law] = code
    return said
