"""The checked read's plan is made once a connection and kept, whatever a read ends like; nobody else's plan is touched."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection
from psycopg.pq import PipelineStatus

from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.gate.sending import Sent
from kehu.guard.gate.statement import STATEMENTS
from kehu.guard.setup import open_owner
from tests.cast import admit, staff


@pytest.fixture
def people(database):
    return admit(*({"email": f"c{n}@mail.example"} for n in range(12)))


_GROWING = ("subject_", "record", "facet", "ledger_", "gate_decision")


def _walked(plan):
    """Scans that look nothing up: of the table itself, or of a whole index."""
    lines = plan.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if "Seq Scan" in line or ("Index" in line and "Scan" in line and "Cond:" not in after):
            yield line


def modes():
    settings = ("plan_cache_mode", "enable_seqscan", "lock_timeout")
    with connection.cursor() as cursor:
        cursor.execute("select " + ", ".join(f"current_setting('{name}')" for name in settings))
        return cursor.fetchone()


def test_many_reads_have_one_plan_and_it_looks_things_up(people, database):
    mia = staff("service")
    with open_owner(database) as owner:
        owner.execute("analyze")  # now it is known that each table is a page, which is cheapest read as a whole
    for one in people:
        gate().open([one], actor=mia, purpose="service")
    gate().open(people, actor=mia, purpose="service")
    raw = raw_connection()
    [plans] = raw.execute(
        "select generic_plans, custom_plans, name from pg_prepared_statements where statement = %s",
        [STATEMENTS["customer"]],
    ).fetchall()
    assert plans[0] > len(people) and plans[1] == 0
    # of a table of twelve: made for any size, so it is as good when there are millions
    with raw.transaction():
        raw.execute("set local plan_cache_mode = force_generic_plan")
        count = raw.execute(
            "select cardinality(parameter_types) from pg_prepared_statements where name = %s", [plans[2]]
        )
        nothing = ", ".join(["null"] * count.fetchone()[0])
        plan = "\n".join(row[0] for row in raw.execute(f"explain execute {plans[2]} ({nothing})"))
    assert not [line for line in _walked(plan) if any(table in line for table in _GROWING)]


def test_a_read_leaves_the_connection_as_it_was(people):
    mia, raw = staff("service"), raw_connection()
    before = modes()
    assert before[:2] == ("auto", "on")
    gate().open(people[:1], actor=mia, purpose="service")
    assert modes() == before
    with pytest.raises(psycopg.errors.DivisionByZero):
        Sent(raw, "select 1 / $1::int", [0]).finish()
    with pytest.raises(psycopg.ProgrammingError):
        Sent(raw, "select $1::int", [object()])
    assert modes() == before and raw.pgconn.pipeline_status == PipelineStatus.OFF
    assert gate().open(people[:1], actor=mia, purpose="service")[0].contributions
