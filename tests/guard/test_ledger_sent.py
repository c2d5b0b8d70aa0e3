"""Rows as the server sends them hash to their canonical form, whatever stands in a row; anything else is no row."""

from __future__ import annotations

import hashlib
import struct
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.guard.ledger.leaf import LEAF_COLUMNS, leaf_of
from kehu.guard.ledger.mac import digest_of, entry_mac
from kehu.guard.ledger.sent import Reader, stream
from kehu.guard.setup import open_owner

KEY, ASK = b"k" * 32, '{"act":"read"}'
ids = st.uuids()
numbers = st.lists(st.integers(-(2**15), 2**15 - 1), max_size=8)
small = st.integers(0, 2**15 - 1)
rows = st.tuples(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    ids, ids, ids, small, st.none() | small, small, st.binary(min_size=32, max_size=32), st.none() | ids,
    st.integers(0, 2**31 - 1), numbers, numbers,
    st.integers(0, 5).flatmap(lambda n: st.binary(min_size=32 * n, max_size=32 * n)),
)  # fmt: skip


def whole(row):
    """A row with its true MAC."""
    _, entry, actor, human, department, purpose, action, _, detail, *_ = row
    mac = entry_mac(
        KEY, entry=entry, actor=actor, human=human, department=department, purpose=purpose, action=action, detail=detail,
        ask=ASK,
    )  # fmt: skip
    return (*row, mac)


def column(value):
    return b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value


def items(values, size, oid):
    """A list of integers as PostgreSQL sends it: dimensions, nulls, kind, length, first place, the items."""
    if not values:
        return struct.pack(">iii", 0, 0, oid)
    body = b"".join(column(value.to_bytes(size, "big", signed=True)) for value in values)
    return struct.pack(">iiiii", 1, 0, oid, len(values), 1) + body


def as_sent(row, stored):
    """One row of the COPY: index 7, seq 9, its hash and its columns."""

    int8 = lambda value: None if value is None else struct.pack(">q", value)
    at, entry, actor, human, department, purpose, action, decision, detail, subjects, packs, reach, commits, mac = row
    span = at - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
    columns = (
        int8(7), int8(9), stored, int8(micros), entry.bytes, actor.bytes, human.bytes, mac, commits, int8(department),
        int8(purpose), int8(action), decision, detail and detail.bytes, int8(subjects), items(packs, 2, 21),
        items(reach, 4, 23),
    )  # fmt: skip
    return struct.pack(">h", len(columns)) + b"".join(map(column, columns))


@given(st.lists(rows, min_size=1, max_size=3, unique_by=lambda row: row[1]))
def test_it_is_the_canonical_form(some):
    made = [whole(row) for row in some]
    reader = Reader(KEY, {row[7]: digest_of(ASK) for row in some})
    found = list(reader.read([as_sent(row, leaf_of(row)) for row in made]))
    assert found == [(7, 9, leaf_of(row), ()) for row in made]
    again = list(reader.read([as_sent(row, leaf_of(row)) for row in made]))
    assert [one[3] for one in again] == [("a copy of another row",)] * len(made)


@given(rows, st.data())
def test_another_byte_is_another_row(row, data):
    """Wherever it stands behind index and seq; only a list's kind and where its counting begins are no part of a row."""
    made = whole(row)
    sent = bytearray(as_sent(made, leaf_of(made)))
    reach = len(sent) - len(items(row[11], 4, 23))
    packs = reach - 4 - len(items(row[10], 2, 21))
    frames = {start + n for start, held in ((packs, row[10]), (reach, row[11])) for n in range(4, 20 if held else 12)}
    at = data.draw(st.integers(26, len(sent) - 1).filter(lambda place: place not in frames))
    sent[at] ^= 1 << data.draw(st.integers(0, 7))
    [(*_, faults)] = Reader(KEY, {row[7]: digest_of(ASK)}).read([bytes(sent)])
    assert faults


def test_what_the_server_sends(database):
    """Reads, an import's rows, an act on nobody, a chunk of 2,000: nulls and lists of every kind, hashed as they came."""
    rows = (
        (2, None, 7, None, 1, [1], [1, 0, 0, 0, 0, 0], b"c" * 32),
        (3, 13, 7, uuid.uuid4(), 2, [1, 5], [2, 0, 0, 0, 1, 70_000], b"c" * 64),
        (0, 1, 22, None, 0, [], [0, 0, 0, 0, 0, 0], b""),
        (32_767, 1, 5, uuid.uuid4(), 2_000, [], [-1], b"".join(hashlib.sha256(bytes([n % 256])).digest() for n in range(2_000))),
    )  # fmt: skip
    columns = ", ".join(LEAF_COLUMNS)
    kept = []
    with open_owner(database) as owner:
        owner.execute("alter table ledger_leaf disable trigger user")
        for index, (department, purpose, action, detail, subjects, packs, reach, commitments) in enumerate(rows):
            at = datetime(2026, 11, 25, 20, 30, 1, 234567 + index, tzinfo=UTC)
            entry, actor, human = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
            row = whole((at, entry, actor, human, department, purpose, action, b"d" * 32, detail, subjects, packs, reach,
                         commitments))  # fmt: skip
            [(seq,)] = owner.execute(
                f"insert into ledger_entry ({columns}) values ({', '.join(['%s'] * len(row))}) returning seq", row
            ).fetchall()
            owner.execute("insert into ledger_leaf values (%s, %s, %s)", (index, seq, leaf_of(row)))
            kept.append((index, seq, leaf_of(row), ()))
        owner.execute("insert into ledger_leaf values (9, 1000, sha256(''))")
        kept.append((9, 1000, hashlib.sha256().digest(), ("the row is gone, its leaf is there",)))
        assert list(Reader(KEY, {b"d" * 32: digest_of(ASK)}).read(stream(owner))) == kept
        assert next(row[3] for row in Reader(KEY, {}).read(stream(owner))) == ("its decision is gone",)
        assert [row[3] for row in Reader(b"other", {b"d" * 32: digest_of(ASK)}).read(stream(owner))][1] == (
            "forged: its MAC is not ours",
        )


@pytest.mark.parametrize(
    "change",
    [
        "department = -1", "purpose = -1", "jurisdictions = array[1, null]::smallint[]",
        "reach = array[[1, 2], [3, 4]]", "commitments = ''", "mac = substr(mac, 1, 31)", "mac = mac || 'x'",
        "decision = ''", "at = 'infinity'", "jurisdictions = array_fill(2::smallint, array[1], array[5])",
    ],
)  # fmt: skip
def test_columns_that_no_row_has_are_named(database, change):
    """They used to end the verification instead."""
    made = whole((datetime(2026, 1, 1, tzinfo=UTC), *(uuid.uuid4() for _ in range(3)), 3, 1, 1, b"d" * 32, None, 1, [2],
                  [0, 1], b"c" * 32))  # fmt: skip
    with open_owner(database) as owner:
        for table in ("ledger_entry", "ledger_leaf"):
            owner.execute(f"alter table {table} disable trigger user")
        owner.execute(
            f"insert into ledger_entry ({', '.join(LEAF_COLUMNS)}) values ({', '.join(['%s'] * len(made))})", made
        )
        owner.execute("insert into ledger_leaf select 0, seq, %s from ledger_entry", (leaf_of(made),))
        asked = {b"d" * 32: digest_of(ASK)}
        assert [row[3] for row in Reader(KEY, asked).read(stream(owner))] == [()]
        owner.execute(f"update ledger_entry set {change}")
        [(*_, faults)] = Reader(KEY, asked).read(stream(owner))
        assert (faults == ()) is ("array_fill" in change)  # where counting begins is no part of a list
