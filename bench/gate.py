"""The gate in one process: checked reads with and without the ledger's insert, and everybody streamed in chunks.

``python -m bench.gate [records]`` (100,000) in a fresh home; prints one line a figure.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from uuid import UUID

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from bench import unrecorded  # noqa: E402
from bench.people import admit, draft  # noqa: E402
from kehu.guard.gate.actor import Actor  # noqa: E402
from kehu.guard.gate.read import gate  # noqa: E402
from kehu.guard.gate.statement import STATEMENTS  # noqa: E402
from kehu.guard.staff.actions import actor_of, add_staff  # noqa: E402

SECONDS = 4.0


def say(what: str, value: str) -> None:
    """One figure."""
    print(f"{what:58} {value}", flush=True)


def bring_in(count: int) -> list[UUID]:
    """Made-up people of two categories, by a process of its own: what it takes of memory is not the stream's."""
    connection.close()  # none is shared with a child
    if not (child := os.fork()):
        _admit(count)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state order by subject")
        return [subject for (subject,) in cursor.fetchall()]


def _admit(count: int) -> None:
    admit(
        draft(
            str(n),
            {"full_name": f"Person {n:07d}", "email": f"p{n}@mail.example", "phone": f"+86138{n:08d}"},
            search=("email", "phone"),
        )
        for n in range(count)
    )


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
    whole = STATEMENTS["customer"]
    bare = unrecorded.statement()
    gate().open(subjects[:1], actor=alice, purpose="service")
    for threads in (1, 8):
        figures = {}
        for label, statement in (("with", whole), ("without", bare), ("with", whole), ("without", bare)):
            STATEMENTS["customer"] = statement
            figures.setdefault(label, []).append(
                rate_of(lambda n: gate().open([subjects[n % len(subjects)]], actor=alice, purpose="service"), threads)
            )
        STATEMENTS["customer"] = whole
        rates = {label: statistics.mean(r for r, _ in runs) for label, runs in figures.items()}
        say(
            f"checked read, {threads} threads, with the ledger",
            f"{rates['with']:,.0f}/s, p95 {figures['with'][-1][1]:.1f} ms",
        )
        say(f"checked read, {threads} threads, insert left out", f"{rates['without']:,.0f}/s")
        say("  ratio", f"{rates['with'] / rates['without']:.2f}")


def bulk(subjects: list[UUID], alice: Actor) -> None:
    """Stream everybody through the gate, and say what memory this process took at its most."""
    fields = ["full_name", "email", "phone"]
    began = time.perf_counter()
    count = sum(len(chunk) for chunk in gate().stream(subjects, actor=alice, purpose="service", fields=fields))
    spent = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(
        f"streamed through the gate, {count} customers x {len(fields)} fields",
        f"{spent:.1f} s, {spent / count * 1e6:.0f} µs each",
    )
    say("  memory of this process at its most, everybody's id in it", f"{memory:,.0f} MB")


def main() -> None:
    """All figures, then the home is removed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with _home:
        add_staff(email="bench@kehu.example", role="service", department=None, attest=True)
        alice = actor_of("bench@kehu.example")
        subjects = bring_in(count)
        read_rates(subjects, alice)
        bulk(subjects, alice)


if __name__ == "__main__":
    main()
