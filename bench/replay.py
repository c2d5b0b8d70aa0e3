"""A change of policies tried on recorded decisions: ``python -m bench.replay [rows] [different]`` in a fresh home.

Rows of the ledger (100,000) rest on so many different decisions (500): each purpose, its roles, two sets of fields and
states of customers as the statement projects them, each made and stored by the gate's own code. Then one policy is taken
out and all of them are decided again. Rows are copies of one true row: nothing is verified here.
"""

from __future__ import annotations

import itertools
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from bench.people import admit, draft  # noqa: E402
from kehu.guard.gate.decisions import Ask  # noqa: E402
from kehu.guard.gate.policies import PolicySet  # noqa: E402
from kehu.guard.gate.read import gate, raw_connection  # noqa: E402
from kehu.guard.gate.replay import replay  # noqa: E402
from kehu.guard.installation import installation  # noqa: E402
from kehu.guard.staff.actions import actor_of, add_staff  # noqa: E402
from kehu.host.paths import policies_dir  # noqa: E402

DEPARTMENT = "desk"
EVER = datetime(2000, 1, 1, tzinfo=UTC)
_ROWS = """
insert into ledger_entry (entry, actor, human, department, purpose, action, decision, subjects, jurisdictions, reach,
    commitments, mac)
select gen_random_uuid(), e.actor, e.human, e.department, e.purpose, e.action, (%(decisions)s::bytea[])[1 + g %% %(count)s],
    e.subjects, e.jurisdictions, e.reach, e.commitments, e.mac
from generate_series(0, %(rows)s - 1) g, (select * from ledger_entry where action = 1 limit 1) e
"""


def states(chance: random.Random) -> str:
    """A customer's state as the statement projects it."""
    consent = chance.choice((1, 2, 3, 5, 6, 6, 7, 7, 7))
    flags = [int(chance.random() < share) for share in (0.05, 0.03, 0.05, 0.05)]
    kind = chance.choice((1, 1, 1, 2)), chance.choice((1, 1, 2, 3, 4, 8, 16))
    end = chance.choice((0, 4, 5, 5, 5)), 0, int(chance.random() < 0.02), 0, 0
    return "|".join(map(str, (*kind, consent, 1 if consent == 7 else 0, int(consent == 7), *flags, *end)))


def decided(count: int) -> list[bytes]:
    """Store so many different decisions."""
    rules, chance = installation().rules, random.Random(count)
    questions = [
        (Ask(slug, "read", fields, False, "", "none", "", False), role)
        for slug, purpose in sorted(rules.purposes.items())
        for fields in (tuple(sorted(purpose.least)), ("email", "full_name"))
        for role in sorted(purpose.roles)
    ]
    made: dict[bytes, None] = {}
    for ask, role in itertools.cycle(questions):
        if len(made) == count:
            return list(made)
        facts = f"{role}|{DEPARTMENT}|1|{int(chance.random() < 0.97)}|1|{int(chance.random() < 0.3)}|1|1"
        made[gate().decisions.store(raw_connection(), ask, facts, states(chance))] = None
    raise AssertionError


def main() -> None:
    """Make, then try."""
    rows, count = (int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((1, 100_000), (2, 500)))
    with _home, tempfile.TemporaryDirectory() as scratch:
        add_staff(email="bench@kehu.example", role="service", department=DEPARTMENT, attest=True)
        [someone] = admit([draft("1", {"full_name": "Person", "email": "p@mail.example"})])
        gate().open([someone], actor=actor_of("bench@kehu.example"), purpose="service")
        began = time.perf_counter()
        decisions = decided(count)
        print(f"one decision made and stored: {(time.perf_counter() - began) / count * 1e3:.1f} ms")
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, {"decisions": decisions, "count": count, "rows": rows})
        folder = shutil.copytree(policies_dir(), Path(scratch) / "policies")
        house = folder / "house.cedar"
        parts = house.read_text(encoding="utf-8").split("\n\n")
        house.write_text(
            "\n\n".join(part for part in parts if '@id("house.restriction")' not in part), encoding="utf-8"
        )
        for name, policies in (("the same policies", policies_dir()), ("house.restriction taken out", folder)):
            began, busy = time.perf_counter(), time.process_time()
            found = replay(raw_connection(), installation().rules, PolicySet.load(policies), since=EVER)
            print(
                f"{name}: {found.rows:,} rows, {found.decisions:,} decisions, {len(found.changes):,} changes,"
                f" {time.perf_counter() - began:.1f} s ({time.process_time() - busy:.1f} s CPU)"
            )


if __name__ == "__main__":
    main()
