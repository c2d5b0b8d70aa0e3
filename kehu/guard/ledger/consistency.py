"""Consistency: that the log of today begins with the log of an older checkpoint (RFC 6962, section 2.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from kehu.guard.ledger.checkpoint import Checkpoint
from kehu.guard.ledger.tiles import TreeReader
from kehu.guard.ledger.tree import consistency_path
from kehu.guard.ledger.verifier import grew


class NoCheckpoint(LookupError):
    """No checkpoint of that size is here; the text names the nearest."""


class LogForked(RuntimeError):
    """The log here does not begin with the one asked about; the text says how."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Size and root of before, its checkpoint where one was signed, the newer checkpoint, and the path between them."""

    old: int
    old_root: bytes
    old_note: str | None
    size: int
    note: str
    path: list[bytes]


def prove_growth(connection: Connection[Any], old: Checkpoint | int, new: int | None = None) -> Growth:
    """Prove that the checkpoint of ``new`` rows (default: the newest) begins with ``old``; a kept one also by its root.

    Raises:
        NoCheckpoint: none of that size.
        LogForked: the log was cut short, or is another one than the kept checkpoint's.
        ValueError: ``old`` is not below ``new``, or 0.
    """
    size, root, note = _head(connection, new)
    before = old if isinstance(old, int) else old.size
    if before > size and not isinstance(old, int) and new is None:
        raise LogForked(f"cut short: the checkpoint given has {before} rows, {size} are here")
    if not 0 < before <= size:
        raise ValueError("OLD: a size from 1 to NEW's")
    reader = TreeReader(connection)
    try:
        old_root, path = reader.subtree(0, before), consistency_path(before, size, reader.subtree)
    except IndexError:
        raise LogForked(f"cut short: the checkpoint has {size} rows, fewer leaves are here") from None
    signed = connection.execute("select root, note from ledger_checkpoint where size = %s", (before,)).fetchone()
    if not isinstance(old, int) and old.root != old_root:
        raise LogForked(f"forked: the first {before} rows here are not those of the checkpoint given")
    if signed is not None and bytes(signed[0]) != old_root:
        raise LogForked(f"forked: the first {before} rows here are not those that were signed")
    if not grew(before, old_root, size, root, path):
        raise LogForked(f"forked: the {size} rows that were signed are not those here")
    return Growth(before, old_root, str(signed[1]) if signed else None, size, note, path)


def _head(connection: Connection[Any], size: int | None) -> tuple[int, bytes, str]:
    row = connection.execute(
        "select size, root, note from ledger_checkpoint where %(size)s::bigint is null or size = %(size)s"
        " order by size desc limit 1",
        {"size": size},
    ).fetchone()
    if row is not None:
        return int(row[0]), bytes(row[1]), str(row[2])
    near = connection.execute(
        "select size from ledger_checkpoint order by abs(size - %s::bigint), size limit 1", (size or 0,)
    ).fetchone()
    raise NoCheckpoint(f"NEW: no checkpoint has that size; the nearest has {near[0]}" if near else "no checkpoint yet")
