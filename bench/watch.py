"""What the watch finds and how often it cries for nothing, on a made-up workforce; and how fast it catches up.

``python -m bench.watch [--seeds 11 12 13] [--people 60] [--days 30]`` simulates; ``--speed 10000 100000 1000000`` measures
one look at so many rows that nobody has looked at. Fifteen days of normal work come first. Every alert about normal work is
dismissed the next morning, as whoever handles it would; what is about an abuse stays open. A look is taken each hour.
The thresholds were set with seeds 1 to 5; other seeds are reported.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from bench import workforce
from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from kehu.guard.gate.read import gate  # noqa: E402
from kehu.guard.setup import open_owner  # noqa: E402
from kehu.guard.staff.actions import owner_actor  # noqa: E402
from kehu.guard.watch.alerts import dismiss, select_alerts  # noqa: E402
from kehu.guard.watch.engine import look  # noqa: E402
from kehu.guard.watch.kinds import MARKS  # noqa: E402
from kehu.vault.ids import new_id  # noqa: E402

START, WARM, CUSTOMERS = date(2026, 9, 7), 15, 20_000
BY_MARK = ("colleague", "vip", "honey", "self")
KINDS = (*workforce.ABUSES, "drift", "walk")
AS = {"drift": "volume", "walk": "sequential"}  # what is slow is told as what it is


def store(ask: str, facts: str, answer: Any, categories: list[int], finds: bool) -> bytes:
    """A decision, stored as the gate stores it."""
    connection.ensure_connection()
    return gate().decisions.store_answer(connection.connection, ask, facts, str(new_id()), answer, categories, finds)


def clear(owner: Any) -> None:
    """Start again in the same database: everything of the last seed goes, past the triggers."""
    owner.execute("set session_replication_role = replica")
    for table in ("ledger_leaf", "ledger_use", "ledger_entry", "watch_alert", "watch_mark", "watch_hour", "watch_day",
                  "watch_baseline", "watch_role_baseline", "subject_state"):  # fmt: skip
        owner.execute(f"delete from {table}")
    owner.execute("delete from guard_staff where email like '%@made-up.example'")
    owner.execute("update watch_position set leaf = 0, seq = 0, taught_on = null")
    owner.execute("set session_replication_role = origin")


class Trial:
    """One seed: weeks of work with abuses in it, looked at hour by hour."""

    def __init__(self, seed: int, people: int, days: int, owner: Any) -> None:
        self.seed, self.days, self.owner = seed, WARM + days, owner
        customers = workforce.arrivals(CUSTOMERS, workforce.at_hour(START - timedelta(days=10), 0))
        ids, departments = workforce.settle(owner, people, customers, seed)
        staff = workforce.hire(seed, ids, departments, joiners=people // 10, at=WARM + 3)
        self.force = workforce.Workforce(seed, staff, customers, START)
        self.force.busy = {WARM + 8, WARM + 17}
        self.ledger = workforce.Ledger(owner, workforce.decider(store))
        for kind, marked in self.force.marked.items():
            who = owner_actor().human
            for number, one in enumerate(marked):
                colleague = ids[number % people] if kind == "colleague" else None
                owner.execute(
                    "insert into watch_mark (subject, kind, staff, marked_by) values (%s, %s, %s, %s)",
                    (one, MARKS[kind], colleague, who),
                )
        self.abuses = self._plan()
        self.found: dict[int, tuple[str, datetime]] = {}
        self.looks: list[float] = []

    def _plan(self) -> list[workforce.Abuse]:
        """Each kind at each level once, by somebody of service, each by another person."""
        roll = self.force.random
        able = [one for one in self.force.people if one.role == "service" and not one.joins]
        roll.shuffle(able)
        made = []
        for number, (kind, level) in enumerate((kind, level) for kind in KINDS for level in workforce.LEVELS):
            person = able[number % len(able)]
            last = self.days - (11 if kind in ("drift", "walk") else 2)
            while True:
                day = roll.randrange(WARM + 5, last)
                on = START + timedelta(days=day)
                if on.isoweekday() in person.days and day not in self.force.busy and not self._near(made, person, on):
                    break
            made.append(self.force.abuse(kind, level, person, day))
        return made

    def _near(self, made: list[workforce.Abuse], person: workforce.Person, on: date) -> bool:
        return any(one.person is person and min(abs((day - on).days) for day in one.days) < 2 for one in made)

    def run(self) -> None:
        """All days."""
        for number in range(self.days):
            on = START + timedelta(days=number)
            uses = self.force.day(number)
            uses += [use for one in self.abuses for use in one.uses if use.at.astimezone(workforce.ZONE).date() == on]
            uses.sort(key=lambda use: use.at)
            self._day(on, uses, hourly=number >= WARM)
            self._morning(on)

    def _day(self, on: date, uses: list[workforce.Use], *, hourly: bool) -> None:
        hours = range(1, 25) if hourly else (24,)
        start = 0
        for hour in hours:
            until = workforce.at_hour(on, hour)
            end = start
            while end < len(uses) and uses[end].at < until:
                end += 1
            if end == start and hour != 24:
                continue
            self.ledger.write(uses[start:end])
            start = end
            began = time.perf_counter()
            seen = look(now=until)
            self.looks.append(time.perf_counter() - began)
            for alert in seen.alerts:
                self.found.setdefault(alert, ("", until))

    def _morning(self, on: date) -> None:
        """Whoever handles alerts dismisses those about nothing."""
        for one in select_alerts("a.state < 2 and a.day <= %s", [on]):
            if not self._abused(one):
                dismiss(one.number, actor=owner_actor(), reason="Looked at: normal work.")

    def _abused(self, alert: Any) -> bool:
        return any(
            one.person.id == alert.human and one.days[0] <= alert.day <= one.days[-1] + timedelta(days=1)
            for one in self.abuses
        )

    def results(self) -> tuple[list[tuple[str, str, bool, bool, float | None]], Counter[str], float]:
        """For each abuse: kind, level, found as such, found at all, hours until then; false alarms; person-months."""
        alerts = select_alerts("true", [])
        rows = []
        for one in self.abuses:
            own = [
                held for held in alerts
                if held.human == one.person.id and one.days[0] <= held.day <= one.days[-1] + timedelta(days=1)
            ]  # fmt: skip
            same = [held for held in own if held.kind == AS.get(one.kind, one.kind)]
            told = [self.found[held.number][1] for held in same or own if held.number in self.found]
            delay = (min(told) - one.first).total_seconds() / 3600 if told and one.first else None
            rows.append((one.kind, one.level, bool(same), bool(own), delay))
        false = Counter(held.kind for held in alerts if not self._abused(held) and (held.day - START).days >= WARM)
        row = self.owner.execute(
            "select count(*) from watch_day where day >= %s", (START + timedelta(days=WARM),)
        ).fetchone()
        return rows, false, row[0] / 21


def simulate(seeds: list[int], people: int, days: int, show: bool) -> None:
    """Figures over all seeds."""
    rows: dict[tuple[str, str], list[tuple[bool, bool, float | None]]] = defaultdict(list)
    false: Counter[str] = Counter()
    months, looks, entries = 0.0, list[float](), 0
    with open_owner(_home.database) as owner:
        for seed in seeds:
            clear(owner)
            trial = Trial(seed, people, days, owner)
            trial.run()
            found, cried, worked = trial.results()
            for kind, level, same, any_, delay in found:
                rows[kind, level].append((same, any_, delay))
            false += cried
            months += worked
            looks += trial.looks
            entries += owner.execute("select count(*) from ledger_entry").fetchone()[0]
            if show:
                for one in select_alerts("true order by a.day", []):
                    print(
                        one.day,
                        one.kind,
                        one.severity,
                        one.role,
                        one.count,
                        trial._abused(one),
                        one.evidence.get("found"),
                    )
    print(
        f"{len(seeds)} seeds ({min(seeds)} to {max(seeds)}), {people} people, {days} days; {entries:,} rows of the ledger"
    )
    print(f"\n{'abuse':12} {'size':>4}  found as such  found at all   hours until then (median, worst)")
    for kind in KINDS:
        for level, size in zip(workforce.LEVELS, workforce.SIZES[kind], strict=True):
            held = rows[kind, level]
            delays = [delay for _, _, delay in held if delay is not None]
            when = f"{statistics.median(delays):5.1f} {max(delays):7.1f}" if delays else "    -"
            same, any_ = sum(one[0] for one in held), sum(one[1] for one in held)
            print(f"{kind:12} {size:4}  {same:6} of {len(held):2}   {any_:6} of {len(held):2}   {when}")
    print(f"\nfalse alarms a person-month ({months:,.0f} of them):")
    for kind, count in sorted(false.items()):
        print(f"{kind:12} {count / months:7.3f}{'   (by a mark: work that met one)' if kind in BY_MARK else ''}")
    habit = sum(count for kind, count in false.items() if kind not in BY_MARK)
    print(f"{'by habit':12} {habit / months:7.3f}   {'all':4} {sum(false.values()) / months:7.3f}")
    print(f"\na look: median {statistics.median(looks) * 1000:.0f} ms, worst {max(looks) * 1000:.0f} ms")


def measure(sizes: list[int]) -> None:
    """One look at so many rows over thirty days, of which none was looked at."""
    with open_owner(_home.database) as owner:
        for size in sizes:
            clear(owner)
            customers = workforce.arrivals(100_000, workforce.at_hour(START - timedelta(days=10), 0))
            people = max(60, size // 1_500)
            ids, departments = workforce.settle(owner, people, customers, 99)
            staff = workforce.hire(99, ids, departments, joiners=0, at=0)
            force, ledger = (
                workforce.Workforce(99, staff, customers, START),
                workforce.Ledger(owner, workforce.decider(store)),
            )
            written, day = 0, 0
            while written < size:
                uses = force.day(day)[: size - written]
                ledger.write(uses)
                written, day = written + len(uses), day + 1
            owner.execute("vacuum analyze ledger_entry, ledger_use, ledger_leaf, subject_state")
            now = workforce.at_hour(START + timedelta(days=day), 1)
            began, busy = time.perf_counter(), time.process_time()
            seen = look(now=now)
            taken, busy = time.perf_counter() - began, time.process_time() - busy
            began = time.perf_counter()
            look(now=now)
            idle = time.perf_counter() - began
            uses = owner.execute("select count(*) from ledger_use").fetchone()[0]
            print(
                f"{seen.rows:>9,} rows, {uses:>10,} uses, {people} people, {day} days: {taken:6.1f} s"
                f" ({seen.rows / taken:,.0f} rows/s), CPU of Python {busy:.1f} s, alerts {len(seen.alerts)}, days learnt {seen.taught}; nothing new: {idle * 1000:.0f} ms",
                flush=True,
            )


def main() -> None:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[11, 12, 13])
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--speed", type=int, nargs="*")
    parser.add_argument("--show", action="store_true", help="every alert")
    told = parser.parse_args()
    with _home:
        if told.speed:
            measure(told.speed)
        else:
            simulate(told.seeds, told.people, told.days, told.show)


if __name__ == "__main__":
    main()
