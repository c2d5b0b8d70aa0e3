"""The ledger: rows hashed by the sequencer, and the whole of it verified.

``python -m bench.ledger [rows]`` writes that many rows (100,000) as reads of one customer each, in batches as COPY, in a
fresh home; sequences them, proves 200 of them to their subjects and verifies three times. The rows carry true MACs and
commitments: verification finds nothing.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from uuid import UUID, uuid4

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from bench.people import admit, draft  # noqa: E402
from kehu.govern.slugs import ACTIONS, PURPOSES  # noqa: E402
from kehu.guard.gate.read import gate  # noqa: E402
from kehu.guard.installation import installation  # noqa: E402
from kehu.guard.ledger.mac import entry_mac  # noqa: E402
from kehu.guard.ledger.open_log import open_sequencer, signer_of  # noqa: E402
from kehu.guard.ledger.proof import prove  # noqa: E402
from kehu.guard.ledger.verify import verify  # noqa: E402
from kehu.guard.staff.actions import actor_of, add_staff  # noqa: E402

PEOPLE = 10_000
BATCH = 10_000
PROOFS = 200
_COPY = (
    "copy ledger_entry (entry, actor, human, department, purpose, action, decision, subjects, jurisdictions, reach,"
    " commitments, mac) from stdin (format binary)"
)
_TYPES = ["uuid", "uuid", "uuid", "int2", "int2", "int2", "bytea", "int4", "int2[]", "int4[]", "bytea", "bytea"]
_COMMIT = (
    "select k.subject, sha256(sha256(k.salt || uuid_send(n.entry)) || uuid_send(k.subject))"
    " from unnest(%s::uuid[], %s::uuid[]) with ordinality n (subject, entry, at) join subject_key k using (subject)"
    " order by n.at"
)


def people() -> list[UUID]:
    """Customers to have been read."""
    return admit(draft(str(number), {"full_name": f"Person {number}"}) for number in range(PEOPLE))


def write(count: int, subjects: list[UUID]) -> None:
    """Rows as a read writes them, and the look-up of each."""
    held = installation()
    add_staff(email="bench@kehu.example", role="service", department=None, attest=True)
    alice = actor_of("bench@kehu.example")
    first = gate().open(subjects[:1], actor=alice, purpose="service")[0]
    raw = connection.connection
    [(decision, ask)] = raw.execute(
        "select g.id, g.ask from ledger_entry e join gate_decision g on g.id = e.decision where e.seq = %s",
        (first.seq,),
    ).fetchall()
    for start in range(0, count, BATCH):
        entries = [uuid4() for _ in range(min(BATCH, count - start))]
        who = [subjects[(start + n * 7919) % len(subjects)] for n in range(len(entries))]
        commitments = [row[1] for row in raw.execute(_COMMIT, (who, entries)).fetchall()]
        with raw.transaction(), raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for entry, commitment in zip(entries, commitments, strict=True):
                mac = entry_mac(
                    held.entry_key, entry=entry, actor=alice.credential, human=alice.human,
                    department=alice.department, purpose=PURPOSES["service"], action=ACTIONS["read"], detail=None,
                    ask=ask,
                )  # fmt: skip
                copy.write_row(
                    (entry, alice.credential, alice.human, alice.department, PURPOSES["service"], ACTIONS["read"],
                     decision, 1, [1], [1, 0, 0, 0, 0, 0], commitment, mac)
                )  # fmt: skip
        raw.execute(
            "insert into ledger_use (subject, seq, position) select n.subject, e.seq, 0"
            " from unnest(%s::uuid[], %s::uuid[]) n (subject, entry) join ledger_entry e using (entry)",
            (who, entries),
        )


def prove_some(count: int) -> None:
    """Inclusion proofs of rows all over the log, each with its subject's."""
    raw, chance = connection.connection, random.Random(7)
    taken, here = list[float](), list[float]()
    for _ in range(PROOFS):
        seq = chance.randint(20, count)
        [(subject,)] = raw.execute("select subject from ledger_use where seq = %s", (seq,)).fetchall()
        began, burnt = time.perf_counter(), time.process_time()
        prove(raw, seq, subject)
        taken.append((time.perf_counter() - began) * 1_000)
        here.append((time.process_time() - burnt) * 1_000)
    cuts = statistics.quantiles(taken, n=20)
    print(
        f"inclusion proof of a row and of a subject in it: p50 {cuts[9]:.2f} ms, p95 {cuts[18]:.2f} ms, of it"
        f" {statistics.median(here):.2f} ms here; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> None:
    """All figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with _home:
        subjects = people()
        write(count, subjects)
        began = time.perf_counter()
        with open_sequencer() as sequencer:
            taken = sequencer.run_once()
        print(f"sequenced, {taken:,} rows: {time.perf_counter() - began:.2f} s")
        prove_some(count)
        held = installation()
        for _ in range(3):
            began, burnt = time.perf_counter(), time.process_time()
            verdict = verify(
                connection.connection, signer=signer_of(held.home), entry_key=held.entry_key,
                decision_key=held.decision_key, witness=held.home / "checkpoints",
            )  # fmt: skip
            assert verdict.ok, verdict.broken[:3]
            spent, burnt = time.perf_counter() - began, time.process_time() - burnt
            print(
                f"verified, {verdict.size:,} rows: {spent:.2f} s, of it {burnt:.2f} s here and the rest waiting for"
                f" PostgreSQL; load {os.getloadavg()[0]:.1f}"
            )


if __name__ == "__main__":
    main()
