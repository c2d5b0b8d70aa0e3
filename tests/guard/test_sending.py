"""The checked read's plan is made once a connection and kept, whatever a read ends like; nobody else's plan is touched."""

from __future__ import annotations

import gc

import psycopg
import pytest
from django.db import connection, transaction
from psycopg.pq import PipelineStatus

from kehu.guard.gate import sending
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.gate.sending import Sent, at_once, numbered
from kehu.guard.gate.statement import STATEMENTS
from kehu.guard.setup import open_owner
from kehu.vault.arrays import BigintArray, ByteaArray, SmallintArray, UuidArray
from kehu.vault.ids import new_id
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


def test_more_than_a_socket_holds_goes_out_and_comes_back(database):
    numbers = list(range(1_000_000))
    [row] = Sent(raw_connection(), "select $1::bigint[], cardinality($1::bigint[])", [numbers]).finish()
    assert row == (numbers, len(numbers))


def test_a_connection_that_is_lost_meanwhile_is_said_to_be(people, database):
    mia, raw = staff("service"), raw_connection()
    begun = Sent(raw, "select 1 where $1::int = 1", [1])
    with open_owner(database) as owner:
        owner.execute("select pg_terminate_backend(%s)", [raw.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        begun.finish()
    assert raw.closed
    connection.close()
    assert gate().open(people[:1], actor=mia, purpose="service")[0].contributions


def test_what_the_driver_made_the_database_forget_is_said_again(people):
    mia, raw = staff("service"), raw_connection()
    gate().open(people[:1], actor=mia, purpose="service")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raw.execute("select 1")
        raise ZeroDivisionError
    assert not raw.execute("select from pg_prepared_statements where name like 'kehu%'").fetchall()
    assert Sent(raw, "select $1::int", [7]).finish() == [(7,)]
    assert gate().open(people[:1], actor=mia, purpose="service")[0].contributions
    assert Sent(raw, "select $1::int", [8]).finish() == [(8,)]


def test_what_a_connection_knows_goes_with_it(people):
    mia = staff("service")
    for _ in range(3):
        gate().open(people[:1], actor=mia, purpose="service")
        connection.close()
    gc.collect()
    assert len([one for one in sending._known if not one.closed]) <= 1 >= len(sending._known)


def test_a_statement_by_itself_is_answered_refused_and_said_again(database):
    raw = raw_connection()
    ids = [new_id(), new_id()]
    assert at_once(raw, "select $1::uuid[], $2::int", [UuidArray(ids), None]) == [(ids, None)]
    assert at_once(raw, "select 1 where $1", [False]) == []
    with pytest.raises(psycopg.errors.DivisionByZero):
        at_once(raw, "select 1 / $1::int", [0])
    with pytest.raises(psycopg.errors.SyntaxError):
        at_once(raw, "select from where", [])
    raw.execute("deallocate all")
    assert at_once(raw, "select $1::uuid[], $2::int", [UuidArray(ids), None]) == [(ids, None)]
    with open_owner(database) as owner:
        owner.execute("select pg_terminate_backend(%s)", [raw.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        at_once(raw, "select 1 where $1", [False])
    connection.close()


_EDGES = [-(2**63), 2**63 - 1, None, 0]


@pytest.mark.parametrize(
    ("array", "type", "values"),
    [
        (UuidArray, "uuid", [new_id(), new_id()]),
        (ByteaArray, "bytea", [b"", bytes(range(256)), b"\\x00"]),
        (SmallintArray, "smallint", [-(2**15), 0, 2**15 - 1]),
        (BigintArray, "bigint", _EDGES),
    ],
)
def test_an_array_arrives_as_it_was_given(database, array, type, values):
    raw = raw_connection()
    ask = f"select $1::{type}[], cardinality($1), array_positions($1, null)"
    absent = [place for place, one in enumerate(values, 1) if one is None]
    for given in (values, tuple(values)):
        assert at_once(raw, ask, [array(given)]) == [(values, len(values), absent)]
    assert at_once(raw, ask, [array([])]) == [([], 0, [])]


def test_named_parameters_are_numbered_as_they_first_come():
    assert numbered("%(b)s, %(a)s::int, %(b)s") == ("$1, $2::int, $1", ("b", "a"))


def test_a_commit_that_fails_behind_the_rows_is_no_answer(database):
    raw = raw_connection()
    raw.execute("create temp table told (one int unique deferrable initially deferred)")
    assert at_once(raw, "insert into told values ($1) returning one", [1]) == [(1,)]
    for ask in (at_once, lambda *said: Sent(*said).finish()):
        with pytest.raises(psycopg.errors.UniqueViolation):
            ask(raw, "insert into told values ($1) returning one", [1])
    assert raw.execute("select count(*) from told").fetchone() == (1,)
