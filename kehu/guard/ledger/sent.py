"""The whole ledger as one stream in the order of the tree, each row checked as it comes: hash, copies, MAC.

The server writes rows by COPY while they are hashed here. COPY's binary form is what makes it cheap: each column is its
length (4 bytes, big-endian, all ones for null) and its bytes, which is the canonical form of :mod:`kehu.guard.ledger.leaf`
where numbers are sent as int8 and times count from 1970. So most of a row is hashed as it came; only lists are written
anew. Only columns come from the server; whatever is judged is judged here.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from psycopg import Connection

from kehu.guard.ledger.leaf import commitment_leaves
from kehu.guard.ledger.mac import numbers_of
from kehu.guard.ledger.tree import root_of
from kehu.vault.tokens import Hmac

Checked = tuple[int, int, bytes, tuple[str, ...]]  # index, seq, leaf hash as stored, what is wrong with the row

_SINCE_1970: Final = 262_968  # hours until 2000-01-01, from when PostgreSQL counts
# The columns in an order of their own: what differs from row to row first, at fixed places; then what comes again and
# again, read once. The tail keeps the order of the canonical form.
COLUMNS: Final = f"""
e.at + interval '{_SINCE_1970} hours', e.entry, e.actor, e.human, e.mac, e.commitments,
e.department::int8, e.purpose::int8, e.action::int8, e.decision, e.detail, e.subjects::int8, e.jurisdictions, e.reach
"""
_WALK: Final = f"""
copy (select l.index, l.seq, l.hash, {COLUMNS} from ledger_leaf l left join ledger_entry e on e.seq = l.seq order by l.index)
to stdout (format binary)
"""
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"  # then 4 bytes of flags, the length of what follows, and that
_END: Final = b"\xff\xff"
_HEAD: Final = struct.Struct(">2x4xq4xqi32s12x4x16s4x16s4x16s36si")
_LEAF: Final = struct.Struct(">2x4xq4xqi")
_INT4: Final = struct.Struct(">i")
_AT: Final = 2 + 12 + 12 + 36  # where the row itself begins: count of columns, index, seq, hash
_MAC: Final = _AT + 12 + 3 * 20
_NULL: Final = b"\xff\xff\xff\xff"
_32: Final = (32).to_bytes(4, "big")
_NOTHING: Final = bytes(16)
_KEPT: Final = 4_096  # tails remembered: rows of many people differ in how many are under which law

_CHANGED: Final = "the row was changed after it was hashed"
GONE: Final = "the row is gone, its leaf is there"


def stream(connection: Connection[Any]) -> Iterator[bytes]:
    """Every leaf in order with its row, as the server sends it; for :meth:`Reader.read`."""
    with connection.cursor() as cursor, cursor.copy(_WALK) as copy:
        first = bytes(copy.read())
        yield first[len(_SIGNATURE) + 8 + int.from_bytes(first[len(_SIGNATURE) + 4 :][:4], "big") :]
        yield from map(bytes, copy)


class _Tail:
    """What many rows have in common: its canonical bytes, and what stands for it in the MAC."""

    __slots__ = ("canonical", "known", "mac")

    def __init__(self, sent: bytes, asked: Mapping[bytes, bytes]) -> None:
        """Raises ValueError, OverflowError or struct.error where the columns are not what a row has."""
        fields = list(_fields(sent))
        department, purpose, action, decision, detail, _, packs, reach = fields
        as_sent = sum(4 + len(field or b"") for field in fields[:6])
        self.canonical = b"".join((sent[:as_sent], _list(packs), _list(reach), _32))
        numbers = numbers_of(_number(department), None if purpose is None else _number(purpose), _number(action))
        digest = asked.get(decision or b"")
        self.known = digest is not None
        self.mac = b"".join((numbers, detail or _NOTHING, digest or b""))


class Reader:
    """Checks rows of :func:`stream`, each against its leaf, against copies of it and by its MAC."""

    def __init__(self, entry_key: bytes, asked: Mapping[bytes, bytes]) -> None:
        """``asked``: of each decision that is there, the digest of what was asked."""
        self._inner, self._outer = Hmac(entry_key).midstates
        self._asked = asked
        self._tails: dict[bytes, _Tail] = {}
        self._entries = set[bytes]()

    def read(self, rows: Iterable[bytes]) -> Iterator[Checked]:
        """The rows of the stream, checked. Written out at length: each step is done a million times."""
        unpack, short, sha, same = _HEAD.unpack_from, _HEAD.size, hashlib.sha256, hmac.compare_digest
        inner, outer = self._inner.copy, self._outer.copy
        seen, tails = self._entries, self._tails
        for row in rows:
            if len(row) < short:
                if len(row) > len(_END):
                    yield _stunted(row)
                continue
            index, seq, width, stored, entry, actor, human, mac, size = unpack(row)
            after = short + size
            shared = row[after:]
            tail = tails.get(shared) or self._tail(shared)
            if tail is None or width != 32 or size < 0:
                yield index, seq, stored, (_CHANGED,)
                continue
            held = row[short:after]
            root = sha(b"\0" + held).digest() if size == 32 else root_of(commitment_leaves(held))
            faults: tuple[str, ...] = ()
            if sha(b"\0" + row[_AT:_MAC] + tail.canonical + root + mac).digest() != stored:
                faults = (_CHANGED,)
            if entry in seen:
                faults += ("a copy of another row",)
            seen.add(entry)
            inside, outside = inner(), outer()
            inside.update(entry + actor + human + tail.mac)
            outside.update(inside.digest())
            if not tail.known:
                faults += ("its decision is gone",)
            elif not same(outside.digest(), mac[4:]):
                faults += ("forged: its MAC is not ours",)
            yield index, seq, stored, faults

    def _tail(self, sent: bytes) -> _Tail | None:
        try:
            made = _Tail(sent, self._asked)
        except (ValueError, OverflowError, struct.error):
            return None
        if len(self._tails) >= _KEPT:
            self._tails.clear()
        self._tails[sent] = made
        return made


def _stunted(row: bytes) -> Checked:
    """A leaf whose row is not there, or has lost columns that are never null."""
    index, seq, width = _LEAF.unpack_from(row)
    stored = row[_LEAF.size : _LEAF.size + 32] if width == 32 else bytes(32)
    gone = row[_LEAF.size + max(width, 0) :].replace(_NULL, b"") == b""
    return index, seq, stored, (GONE if gone else _CHANGED,)


def _fields(sent: bytes) -> Iterator[bytes | None]:
    at = 0
    while at < len(sent):
        (length,) = _INT4.unpack_from(sent, at)
        at += 4
        yield None if length < 0 else sent[at : at + length]
        at += max(length, 0)
    if at != len(sent):
        raise ValueError("a column cut short")


def _number(sent: bytes | None) -> int:
    if sent is None:
        raise ValueError("a number that is never null")
    return int.from_bytes(sent, "big", signed=True)


def _list(sent: bytes | None) -> bytes:
    """The canonical form of a one-dimensional array of integers: its length, and each as 8 bytes."""
    if sent is None:
        raise ValueError("a list that is never null")
    dimensions, nulls = struct.unpack_from(">ii", sent)
    if dimensions == 0:
        return bytes(4)
    if dimensions != 1 or nulls:
        raise ValueError("a list of integers")
    items = b"".join(_number(item).to_bytes(8, "big", signed=True) for item in _fields(sent[20:]))
    return len(items).to_bytes(4, "big") + items
