"""Signed tree heads as they are kept: in the database, in the home's file, and wherever somebody put one away."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from psycopg import Connection

from kehu.guard.ledger.checkpoint import CheckpointInvalid, Signer, parse
from kehu.host.home import replace_file, write_file

_SHOWN: Final = 20  # of many checkpoints with one fault
_TAIL: Final = 4_096  # bytes: longer than the lines of signatures of one note
_PORTION: Final = 1_000  # notes looked at together
_SIGNED: Final = "—".encode()
SPARE: Final = """
c.at < clock_timestamp() - interval '30 days' and date_trunc('hour', c.at, 'UTC') =
    (select date_trunc('hour', n.at, 'UTC') from ledger_checkpoint n where n.size > c.size order by n.size limit 1)
"""
"""SQL: a head ``c`` is older than thirty days and not the last of its hour: it may have been dropped, see :mod:`.thinning`."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Roots by size, as signed; where each was found; and what is wrong with the rest, in words."""

    roots: dict[int, dict[bytes, str]]
    faults: tuple[str, ...]


def split_notes(text: str) -> tuple[list[str], str]:
    """The notes of a file of them, and what is left over: a note cut short, or something that is none."""
    notes: list[str] = []
    rest: list[str] = []
    for block in text.split("\n\n"):
        body = block.strip("\n")
        if body.startswith("—") and rest:
            notes.append(f"{rest.pop()}\n\n{body}\n")
        elif body:
            rest.append(body)
    return notes, "\n\n".join(rest)


def last_note(path: Path) -> str | None:
    """The last whole note of a file, of which only the end is read: it grows for as long as the log does."""
    with path.open("rb") as file:
        end = size = file.seek(0, os.SEEK_END)
        length = _TAIL
        while end:
            end = max(0, size - length)
            file.seek(end)
            notes, _ = split_notes(file.read(length).decode("utf-8", "replace"))
            if len(notes) > 1 or (notes and not end):  # the first may be cut where reading began
                return notes[-1]
            length *= 4
    return None


def append_note(path: Path, note: str) -> None:
    """Add a note to the file, on disk when this returns; one that a crash cut short is taken out first."""
    with path.open("a+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _TAIL))
        tail = file.read()
    if tail and not (tail.endswith(b"\n\n") and tail.rstrip(b"\n").rpartition(b"\n\n")[2].startswith("—".encode())):
        whole, _ = split_notes(path.read_bytes().decode("utf-8", "replace"))
        write_file(path, "".join(one + "\n" for one in whole).encode())
    with path.open("ab") as file:
        file.write(f"{note}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def leave_out(path: Path, spare: Callable[[Sequence[str]], Collection[str]]) -> int:
    """Write the file anew without those of its notes, many at once, that are spare; returns how many went.

    What is no note stays as it is. Whoever calls it keeps others from adding notes meanwhile.
    """
    fresh, left = path.with_name(f".{path.name}.{os.getpid()}"), 0
    try:
        with path.open("rb") as file, fresh.open("wb") as out:
            fresh.chmod(0o600)
            parts = _parts(file)
            while portion := list(islice(parts, _PORTION)):
                notes = {
                    part: part.decode("utf-8", "replace").removesuffix("\n") for part in portion if _SIGNED in part
                }
                gone = spare(list(notes.values()))
                kept = [part for part in portion if notes.get(part) not in gone]
                left += len(portion) - len(kept)
                out.writelines(kept)
            out.flush()
            os.fsync(out.fileno())
        if left:
            replace_file(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return left


def _parts(file: BinaryIO) -> Iterator[bytes]:
    """The notes of a file as they stand in it, and what stands between them."""
    text, part = b"", b""
    for line in file:
        part += line
        if line != b"\n":
            continue
        if part.startswith(_SIGNED):
            yield text + part
            text = b""
        else:
            if text:
                yield text
            text = part
        part = b""
    if text or part:
        yield text + part


def gather(connection: Connection[Any], signer: Signer, home_file: Path | None, against: str | None) -> Heads:
    """Every head there is: of the database, of the home's file, and those in ``against``, which the caller kept."""
    roots: dict[int, dict[bytes, str]] = {}
    faults: list[str] = []
    signed_notes: dict[str, tuple[int, bytes]] = {}  # a note is in several places, and its signature checked once

    def take(note: str, where: str) -> tuple[int, bytes] | None:
        found = signed_notes.get(note)
        if found is None:
            try:
                read = parse(note, origin=signer.origin, public=signer.public)
            except CheckpointInvalid:
                faults.append(f"a checkpoint {where} is not signed by this log")
                return None
            found = signed_notes[note] = read.size, read.root
        size, root = found
        places = roots.setdefault(size, {})
        known = places.get(root)
        places[root] = where if known is None or known == where else f"{known} and {where}"
        return found

    ours = set[str]()
    heads = f"select c.size, c.root, c.note, coalesce({SPARE}, false) from ledger_checkpoint c order by c.size"
    for size, root, note, is_spare in connection.execute(heads):
        signed = take(note, "in the database")
        if signed is not None and signed != (size, bytes(root)):
            faults.append(f"the checkpoint of {size} rows in the database says otherwise than its signed note")
        if signed is not None and not is_spare:  # as an older copy of the database has it
            ours.add(note)
    if home_file is not None:
        notes, rest = split_notes(home_file.read_text(encoding="utf-8", errors="replace") if home_file.exists() else "")
        for note in notes:
            take(note, "in the home")
        missing = sorted(int(note.split("\n")[1]) for note in ours - set(notes))
        faults += [f"the checkpoint of {size} rows is gone from the home's file" for size in missing[:_SHOWN]]
        if len(missing) > _SHOWN:
            faults.append(f"{len(missing) - _SHOWN} more checkpoints are gone from the home's file")
        if rest:
            faults.append("the home's file of checkpoints is cut within one, or holds something else")
    if against is not None:
        given, other = split_notes(against)
        for note in given:
            take(note, "given")
        if other or not given:
            faults.append("a checkpoint given is not signed by this log")
    return Heads(roots, tuple(faults))
