"""COPYs in a thread beside the encoding of rows: in their order, one transaction, and no error lost."""

from __future__ import annotations

import pytest
from django.db import connection
from psycopg import errors

from kehu.vault import copying as to

COLUMNS = ("id", "said")


@pytest.fixture
def raw(database):
    connection.ensure_connection()
    held = connection.connection
    held.execute("create temp table told (id bigint primary key, said bytea)")
    return held


def rows(*numbers: int) -> list[bytes]:
    return [to.row(to.int8(number), to.blob(str(number).encode())) for number in numbers]


def ids(raw):
    return [row[0] for row in raw.execute("select id from told order by id")]


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "at once"])
def test_all_of_it_is_there_after_settling(raw, beside):
    with raw.transaction(), to.Copies(raw, beside=beside) as copies:
        for start in range(0, 3_000, 1_000):
            copies.put("told", COLUMNS, rows(*range(start, start + 1_000)))
        copies.put("told", COLUMNS, [])
        copies.settle()
        assert len(ids(raw)) == 3_000  # the connection is free again
        copies.put("told", COLUMNS, rows(5_000))
    assert ids(raw) == [*range(3_000), 5_000]


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "at once"])
def test_the_first_failure_is_told_and_nothing_stays(raw, beside):
    with pytest.raises(errors.UniqueViolation), raw.transaction(), to.Copies(raw, beside=beside) as copies:
        copies.put("told", COLUMNS, rows(1, 2))
        copies.put("told", COLUMNS, rows(2))
        copies.put("told", COLUMNS, rows(3))
    assert ids(raw) == []


def test_whoever_leaves_early_leaves_the_connection_free(raw):
    with pytest.raises(ZeroDivisionError), raw.transaction(), to.Copies(raw, beside=True) as copies:
        for start in range(0, 50_000, 10_000):
            copies.put("told", COLUMNS, rows(*range(start, start + 10_000)))
        raise ZeroDivisionError
    assert ids(raw) == []
