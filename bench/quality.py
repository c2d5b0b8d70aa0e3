"""Data quality: everybody measured through the gate; and what a limit of age costs a checked read.

``python -m bench.quality 10000`` (100000, 1000000) in a fresh home. With neighbours on the machine trust CPU and ratios.
"""

from __future__ import annotations

import resource
import sys
import time

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from bench.people import admit, draft  # noqa: E402
from kehu.guard.gate.read import gate  # noqa: E402
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor  # noqa: E402
from kehu.refine.quality.measure import measure  # noqa: E402

READS = 2_000


def say(what: str, value: str) -> None:
    """One figure."""
    print(f"{what:58} {value}", flush=True)


def bring_in(count: int) -> None:
    """Made-up people of ten fields; every tenth without an email, every hundredth born in the future."""
    admit(
        draft(
            str(n),
            {
                "full_name": f"Person {n:07d}", "email": None if n % 10 == 0 else f"p{n}@mail.example",
                "phone": f"+86138{n:08d}", "birth_date": "2999-01-01" if n % 100 == 0 else f"19{50 + n % 50}-03-{1 + n % 28:02d}",
                "address": f"{n} Long Street", "locality": "Shenzhen", "region": "Guangdong", "postal_code": f"518{n % 1000:03d}",
                "country": "CN", "gender": "female",
            },
            search=("email", "phone"),
        )
        for n in range(count)
    )  # fmt: skip


def measuring(count: int) -> None:
    """What a run costs, wall and CPU, and the most memory this process took."""
    for number in ("first", "again"):
        wall, cpu = time.perf_counter(), time.process_time()
        run = measure(actor=owner_actor())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert run.done == count, run.done
        say(
            f"measured {count:,} customers, {number}",
            f"{wall:.1f} s wall, {cpu:.1f} s CPU, {1e6 * cpu / count:.0f} µs each",
        )
    say("peak memory of the process", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def reading() -> None:
    """One customer at a time, with no limit of age and with one on contacts: in turns, so that neighbours count alike."""
    from tests.cast import shipped_with

    made, _ = add_staff(email="li@bench.example", role="service", department=None, attest=True)
    actor = actor_of(made.email)
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state order by subject limit %s", [READS])
        subjects = [row[0] for row in cursor.fetchall()]

    def taken() -> float:
        began = time.process_time()
        for subject in subjects:
            gate().open([subject], actor=actor, purpose="service", fields=["full_name", "email", "phone"])
        return 1e6 * (time.process_time() - began) / len(subjects)

    taken()
    without = min(taken() for _ in range(3))
    shipped_with(_home.database, "service", fresh={"contact": 365})
    taken()
    limited = min(taken() for _ in range(3))
    say("a checked read without a limit, CPU of the process", f"{without:.0f} µs")
    say("the same with a limit on contacts", f"{limited:.0f} µs ({limited / without:.2f} times)")


def main() -> None:
    """All of it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with _home:
        bring_in(count)
        measuring(count)
        reading()


if __name__ == "__main__":
    main()
