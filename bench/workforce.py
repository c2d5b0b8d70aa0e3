"""A made-up workforce over some weeks, as rows of the ledger: normal work with all its unevenness, and eight kinds of abuse.

Rows are written as rows (by COPY, as the owner), not by reading through the gate: only so do a hundred thousand of them come
about in a minute. They have the real shape: decisions, uses and leaves; commitments and hashes are made up, and nothing
is verified here. The same seed is the same workforce.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
READ, LIST, EXPLAIN = 1, 2, 4
ABUSES = ("volume", "off-hours", "breadth", "denials", "colleague", "vip", "sequential", "honey")
LEVELS = ("low", "middle", "high")
# how many customers (or looks, or refusals) an abuse is about, by level
SIZES = {
    "volume": (40, 100, 400), "off-hours": (3, 8, 30), "breadth": (30, 50, 90), "denials": (8, 20, 60),
    "colleague": (1, 2, 5), "vip": (1, 3, 8), "sequential": (18, 25, 100), "honey": (1, 2, 3), "drift": (8, 15, 25),
    "walk": (3, 5, 8),
}  # fmt: skip


@dataclass
class Person:
    """A member of staff: how much they do on a day, when, and with which customers."""

    id: UUID
    role: str
    department: int
    opens: float
    pages: float
    starts: float
    ends: float
    days: tuple[int, ...]
    places: tuple[int, ...]
    joins: int = 0
    revisits: float = 0.3


@dataclass(frozen=True)
class Use:
    """One row to be."""

    at: datetime
    person: Person
    action: int
    customers: tuple[UUID, ...]
    refused: bool = False
    question: int = 0
    on_duty: bool = True


@dataclass
class Abuse:
    """What somebody does that they should not: on which days, from when on."""

    kind: str
    level: str
    person: Person
    days: list[date]
    first: datetime | None = None
    uses: list[Use] = field(default_factory=list)


class Workforce:
    """People and customers of one seed."""

    def __init__(self, seed: int, people: Sequence[Person], customers: Sequence[UUID], start: date) -> None:
        """``customers`` are in the order of their arrival; some of them are marked (:attr:`marked`)."""
        self.random = random.Random(seed)
        self.people, self.customers, self.start = list(people), list(customers), start
        picked = self.random.sample(range(len(self.customers)), min(len(self.customers), 43))
        chosen = [self.customers[one] for one in picked]
        self.marked = {"vip": chosen[:10], "honey": chosen[10:13], "colleague": chosen[13:43]}
        self._place = {one: number * 60 // len(self.customers) for number, one in enumerate(self.customers)}
        self._by_place: dict[int, list[UUID]] = {}
        for one, place in self._place.items():
            if one not in set(self.marked["honey"]) | set(self.marked["colleague"]):
                self._by_place.setdefault(place, []).append(one)
        self.busy = set()

    def places(self) -> int:
        """How many segments there are."""
        return len(self._by_place)

    def day(self, number: int) -> list[Use]:
        """Everybody's work of a day, unsorted."""
        on = self.start + timedelta(days=number)
        made: list[Use] = []
        for person in self.people:
            weekday = on.isoweekday()
            if number < person.joins or weekday not in person.days or self.random.random() < 0.03:
                continue
            factor = self.random.lognormvariate(0, 0.22) * (
                2.5 if number in self.busy and person.role == "service" else 1
            )
            if number - person.joins < 5 and person.joins:
                factor *= 0.5  # somebody new
            ends = person.ends + (self.random.uniform(0.5, 2) if self.random.random() < 0.04 else 0)
            made += self._work(person, on, factor, ends)
        return made

    def _work(self, person: Person, on: date, factor: float, ends: float) -> Iterator[Use]:
        roll = self.random
        seen: list[UUID] = []
        for _ in range(_poisson(roll, person.opens * factor)):
            at = self._moment(person, on, ends)
            if seen and roll.random() < person.revisits:
                customer = roll.choice(seen)
            else:
                near = roll.random() < 0.75
                customer = roll.choice(self._by_place[roll.choice(person.places) if near else roll.randrange(60)])
                seen.append(customer)
            refused = roll.random() < (0.08 if person.role == "marketing" else 0.015)
            yield Use(at, person, READ, (customer,), refused, 0)
            if roll.random() < 0.2:
                yield Use(at + timedelta(seconds=20), person, EXPLAIN, (customer,))
        for _ in range(_poisson(roll, person.pages * factor)):
            place = self._by_place[roll.choice(person.places)]
            first = roll.randrange(max(1, len(place) - 25))
            yield Use(self._moment(person, on, ends), person, LIST, tuple(place[first : first + 25]))

    def _moment(self, person: Person, on: date, ends: float) -> datetime:
        while True:
            hour = self.random.uniform(person.starts, ends)
            busy = 0.25 if 12 <= hour < 13 else 1.0 if 10 <= hour < 11.5 or 14 <= hour < 16 else 0.7
            if self.random.random() < busy:
                return at_hour(on, hour)

    def abuse(self, kind: str, level: str, person: Person, number: int) -> Abuse:
        """An abuse that begins on a day."""
        size = SIZES[kind][LEVELS.index(level)]
        spread = 10 if kind == "drift" else 7 if kind == "walk" else 1
        days = [self.start + timedelta(days=number + one) for one in range(spread)]
        made = Abuse(kind, level, person, days)
        middle = (person.starts + person.ends) / 2
        if kind == "walk":
            first = self.random.randrange(len(self.customers) - 100)
            for step, on in enumerate(days):
                chosen = self.customers[first + step * size : first + step * size + size]
                made.uses += self._spread(person, on, chosen, middle, 0.5)
        elif kind == "drift":
            for on in days:
                if on.isoweekday() in person.days:
                    made.uses += self._spread(
                        person, on, self._anybody(size), person.starts, person.ends - person.starts
                    )
        else:
            made.uses += self._of_one_day(kind, size, person, days[0], middle)
        made.first = min(use.at for use in made.uses)
        return made

    def _of_one_day(self, kind: str, size: int, person: Person, on: date, middle: float) -> list[Use]:
        if kind == "volume":
            return self._spread(person, on, self._anybody(size), middle, 1.0)
        if kind == "off-hours":
            late = 23.0 if person.ends < 20 else 3.0
            return self._spread(person, on, self._anybody(size), late, 0.9)
        if kind == "breadth":
            return self._spread(person, on, self._anybody(size), person.starts, person.ends - person.starts)
        if kind == "denials":
            chosen = self._anybody(size)
            return [
                Use(at_hour(on, middle + n / size), person, READ, (one,), True, n % 3) for n, one in enumerate(chosen)
            ]
        if kind == "sequential":
            first = self.random.randrange(len(self.customers) - size)
            return self._spread(person, on, self.customers[first : first + size], person.starts, 4.0, ordered=True)
        chosen = self.random.sample(self.marked[kind], min(size, len(self.marked[kind])))
        return self._spread(person, on, chosen, middle, 2.0)

    def _spread(
        self, person: Person, on: date, customers: Sequence[UUID], start: float, length: float, *, ordered: bool = True
    ) -> list[Use]:
        step = length / max(1, len(customers))
        return [Use(at_hour(on, start + number * step), person, READ, (one,)) for number, one in enumerate(customers)]

    def _anybody(self, size: int) -> list[UUID]:
        place = self._by_place
        return [self.random.choice(place[self.random.randrange(60)]) for _ in range(size)]


def hire(seed: int, ids: Sequence[UUID], departments: dict[str, int], *, joiners: int, at: int) -> list[Person]:
    """Sixty people or fewer: mostly service, some with late or weekend shifts, some part-time, some new."""
    roll = random.Random(seed)
    shares = ("service",) * 5 + ("marketing",) * 2 + ("manager", "analyst", "legal")
    made = []
    for number, id in enumerate(ids):
        role = shares[number % len(shares)]
        opens = {"service": 34, "marketing": 6, "manager": 9, "analyst": 4, "legal": 6}[role] * roll.lognormvariate(
            0, 0.35
        )
        pages = {"service": 4, "marketing": 14, "manager": 5, "analyst": 10, "legal": 1}[role] * roll.lognormvariate(
            0, 0.3
        )
        starts, ends, days = 9.0 + roll.uniform(-0.5, 0.5), 18.0 + roll.uniform(-0.5, 0.5), (1, 2, 3, 4, 5)
        if number % 9 == 4:  # late shift
            starts, ends = 13.5, 22.0
        elif number % 9 == 7:  # part-time
            opens, pages, ends, days = opens / 2, pages / 2, 13.0, (1, 2, 3, 4)
        elif number % 13 == 5:  # works at weekends
            days = (3, 4, 5, 6, 7)
        places = tuple(roll.sample(range(60), 4))
        made.append(Person(id, role, departments[role], opens, pages, starts, ends, days, places))
    for person in roll.sample(made, joiners):
        person.joins = at + roll.randrange(7)
    return made


def at_hour(on: date, hour: float) -> datetime:
    """A moment of a day in the house's zone."""
    return datetime(on.year, on.month, on.day, tzinfo=ZONE).astimezone(UTC) + timedelta(hours=hour)


def arrivals(count: int, until: datetime, *, months: int = 24) -> list[UUID]:
    """Ids of customers who came evenly over the months before a moment, in the order in which they came (UUIDv7)."""
    roll = random.Random(count)
    end = int(until.timestamp() * 1_000)
    step = months * 30 * 86_400_000 / count
    return [
        UUID(
            int=(end - int((count - one) * step)) << 80
            | 7 << 76
            | roll.getrandbits(12) << 64
            | 2 << 62
            | roll.getrandbits(62)
        )
        for one in range(count)
    ]


def _poisson(roll: random.Random, mean: float) -> int:
    """Knuth's, in pieces: the mean of a day is below a few hundred."""
    count, left = 0, mean
    while left > 0:
        part, left = min(left, 30.0), left - 30.0
        limit, product = 2.718281828459045**-part, roll.random()
        while product > limit:
            count += 1
            product *= roll.random()
    return count


class Ledger:
    """Writes uses as rows of the ledger, with their leaves, over the owner's connection."""

    def __init__(self, owner: Any, decide: Any) -> None:
        """``decide`` makes and stores a decision: (role, action, refused, question, on duty) → its id."""
        self._owner, self._decide = owner, decide
        self._decisions: dict[tuple[Any, ...], bytes] = {}
        self._seq = 0
        self._leaf = owner.execute("select coalesce(max(index) + 1, 0) from ledger_leaf").fetchone()[0]

    def write(self, uses: Sequence[Use]) -> None:
        """Write them in the order of their times."""
        ordered = sorted(uses, key=lambda use: use.at)
        # what handles alerts writes rows in between
        self._seq = self._owner.execute("select coalesce(max(seq), 0) from ledger_entry").fetchone()[0]
        entries, looks, leaves = [], [], []
        for use in ordered:
            self._seq += 1
            mark = self._seq.to_bytes(16, "big")
            entries.append(
                (
                    self._seq, use.at, UUID(bytes=mark), use.person.id, use.person.id, use.person.department, 1, use.action,
                    self._decision(use), len(use.customers), [1], [len(use.customers), 0, 0, 0, 0, 0], mark * 2, mark * 2,
                )
            )  # fmt: skip
            looks += [(one, self._seq, position) for position, one in enumerate(use.customers)]
            leaves.append((self._leaf, self._seq, mark * 2))
            self._leaf += 1
        with self._owner.transaction():
            self._copy(
                "ledger_entry (seq, at, entry, actor, human, department, purpose, action, decision, subjects, jurisdictions,"
                " reach, commitments, mac)",
                "int8 timestamptz uuid uuid uuid int2 int2 int2 bytea int4 int2[] int4[] bytea bytea",
                entries,
            )
            self._copy("ledger_use (subject, seq, position)", "uuid int8 int4", looks)
            self._copy("ledger_leaf (index, seq, hash)", "int8 int8 bytea", leaves)
            self._owner.execute(
                "select setval(pg_get_serial_sequence('ledger_entry', 'seq'), %s)", (max(1, self._seq),)
            )

    def _copy(self, table: str, types: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._owner.cursor() as cursor, cursor.copy(f"copy {table} from stdin (format binary)") as copy:
            copy.set_types(types.split())
            for row in rows:
                copy.write_row(row)

    def _decision(self, use: Use) -> bytes:
        key = (use.person.role, use.action, use.refused, use.question, use.on_duty)
        if key not in self._decisions:
            self._decisions[key] = self._decide(*key)
        return self._decisions[key]


def settle(owner: Any, people: int, customers: Sequence[UUID], seed: int) -> tuple[list[UUID], dict[str, int]]:
    """Accounts and customers as rows; returns the accounts' ids and the departments by role."""
    roll = random.Random(seed)
    roles = ("service", "marketing", "manager", "analyst", "legal")
    departments = {}
    for role in roles:
        owner.execute("insert into guard_department (slug) values (%s) on conflict do nothing", (role,))
        departments[role] = owner.execute("select id from guard_department where slug = %s", (role,)).fetchone()[0]
    ids = [UUID(int=roll.getrandbits(128), version=4) for _ in range(people)]
    shares = ("service",) * 5 + ("marketing",) * 2 + ("manager", "analyst", "legal")
    for number, id in enumerate(ids):
        role = shares[number % len(shares)]
        owner.execute(
            "insert into guard_staff (id, password, email, name, role, is_active, department_id, created_at)"
            " values (%s, '!', %s, '', %s, true, %s, now())",
            (id, f"{seed}-{number}@made-up.example", role, departments[role]),
        )
    with (
        owner.cursor() as cursor,
        cursor.copy(
            "copy subject_state (subject, customer, core, kind, controller, packs, age) from stdin (format binary)"
        ) as copy,
    ):
        copy.set_types(["uuid", "uuid", "uuid", "int2", "int2", "int2", "int2"])
        for number, one in enumerate(customers):
            copy.write_row((one, one, one, 2 if number % 11 == 0 else 1, 1, 2 if number % 7 == 0 else 1, 5))
    return ids, departments


def decider(store: Any) -> Any:
    """Decisions as the gate stores them; ``store``: (ask, facts, answer, categories, whether it finds) → id."""

    def decide(role: str, action: int, refused: bool, question: int, on_duty: bool) -> bytes:
        use = {READ: "read", LIST: "list", EXPLAIN: "explain"}[action]
        fields = [f"field{question}", "phone"]
        ask = f'{{"purpose":"service","use":"{use}","fields":["{fields[0]}","{fields[1]}"]}}'
        facts = f"{role}|{role}|1|1|1|0|1|1|{int(on_duty)}||1|1"
        answer = ["denied", "house.default-deny"] if refused else ["clear", "house.permit"]
        return bytes(store(ask, facts, {name: [answer] * 3 for name in fields}, [] if refused else [1, 2], not refused))

    return decide
