"""Inquiries of the ledger, proofs, and the sequencer's delay over a big log.

``python -m bench.inquiries [rows]`` (100,000): 20 accounts read 20,000 customers under three laws. The first rows are
made by the gate itself; they are then multiplied in the database over 90 days, one in 2,000 as a chunk of 2,000 customers,
so that as many uses come from chunks as from single reads. Copies carry no true commitment: nothing is verified here.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from bench.people import admit, draft  # noqa: E402
from kehu.guard.gate.actor import Actor  # noqa: E402
from kehu.guard.gate.read import gate  # noqa: E402
from kehu.guard.ledger import queries  # noqa: E402
from kehu.guard.ledger.consistency import prove_growth  # noqa: E402
from kehu.guard.ledger.delay import delay  # noqa: E402
from kehu.guard.ledger.inquiries import Question, inquire  # noqa: E402
from kehu.guard.ledger.open_log import open_sequencer  # noqa: E402
from kehu.guard.ledger.proof import prove  # noqa: E402
from kehu.guard.setup import open_owner  # noqa: E402
from kehu.guard.staff.actions import actor_of, add_staff  # noqa: E402

PEOPLE, ACCOUNTS, CHUNK = 20_000, 20, 2_000

_SINGLE = """
with t as (select e.*, row_number() over () as n from ledger_entry e where e.action = 1),
made as (
    insert into ledger_entry (at, entry, actor, human, department, purpose, action, decision, subjects, jurisdictions, reach,
        commitments, mac)
    select clock_timestamp() - random() * interval '90 days', gen_random_uuid(), t.actor, t.human, t.department, t.purpose,
        t.action, t.decision, 1, t.jurisdictions, t.reach, sha256(t.mac), t.mac
    from generate_series(1, %(count)s) g join t on t.n = 1 + g %% (select count(*) from t) returning seq
)
insert into ledger_use (subject, seq, position)
select (%(people)s::uuid[])[1 + (hashint8(seq) & 2147483647) %% cardinality(%(people)s::uuid[])], seq, 0 from made
"""
_CHUNKS = """
with t as (select * from ledger_entry where action = 1 order by seq limit 1), made as (
    insert into ledger_entry (at, entry, actor, human, department, purpose, action, decision, subjects, jurisdictions, reach,
        commitments, mac)
    select clock_timestamp() - random() * interval '90 days', gen_random_uuid(), t.actor, t.human, t.department, t.purpose, 2,
        t.decision, %(chunk)s, t.jurisdictions, array[%(chunk)s, 0, 0, 0, 0, 0],
        convert_to(repeat(md5(g::text), %(chunk)s), 'UTF8'), t.mac
    from generate_series(1, %(count)s) g, t returning seq
)
insert into ledger_use (subject, seq, position)
select (%(people)s::uuid[])[1 + (seq * %(chunk)s + g) %% cardinality(%(people)s::uuid[])], seq, g - 1
from made, generate_series(1, %(chunk)s) g
"""


def people() -> list[UUID]:
    """Customers under three laws."""
    return admit(
        draft(str(number), {"full_name": f"Person {number}"}, packs=(1, 2, 4)[number % 3]) for number in range(PEOPLE)
    )


def write(count: int, who: list[UUID]) -> Actor:
    """Real reads of every account, then copies of them; returns one of the accounts."""
    for number in range(ACCOUNTS):
        email = f"bench{number}@kehu.example"
        add_staff(email=email, role="service", department=None, attest=True)
        reader = actor_of(email)
        for n, purpose in enumerate(("service", "fulfilment", "complaints") * 3):
            gate().open([who[number * 9 + n]], actor=reader, purpose=purpose)
    with open_owner(_home.database) as owner:
        for _ in range(0, count, 100_000):
            owner.execute(_SINGLE, {"count": min(count, 100_000), "people": who})
        owner.execute(_CHUNKS, {"count": count // CHUNK, "chunk": CHUNK, "people": who})
        owner.execute("vacuum analyze ledger_entry, ledger_use, gate_decision, subject_state")
    return reader


def say(what: str, work: Callable[[], object], times: int = 5) -> None:
    """Median and worst of some runs, in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1_000)
    print(f"{what:62} p50 {statistics.median(taken):9.1f} ms   max {max(taken):9.1f} ms", flush=True)


def main() -> None:
    """All figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with _home:
        who = people()
        reader = write(count, who)
        began = time.perf_counter()
        with open_sequencer() as sequencer:
            taken = sequencer.run_once()
        print(f"sequenced {taken:,} rows: {time.perf_counter() - began:.1f} s")
        found = inquire(Question())
        print(f"{found.rows:,} rows, {found.uses:,} uses, {found.at_least:,} to {found.at_most:,} subjects")
        now = datetime.now(UTC)
        week, day = now - timedelta(days=7), now - timedelta(days=1)
        say("who used this customer's data", lambda: inquire(Question(subject=who[7])), 20)
        say("what did this person see, 90 days", lambda: inquire(Question(human=reader.human)))
        say("what did this person see, one day", lambda: inquire(Question(human=reader.human, since=day)))
        say("everything under a purpose", lambda: inquire(Question(purpose=13)))
        say("blast radius of everybody in a week", lambda: inquire(Question(since=week)))
        say("blast radius of everything", lambda: inquire(Question()), 3)
        say("list: a customer's newest 50 rows", lambda: queries.rows(subject=who[7], limit=50), 20)
        say("list: a person's newest 50 rows", lambda: queries.rows(human=reader.human, limit=50), 20)
        raw = connection.connection
        [(seq,)] = raw.execute("select seq from ledger_use where seq < 100 and subject = any (%s)", (who,)).fetchall()[
            -1:
        ]
        [(subject,)] = raw.execute("select subject from ledger_use where seq = %s", (seq,)).fetchall()
        say("inclusion proof of a row and a subject in it", lambda: prove(raw, seq, subject), 20)
        [(big,)] = raw.execute("select max(seq) from ledger_entry where subjects > 1").fetchall()
        say("inclusion proof of a chunk of 2,000", lambda: prove(raw, big), 20)
        say("consistency proof, a third of the log to all of it", lambda: prove_growth(raw, found.rows // 3), 20)
        say("the sequencer's delay", delay, 20)


if __name__ == "__main__":
    main()
