"""A do-not-call list brought in: every second address is a customer's, each of whom is stopped on every topic of advertising.

``python -m bench.suppressing 10000`` (100000) in a fresh home: so many customers, and a list of as many addresses.
"""

from __future__ import annotations

import sys
import time

from bench.home import BenchHome

_home = BenchHome()

from bench.people import admit, draft  # noqa: E402  (settings read the home above)
from kehu.guard.staff.actions import owner_actor  # noqa: E402
from kehu.serve.mailing import lists  # noqa: E402

_CHUNK = 5_000


def main() -> int:
    """Fill the home, bring the list in, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with _home as held:
        for start in range(0, count, _CHUNK):
            people = range(start, min(count, start + _CHUNK))
            admit(
                draft(str(n), {"full_name": f"Person {n:07d}", "email": f"p{n}@mail.example"}, search=["email"])
                for n in people
            )
        file = held.home.path / "list.csv"
        file.write_text("".join(f"p{2 * n}@mail.example\n" for n in range(count)))
        for again in ("first", "again"):
            started = time.perf_counter()
            told = lists.bring(file, "robinson", actor=owner_actor())
            took = time.perf_counter() - started
            print(
                f"{count:,} addresses, {again}: {told.customers:,} customers stopped in {took:.1f} s, {count / took:,.0f} rows/s"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
