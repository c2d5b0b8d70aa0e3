"""Rows whose time is over lose their body; their leaf's hash stays, so that the tree and later proofs go on.

The database does it and looks at each row's age and at holds itself (migration 0017); here is when, in what portions, and
the act's own row in the ledger. What a mark says is under a MAC, as is what an erasure took (:mod:`kehu.guard.ledger.uses`).
"""

from __future__ import annotations

import bisect
import hmac
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection as django_connection
from django.db import transaction
from psycopg import Connection
from psycopg.errors import LockNotAvailable

from kehu.govern.slugs import ACTIONS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.ledger.uses import Fault
from kehu.vault.ids import new_id

SHORTEST: Final = 184
"""Days that every row is kept, whatever the setting says: six months (CSL 23(3)). The database holds to it, too."""
_BATCH: Final = 5_000  # rows of one transaction
_ATTEMPTS: Final = 20  # at a batch that meets an erasure
_DUE: Final = """
select count(*), min(seq), max(seq), min(at), max(at) from ledger_entry where at < %(before)s
"""
_HELD: Final = """
select count(*) from ledger_entry e join ledger_rows_held(%(low)s, %(high)s) k on k = e.seq where e.at < %(before)s
"""
_MARKS: Final = """
select id, at, seqs::text, rows, subjects, uses, first, last, act, mac from ledger_retired order by first, id
"""
_RANGE: Final = re.compile(r"\[(\d+),(\d+)\)")
# Numbers follow time: where rows before a retired one are younger than six months, it was not old enough, either.
_YOUNGER: Final = """
select m.id, min(e.seq) from ledger_retired m join ledger_entry e
    on e.seq < upper(m.seqs) and e.at > m.at - interval '183 days' group by m.id
"""


@dataclass(frozen=True, slots=True)
class Retired:
    """Rows that went, or would, those that a hold keeps back, and the time they are from."""

    rows: int
    held: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Marks:
    """Which rows are marked as retired, from when to when, what they named beyond the look-up, and faults of marks."""

    ranges: tuple[tuple[int, int], ...]  # sorted, both ends included
    rows: int
    first: datetime | None
    last: datetime | None
    forgotten: int
    faults: tuple[Fault, ...]


def retention() -> timedelta:
    """How long a row keeps its body: KEHU_LEDGER_DAYS, by default three years.

    Raises:
        ValueError: under six months.
    """
    days = settings.LEDGER_DAYS
    if days < SHORTEST:
        raise ValueError(f"KEHU_LEDGER_DAYS: at least {SHORTEST}, six months (CSL 23(3))")
    return timedelta(days=days)


def retire(
    *, actor: Actor, dry_run: bool = False, progress: Callable[[int, int], None] = lambda done, of: None
) -> Retired:
    """Take the bodies of the rows whose time is over, a portion a transaction, each a row of the ledger itself.

    ``progress`` is told rows looked at, and of how many. Safe to stop at any moment and to run again.

    Raises:
        ActRefused: the role may not.
        ValueError: the setting is under six months.
        LockNotAvailable: erasures kept it from a portion for too long.
    """
    require_act("retire", actor)
    before = datetime.now(UTC) - retention()
    raw = _raw()
    row = raw.execute(_DUE, {"before": before}).fetchone()
    assert row is not None
    due, low, high, first, last = row
    if dry_run or not due:
        found = raw.execute(_HELD, {"low": low, "high": high, "before": before}).fetchone() if due else None
        held = int(found[0]) if found else 0
        return Retired(int(due) - held, held, first, last)
    done = held = 0
    after = low - 1
    while True:
        examined, gone, kept = _portion(raw, actor, before, after, high)
        if examined is None:
            return Retired(done, held, first, last)
        after, done, held = examined, done + gone, held + kept
        progress(done + held, int(due))


def _portion(
    raw: Connection[Any], actor: Actor, before: datetime, after: int, upto: int
) -> tuple[int | None, int, int]:
    id = new_id()
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                row = raw.execute(
                    "select * from retire_ledger_rows(%s, %s, %s, %s, %s)", (id, before, after, upto, _BATCH)
                ).fetchone()
                assert row is not None
                if row[1]:
                    act = record_act("retire", None, actor=actor, detail=id)
                    _seal(raw, id, act)
            return row[0], int(row[1]), int(row[2])
        except LockNotAvailable:  # an erasure takes uses of the same rows: it goes first
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")


def _seal(raw: Connection[Any], id: UUID, act: int) -> None:
    [mark] = _read(raw, " where id = %s", (id,))
    raw.execute(
        "update ledger_retired set act = %s, mac = %s where id = %s",
        (act, _mac(installation().entry_key, (*mark[:8], act)), id),
    )


def _read(connection: Connection[Any], where: str = "", given: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield from connection.execute(_MARKS.replace(" order by", f"{where} order by"), given).fetchall()


def _mac(key: bytes, mark: tuple[Any, ...]) -> bytes:
    """HMAC over everything that a mark says, and the number of the row that says it was done."""
    text = "\x1e".join(part.astimezone(UTC).isoformat() if isinstance(part, datetime) else str(part) for part in mark)
    return hmac.digest(key, b"retired" + text.encode(), "sha256")


def marks(connection: Connection[Any], entry_key: bytes) -> Marks:
    """The marks whose MAC is ours; rows under any other are not retired but gone."""
    ranges: list[tuple[int, int]] = []
    faults: list[Fault] = []
    rows = forgotten = 0
    first: datetime | None = None
    last: datetime | None = None
    acts = dict(
        connection.execute(
            "select detail, seq from ledger_entry where action = %s and detail is not null", (ACTIONS["retire"],)
        ).fetchall()
    )
    younger = dict(connection.execute(_YOUNGER).fetchall())
    good: list[tuple[Any, ...]] = []
    for mark in _read(connection):
        if mark[9] is None or not hmac.compare_digest(_mac(entry_key, mark[:9]), bytes(mark[9])):
            faults.append((None, "rows are said to have been retired, and the MAC of that is not ours"))
            continue
        good.append(mark)
        ranges += [(int(low), int(high) - 1) for low, high in _RANGE.findall(mark[2])]
        rows, forgotten = rows + mark[3], forgotten + mark[4] - mark[5]
        first, last = min(first or mark[6], mark[6]), max(last or mark[7], mark[7])
        if mark[0] in younger:
            faults.append((younger[mark[0]], "rows after this one were retired while it was younger than six months"))
    ranges.sort()
    found = Marks(tuple(ranges), rows, first, last, forgotten, ())
    for mark in good:
        if acts.get(mark[0]) != mark[8] and not is_in(found, mark[8]):
            faults.append((mark[8], "rows were retired, and no row of the ledger says so"))
    return Marks(found.ranges, rows, first, last, forgotten, tuple(faults))


def is_in(found: Marks, seq: int) -> bool:
    """Whether a row is marked as retired."""
    at = bisect.bisect_right(found.ranges, (seq, 1 << 63)) - 1
    return at >= 0 and found.ranges[at][0] <= seq <= found.ranges[at][1]


def _raw() -> Connection[Any]:
    django_connection.ensure_connection()
    raw: Connection[Any] = django_connection.connection
    return raw
