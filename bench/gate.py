"""Gate and ledger: sealing in, checked reads with and without the ledger's insert, verification.

``.venv/bin/python -m bench.gate [records]`` in a fresh home under the temp folder; prints one line a figure.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

_HOME = Path(tempfile.mkdtemp(prefix="kehu-bench-"))
os.environ |= {"KEHU_HOME": str(_HOME), "DJANGO_SETTINGS_MODULE": "kehu.host.settings"}

import django  # noqa: E402  (settings read the home above)

from kehu.host.database import Database  # noqa: E402
from kehu.host.home import Home  # noqa: E402
from kehu.host.keyring import make_home  # noqa: E402

make_home(Home(_HOME))
django.setup()

from django.db import connection, transaction  # noqa: E402

from bench import unrecorded  # noqa: E402
from kehu.guard.gate import read as gate_read  # noqa: E402
from kehu.guard.gate.actor import Actor  # noqa: E402
from kehu.guard.gate.admit import Admission, Draft, Terms  # noqa: E402
from kehu.guard.gate.read import gate  # noqa: E402
from kehu.guard.gate.statement import CHECKED_READ  # noqa: E402
from kehu.guard.installation import installation  # noqa: E402
from kehu.guard.ledger.open_log import open_sequencer, signer_of  # noqa: E402
from kehu.guard.ledger.verify import verify  # noqa: E402
from kehu.guard.setup import migrate  # noqa: E402
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor  # noqa: E402

BATCH = 10_000
SECONDS = 4.0


def say(what: str, value: str) -> None:
    """One figure."""
    print(f"{what:58} {value}", flush=True)


def bring_in(count: int) -> list[UUID]:
    """Admit made-up people in batches of 10,000: two facets, 12 tokens, key, ledger; says rate and growth."""
    held = installation()
    terms = Terms(1, "store", 1, "contract", 1, False, None)
    admission = Admission(held, gate().decisions, actor=owner_actor(), terms=terms)
    subjects: list[UUID] = []
    rates: list[float] = []
    for start in range(0, count, BATCH):
        began = time.perf_counter()
        drafts = []
        for n in range(start, min(count, start + BATCH)):
            name, email, phone = f"Person {n:07d}", f"p{n}@mail.example", f"+86138{n:08d}"
            own = held.tokens.source(1, 1, 1, str(n))
            tokens = [held.tokens.search("email", "exact", email), held.tokens.search("phone", "exact", phone)]
            tokens += [held.tokens.search("full_name", "prefix", name[: length + 2]) for length in range(10)]
            values = {
                1: {"full_name": [name, name, 1, None], "external_id": [str(n), str(n), 1, None]},
                2: {"email": [email, email, 1, None], "phone": [phone, phone, 1, None]},
            }
            drafts.append(Draft(1, own, own, values, tokens, [], 1, 5))
        with transaction.atomic():
            connection.ensure_connection()
            admission.admit(connection.connection, drafts)
        subjects += [UUID(bytes=draft.subject) for draft in drafts if draft.subject]
        rates.append(len(drafts) / (time.perf_counter() - began))
    say(f"sealed in, {count} records, one process", f"{count / sum(BATCH / r for r in rates):,.0f} records/s")
    say("  last tenth against first tenth", f"{statistics.mean(rates[-max(1, len(rates) // 10) :]) / rates[0]:.2f}")
    return subjects


def rate_of(work: Callable[[int], object], threads: int) -> tuple[float, float]:
    """Runs a second over some threads, and the p95 of one run in milliseconds."""
    taken: list[float] = []
    end = time.perf_counter() + SECONDS

    def loop(seed: int) -> None:
        n = seed * 7919
        while (began := time.perf_counter()) < end:
            work(n)
            n += 104_729
            taken.append(time.perf_counter() - began)
        connection.close()

    running = [threading.Thread(target=loop, args=(seed,)) for seed in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    taken.sort()
    return len(taken) / SECONDS, taken[int(len(taken) * 0.95)] * 1000


def read_rates(subjects: list[UUID], alice: Actor) -> None:
    """Checked reads of whole customers, and the same statement with the ledger's insert taken out."""
    whole = CHECKED_READ
    bare = unrecorded.statement()
    gate().open(subjects[:1], actor=alice, purpose="service")
    for threads in (1, 8):
        figures = {}
        for label, statement in (("with", whole), ("without", bare), ("with", whole), ("without", bare)):
            gate_read.CHECKED_READ = statement
            figures.setdefault(label, []).append(
                rate_of(lambda n: gate().open([subjects[n % len(subjects)]], actor=alice, purpose="service"), threads)
            )
        gate_read.CHECKED_READ = whole
        rates = {label: statistics.mean(r for r, _ in runs) for label, runs in figures.items()}
        say(
            f"checked read, {threads} threads, with the ledger",
            f"{rates['with']:,.0f}/s, p95 {figures['with'][-1][1]:.1f} ms",
        )
        say(f"checked read, {threads} threads, insert left out", f"{rates['without']:,.0f}/s")
        say("  ratio", f"{rates['with'] / rates['without']:.2f}")


def bulk(subjects: list[UUID], alice: Actor) -> None:
    """Stream everybody through the gate in chunks of 2,000."""
    began = time.perf_counter()
    count = sum(
        len(chunk) for chunk in gate().stream(subjects, actor=alice, purpose="service", fields=["full_name", "email"])
    )
    spent = time.perf_counter() - began
    say(f"streamed through the gate, {count} customers x 2 fields", f"{spent:.1f} s, {spent / count * 1e6:.0f} µs each")


def verification() -> None:
    """Sequence and verify what the runs above wrote."""
    held = installation()
    began = time.perf_counter()
    with open_sequencer() as sequencer:
        taken = sequencer.run_once()
    say(f"sequenced, {taken} rows", f"{time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    connection.ensure_connection()
    verdict = verify(
        connection.connection, signer=signer_of(held.home), entry_key=held.entry_key, witness=held.home / "checkpoints"
    )
    assert verdict.ok
    spent = time.perf_counter() - began
    say(f"verified, {verdict.size} rows", f"{spent:.2f} s, {spent / verdict.size * 1e5:.2f} s per 100,000")


def main() -> None:
    """All figures, then the home is removed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    database = Database(Home(_HOME))
    database.start()
    try:
        migrate(database)
        add_staff(email="bench@kehu.example", role="service", department=None, attest=True)
        alice = actor_of("bench@kehu.example")
        subjects = bring_in(count)
        read_rates(subjects, alice)
        bulk(subjects, alice)
        verification()
    finally:
        connection.close()
        database.release()
        for folder in (*database.folders(), str(_HOME)):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
