"""The encoding of rows as the server sends them is the canonical one, for whatever stands in a row."""

from __future__ import annotations

import struct
import uuid
from datetime import UTC, datetime

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from kehu.guard.ledger.leaf import LEAF_COLUMNS, leaf_of
from kehu.guard.ledger.sent import Encoder, integers, raw_cursor
from kehu.guard.setup import open_owner

ids = st.uuids()
numbers = st.lists(st.integers(-(2**15), 2**15 - 1), max_size=8)
rows = st.tuples(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    ids, ids, ids, st.integers(0, 2**15 - 1), st.none() | st.integers(0, 2**15 - 1), st.integers(0, 2**15 - 1),
    st.binary(min_size=32, max_size=32), st.none() | ids, st.integers(0, 2**31 - 1), numbers, numbers,
    st.integers(0, 5).flatmap(lambda n: st.binary(min_size=32 * n, max_size=32 * n)), st.binary(min_size=32, max_size=32),
)  # fmt: skip


def as_sent(row):
    """What PostgreSQL sends for a row's values in binary."""

    def items(values, size, oid):
        if not values:
            return struct.pack(">iii", 0, 0, oid)
        body = b"".join(struct.pack(">i", size) + value.to_bytes(size, "big", signed=True) for value in values)
        return struct.pack(">iiiii", 1, 0, oid, len(values), 1) + body

    span = row[0] - datetime(2000, 1, 1, tzinfo=UTC)
    micros = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
    sent = [value.bytes if isinstance(value, uuid.UUID) else value for value in row]
    sent[0] = struct.pack(">q", micros)
    sent[10], sent[11] = items(row[10], 2, 21), items(row[11], 4, 23)
    return sent


@given(st.lists(rows, min_size=1, max_size=3))
def test_it_is_the_canonical_encoding(some):
    encoder = Encoder()
    for row in some:
        assert encoder.leaf(as_sent(row)) == leaf_of(row)


def test_the_server_sends_what_the_test_above_says(database):
    row = (
        datetime(2026, 11, 25, 20, 30, 1, 234567, tzinfo=UTC), uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), 3, None, 7,
        b"d" * 32, None, 2, [1, 5], [2, 0, 0, 0, 1, 70_000], b"c" * 64, b"m" * 32,
    )  # fmt: skip
    kinds = (
        "timestamptz", "uuid", "uuid", "uuid", "int2", "int2", "int2", "bytea", "uuid", "int4", "int2[]", "int4[]",
        "bytea", "bytea",
    )  # fmt: skip
    assert len(kinds) == len(row) == len(LEAF_COLUMNS)
    wanted = ", ".join(f"%s::{kind}" for kind in kinds)
    with open_owner(database) as owner, owner.transaction(), raw_cursor(owner, "sent") as cursor:
        cursor.execute(f"select {wanted}", row)
        [sent] = cursor.fetchall()
    assert list(sent) == as_sent(row)
    assert Encoder().leaf(sent) == leaf_of(row)
    assert integers(sent[11]) == row[11]
    assert isinstance(
        psycopg.adapters.get_loader(2950, 1)(2950, None).load(row[1].bytes), uuid.UUID
    )  # elsewhere as ever
