"""What each member of staff did on a day, read anew from the ledger: so that looking twice at a row changes nothing.

A look is counted where it was at one customer (opened, compared, reviewed, asked about, exported); pages of lists and of searches
count apart. Who is refused because their own training or agreement lapsed is not asking for what is not theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.slugs import ACTIONS
from kehu.guard.gate.uses import LOOK, PAGE, seen_as

OPENS: Final = frozenset(ACTIONS[one] for one in seen_as(LOOK))
LISTS: Final = frozenset(ACTIONS[one] for one in seen_as(PAGE))
BREAKS_GLASS: Final = ACTIONS["break-glass"]
_TELLS: Final = frozenset(ACTIONS[one] for one in ("explain", "list", "find"))  # a no in these refuses nobody anything
_FEW: Final = 3  # customers that a search hit: as many as somebody looked for by name
_ONE_VISIT: Final = timedelta(minutes=5)

# The day is that of where the person works. A refusal counts where agreement, training, notice and review all stand.
_ROWS: Final = """
select e.seq, e.at, e.human, e.action, e.purpose,
    case when d.answer ? '*' then d.answer #>> '{*,0,0}' = 'denied' else not d.finds end as refused,
    d.answer ? '*' as whole,
    f[9] is distinct from '0' as on_duty,
    (f[4] is distinct from '0' and f[5] is distinct from '0' and f[11] is distinct from '0'
        and f[12] is distinct from '0') as may_ask,
    hashtextextended(d.ask, 0) as question,
    s.duty_from is not null as has_duty, s.role, s.department_id,
    (e.at at time zone coalesce(nullif(s.zone, ''), %(zone)s))::timestamp as clock
from ledger_entry e join guard_staff s on s.id = e.human and s.role <> 'owner'
    join gate_decision d on d.id = e.decision, string_to_array(d.actor, '|') f
where e.human = any (%(humans)s) and e.at >= %(since)s and e.at < %(until)s
order by e.at, e.seq
"""
# Never a join with the numbers asked for: believing in few, the planner compares each with each (20,000 by 20,000 took 28 s).
# So they are a hashed set that each row of the stretch is looked up in. States by their key, as everywhere.
_USES: Final = """
with u as materialized (
    select u.seq, u.subject from ledger_use u where u.seq between %(low)s and %(high)s
        and (u.seq in (select unnest(%(seqs)s::bigint[]))) is true
)
select u.seq, c.* from u cross join lateral (select x.customer from subject_state x where x.subject = u.subject offset 0) s
    cross join lateral (select x.subject, x.packs, x.kind, x.age from subject_state x where x.subject = s.customer offset 0) c
"""
_LISTED: Final = """
with u as materialized (
    select u.seq, u.subject from ledger_use u where u.seq between %(low)s and %(high)s
        and (u.seq in (select unnest(%(seqs)s::bigint[]))) is true
)
select u.seq, array_agg(distinct s.customer) from u
    cross join lateral (select x.customer from subject_state x where x.subject = u.subject offset 0) s
group by u.seq
"""
TOUCHED: Final = """
select e.human, (e.at at time zone coalesce(nullif(s.zone, ''), %(zone)s))::date as day, min(e.at), max(e.at)
from ledger_leaf l join ledger_entry e using (seq) join guard_staff s on s.id = e.human and s.role <> 'owner'
where l.index >= %(start)s and l.index < %(end)s group by 1, 2
"""
"""People and days that a stretch of the log is about, each with the first and last time."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the ledger with the customers it was about."""

    seq: int
    at: datetime
    clock: datetime  # where the person works
    action: int
    purpose: int | None
    refused: bool
    on_duty: bool
    may_ask: bool
    whole: bool
    question: int
    customers: tuple[UUID, ...]

    @property
    def hour(self) -> datetime:
        """When the hour of their clock began; where that is half an hour off UTC, at half past."""
        into = timedelta(minutes=self.clock.minute, seconds=self.clock.second, microseconds=self.clock.microsecond)
        return self.at - into

    @property
    def probes(self) -> bool:
        """Whether somebody asked for what is not theirs."""
        return self.refused and self.may_ask and (self.whole or self.action not in _TELLS)

    @property
    def looks(self) -> bool:
        """Whether somebody looked at named customers, or tried to: a mark of theirs counts."""
        return self.action in OPENS or (self.action in LISTS and 0 < len(self.customers) <= _FEW)


@dataclass(slots=True)
class Hour:
    """Counts of one hour; ``opened`` and ``listed`` are different customers."""

    starts: datetime
    rows: list[int] = field(default_factory=list)
    purposes: set[int] = field(default_factory=set)
    opened: set[UUID] = field(default_factory=set)
    first_seen: int = 0
    listed: set[UUID] = field(default_factory=set)
    refused: int = 0
    off_hours: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class Day:
    """One person's day. ``visits``: first and last look at each customer that was opened; ``probes``: what was refused."""

    human: UUID
    day: date
    role: str
    department: int
    rows: list[Row] = field(default_factory=list)
    hours: dict[datetime, Hour] = field(default_factory=dict)
    visits: dict[UUID, tuple[datetime, datetime]] = field(default_factory=dict)
    listed: set[UUID] = field(default_factory=set)
    probes: dict[tuple[UUID | None, int], int] = field(default_factory=dict)
    segments: dict[UUID, tuple[int, ...]] = field(default_factory=dict)
    has_duty: bool = False  # hours of duty are set: by these, not by habit, it is judged what is off hours
    walked: int = 0
    walked_rows: tuple[int, ...] = ()

    @property
    def once(self) -> list[UUID]:
        """Customers visited a single time."""
        return [one for one, (first, last) in self.visits.items() if last - first <= _ONE_VISIT]

    @property
    def places(self) -> int:
        """How many segments those came from: law, kind, age, and the month in which they arrived."""
        return len({(*self.segments[one], one.int >> 80 >> 31) for one in self.once if one in self.segments})

    @property
    def off_hours(self) -> int:
        """Different customers opened off hours."""
        return len(set().union(*(hour.off_hours for hour in self.hours.values()))) if self.hours else 0

    def add(self, row: Row) -> None:
        """Count one more row."""
        self.rows.append(row)
        hour = self.hours.setdefault(row.hour, Hour(row.hour))
        hour.rows.append(row.seq)
        if row.purpose is not None:
            hour.purposes.add(row.purpose)
        if row.probes:
            hour.refused += 1
            for one in row.customers or (None,):
                self.probes.setdefault((one, row.question), row.seq)
        elif row.action in OPENS and not row.refused:
            self._open(row, hour)
        elif row.action in LISTS and not row.refused:
            hour.listed.update(row.customers)
            self.listed.update(row.customers)

    def _open(self, row: Row, hour: Hour) -> None:
        for one in row.customers:
            if one not in self.visits:
                hour.first_seen += 1
                self.visits[one] = (row.at, row.at)
            else:
                self.visits[one] = (self.visits[one][0], row.at)
            hour.opened.add(one)
            if not row.on_duty:
                hour.off_hours.add(one)


def read_days(
    raw: Connection[Any], wanted: Iterable[tuple[UUID, date]], *, since: datetime, until: datetime, zone: str
) -> list[Day]:
    """These people's days from the ledger, in the order of days; ``since`` and ``until`` bound them from outside."""
    asked = set(wanted)
    days: dict[tuple[UUID, date], Day] = {}
    with raw.cursor(binary=True) as cursor:
        found = cursor.execute(
            _ROWS, {"humans": list({human for human, _ in asked}), "since": since, "until": until, "zone": zone}
        ).fetchall()
        found = [row for row in found if (row[2], row[13].date()) in asked]
        listed = [row[0] for row in found if row[3] in LISTS and not row[5]]
        customers, segments = customers_of(
            cursor, [row[0] for row in found if row[3] in OPENS or (row[5] and row[3] not in LISTS)]
        )
        pages = _pages(cursor, listed)
    for seq, at, human, action, purpose, refused, whole, on_duty, may_ask, question, *who, clock in found:
        duty, role, department = who
        day = days.get((human, clock.date()))
        if day is None:
            day = Day(human, clock.date(), role, department, segments=segments, has_duty=duty)
            days[human, clock.date()] = day
        shown: Iterable[UUID] = pages[seq] if seq in pages else customers.get(seq, ())
        row = Row(
            seq,
            at,
            clock,
            action,
            purpose,
            refused,
            on_duty,
            may_ask,
            whole,
            question,
            tuple(shown),
        )
        day.add(row)
    return sorted(days.values(), key=lambda one: one.day)


def _pages(cursor: Any, seqs: Sequence[int]) -> dict[int, list[UUID]]:
    """Whom pages of lists showed: many, of whom no more is asked."""
    if not seqs:
        return {}
    cursor.execute(_LISTED, {"seqs": list(seqs), "low": min(seqs), "high": max(seqs)})
    return dict(cursor.fetchall())


def customers_of(cursor: Any, seqs: Sequence[int]) -> tuple[dict[int, dict[UUID, None]], dict[UUID, tuple[int, ...]]]:
    """Whom rows of the ledger were about, each customer once as they are one now, and the segment of each."""
    by_row: dict[int, dict[UUID, None]] = {}
    segments: dict[UUID, tuple[int, ...]] = {}
    if not seqs:
        return by_row, segments
    cursor.execute(_USES, {"seqs": list(seqs), "low": min(seqs), "high": max(seqs)})
    for seq, customer, packs, kind, age in cursor.fetchall():
        by_row.setdefault(seq, {})[customer] = None
        segments[customer] = (packs, kind, age)
    return by_row, segments
