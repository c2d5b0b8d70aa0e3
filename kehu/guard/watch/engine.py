"""The watch's look at the ledger: what is new, day by day, in one transaction with the place up to which it has looked.

Rows are taken in the order in which the sequencer hashed them, which is that of their commits: "seq greater than the last"
would lose a row whose transaction took its number early and committed late. Two looks at once wait for each other; one that
dies has done nothing; what a day was is read anew from the ledger each time, so looking twice changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from psycopg import Connection

from kehu.guard.watch import house
from kehu.guard.watch.alerts import raise_alert
from kehu.guard.watch.days import TOUCHED, Day, read_days
from kehu.guard.watch.detect import Finding, findings, settle_off_hours
from kehu.guard.watch.marks import standing_marks
from kehu.guard.watch.others import Others
from kehu.guard.watch.slow import slow_findings
from kehu.guard.watch.teach import days_over, teach
from kehu.guard.watch.usual import Usual
from kehu.guard.watch.walk import longest_walks

CHUNK: Final = 10_000  # rows of the ledger: a few seconds' work, for the sequencer waits for open write transactions
ALERTS_FOR: Final = timedelta(days=14)  # older days teach, but it is too late to raise anything about them
_LOCK: Final = 0x6B656875_77617463  # "kehuwatc"

_HOURS: Final = """
insert into watch_hour (human, hour, day, role, purposes, rows, opened, first_seen, listed, refused, off_hours)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (human, hour) do update set day = excluded.day, role = excluded.role, purposes = excluded.purposes,
    rows = excluded.rows, opened = excluded.opened, first_seen = excluded.first_seen, listed = excluded.listed,
    refused = excluded.refused, off_hours = excluded.off_hours
"""
_DAYS: Final = """
insert into watch_day (human, day, role, department, rows, opened, once, places, listed, refused, off_hours, walked)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (human, day) do update set role = excluded.role, department = excluded.department, rows = excluded.rows,
    opened = excluded.opened, once = excluded.once, places = excluded.places, listed = excluded.listed,
    refused = excluded.refused, off_hours = excluded.off_hours, walked = excluded.walked
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: rows of the ledger, alerts raised or grown (by number), days learnt from."""

    rows: int
    alerts: tuple[int, ...]
    taught: int


def look(*, now: datetime | None = None) -> Looked:
    """Look at everything new in the ledger, chunk by chunk, each in a transaction; then learn from the days that are over.

    ``now``: the time it is taken to be, for simulations. What the sequencer has not hashed yet waits for the next look.
    """
    rows, taught, numbers = 0, 0, dict[int, None]()
    while True:
        with transaction.atomic():
            connection.ensure_connection()
            done = _Look(connection.connection, now or timezone.now()).take()
        rows, taught = rows + done.rows, taught + done.taught
        numbers.update(dict.fromkeys(done.alerts))
        if done.rows < CHUNK:
            return Looked(rows, tuple(numbers), taught)


class _Look:
    """One chunk, in one transaction."""

    def __init__(self, raw: Connection[Any], now: datetime) -> None:
        self._raw, self._now, self._zone = raw, now, house.zone()
        self._alerts: list[int] = []
        self._taught = 0

    def take(self) -> Looked:
        """Judge the next rows and move the position behind them."""
        raw = self._raw
        # advisory, so that reading holds no number of a write transaction: the sequencer would wait for it
        raw.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        row = raw.execute(
            "select p.leaf, coalesce((select max(index) + 1 from ledger_leaf), 0) from watch_position p"
        ).fetchone()
        assert row is not None
        start, end = row[0], min(row[1], row[0] + CHUNK)
        touched = (
            raw.execute(TOUCHED, {"start": start, "end": end, "zone": self._zone}).fetchall() if end > start else []
        )
        if touched:
            self._judge(touched)
        at = self._now if end == row[1] else max((one[3] for one in touched), default=None)
        if at is not None:
            self._close(at)
        raw.execute(
            "update watch_position set leaf = %s, seq = greatest(seq, coalesce((select l.seq from ledger_leaf l"
            " where l.index = %s - 1), 0)), at = clock_timestamp()",
            (end, end),
        )
        return Looked(end - start, tuple(self._alerts), self._taught)

    def _judge(self, touched: Sequence[tuple[UUID, date, datetime, datetime]]) -> None:
        since = min(one[2] for one in touched) - timedelta(days=1)
        until = max(one[3] for one in touched) + timedelta(days=1)
        days = read_days(self._raw, [one[:2] for one in touched], since=since, until=until, zone=self._zone)
        marks = standing_marks(self._raw)
        by_day: dict[date, list[Day]] = defaultdict(list)
        for day in days:
            by_day[day.day].append(day)
        for number, (on, held) in enumerate(sorted(by_day.items())):
            if number:  # what came before this day is over for everybody who was in it
                self._close(min(row.at for day in held for row in day.rows))
            usual = Usual(self._raw, {day.human for day in held}, {day.role for day in held})
            for day in held:
                settle_off_hours(day, usual)
            self._walk(held)
            self._write(held)
            others = Others(self._raw)
            if on >= self._now.date() - ALERTS_FOR:
                for day in held:
                    self._raise(day.human, on, findings(day, usual, others.shift, marks))

    def _walk(self, days: Sequence[Day]) -> None:
        for day, walk in zip(days, longest_walks(self._raw, [one.visits for one in days]), strict=True):
            day.walked = len(walk)
            if walk:
                named = set(walk)
                day.walked_rows = tuple(row.seq for row in day.rows if named.intersection(row.customers))

    def _close(self, at: datetime) -> None:
        """Look at what the days that are over at that moment show together, and learn from those of which nothing is told."""
        over = days_over(self._raw, at=at, zone=self._zone)
        late = [one for one in over if one[1] >= self._now.date() - ALERTS_FOR]
        for human, day, found in slow_findings(self._raw, late, self._zone) if late else ():
            self._raise(human, day, [found])
        self._taught += teach(self._raw, at=at, zone=self._zone)

    def _raise(self, human: UUID, day: date, found: Sequence[Finding]) -> None:
        for one in found:
            number = raise_alert(one.kind, human, one.evidence, day=day, count=one.count, severity=one.severity)
            if number is not None:
                self._alerts.append(number)

    def _write(self, days: Sequence[Day]) -> None:
        hours = [
            (
                day.human, hour.starts, day.day, day.role, sorted(hour.purposes), len(hour.rows), len(hour.opened),
                hour.first_seen, len(hour.listed), hour.refused, len(hour.off_hours),
            )
            for day in days for hour in day.hours.values()
        ]  # fmt: skip
        whole = [
            (
                day.human, day.day, day.role, day.department, len(day.rows), len(day.visits), len(day.once), day.places,
                len(day.listed), len(day.probes), day.off_hours, day.walked,
            )
            for day in days
        ]  # fmt: skip
        with self._raw.cursor() as cursor:
            cursor.executemany(_HOURS, hours)
            cursor.executemany(_DAYS, whole)
