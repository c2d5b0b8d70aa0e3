"""Signed heads grow fewer with age: of those older than thirty days the last of each hour stays.

One is signed every five seconds in which something was written, up to 17,280 a day, and each verification checks them all. A
later head commits to every row before it, so that one which the tree here bears out says nothing that the tree does not:
such alone is dropped, from the database and the home's file (docs/decisions/0050). One that it does not bear out is what a
verification is there to find, and stays whatever its age. Age and hour are looked at by the database, too (migration 0030).

The database loses a head before the file does, for one that only the database has was taken out of the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from kehu.guard.ledger.checkpoint import CheckpointInvalid, Signer, parse
from kehu.guard.ledger.heads import SPARE, leave_out
from kehu.guard.ledger.sequencer import LOCK
from kehu.guard.ledger.tiles import TreeReader

MOST: Final = 100_000
"""Heads of one night: a minute of one core."""
_PORTION: Final = 500
_OLD: Final = f"""
select c.size, c.note from ledger_checkpoint c where c.size > %(after)s and {SPARE} order by c.size limit {_PORTION}
"""
_LAST: Final = (
    "select coalesce(max(c.size), 0) from ledger_checkpoint c where c.at < clock_timestamp() - interval '30 days'"
)


def thin(connection: Connection[Any], signer: Signer, file: Path, *, most: int = MOST) -> int:
    """Drop heads that are old, not the last of their hour, and borne out by the tree; returns how many the database lost.

    ``connection`` is the sequencer's role on its own; ``file``: the home's. Safe to stop at any moment and to run again.
    """
    gone, after = set[str](), 0  # that of no row is nobody's to bear out, and stays
    while len(gone) < most:
        rows = connection.execute(_OLD, {"after": after}).fetchall()
        if not rows:
            break
        after = rows[-1][0]
        spare = _borne_out(connection, signer, rows)
        connection.execute("delete from ledger_checkpoint where size = any (%s)", ([size for size, _ in spare],))
        gone.update(note for _, note in spare)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))  # nothing is added to the file meanwhile
        [last] = connection.execute(_LAST).fetchone() or (0,)
        leave_out(file, lambda notes: gone.intersection(notes) | _left_over(connection, signer, notes, gone, last))
    return len(gone)


def _left_over(
    connection: Connection[Any], signer: Signer, notes: Iterable[str], gone: set[str], last: int
) -> set[str]:
    """Of notes in the file those that the database dropped before, when something broke off between the two."""
    old = [(size, note) for note in notes if note not in gone and 0 < (size := _size_of(note)) < last]
    sizes = [size for size, _ in old]
    rows = connection.execute("select size from ledger_checkpoint where size = any (%s)", (sizes,)).fetchall()
    held = {row[0] for row in rows}
    return {note for _, note in _borne_out(connection, signer, [one for one in old if one[0] not in held])}


def _size_of(note: str) -> int:
    """The number of rows that a note says; 0: none that the database could hold."""
    lines = note.split("\n")
    said = lines[1] if len(lines) > 1 else ""
    return int(said) if said.isdecimal() and len(said) < len(str(2**63)) else 0


def _borne_out(connection: Connection[Any], signer: Signer, heads: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those of heads, each a size and a note, that we signed and whose root the tree here has at that size."""
    tree, found = TreeReader(connection), list[tuple[int, str]]()
    for size, note in heads:
        try:
            said = parse(note, origin=signer.origin, public=signer.public)
            if said.size == size and tree.subtree(0, size) == said.root:
                found.append((size, note))
        except (CheckpointInvalid, IndexError):
            continue
    return found
