"""Witnesses: folders and services elsewhere that are shown each checkpoint, so that a log cut short is found out.

``KEHU_WITNESSES`` names them, parted by spaces: an absolute folder (a share, a stick), or the address of a C2SP
tlog-witness, which signs what it saw; after ``#`` its key (``name+hash+base64``), then its signature is checked and
kept. Each has a thread and a connection of its own: the sequencer never waits for one. A checkpoint holds a name, a
size, a hash and signatures, nothing of a person.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import Connection

from kehu.guard.ledger import verifier
from kehu.guard.ledger.consistency import LogForked, prove_growth
from kehu.guard.ledger.heads import append_note, last_note
from kehu.guard.ledger.tiles import TreeReader
from kehu.host.home import Home, write_file

SETTING: Final = "KEHU_WITNESSES"
_TIMEOUT: Final = 10.0  # seconds an HTTP witness may take
_ANSWER: Final = 65_536  # bytes of it that are read
_BATCH: Final = 1_000  # notes handed to a folder at once
_LOOK: Final = 1.0  # seconds between looks for a new checkpoint
_LONGEST: Final = 300.0  # seconds between attempts at one that does not take it
_log = logging.getLogger("kehu.ledger")


class NotTaken(Exception):
    """A witness did not take a checkpoint; ``why`` is a word of ours.

    ``absent`` (no folder), ``unreachable``, ``unknown`` (it does not know this log), ``answer`` (it answered otherwise
    than the protocol), ``cosignature`` (not signed with its key), ``error`` (what nobody foresaw: the process's log names
    it); and where the log itself is in doubt: ``ahead`` (it saw more rows than are here) and ``forked`` (what it saw is
    not the beginning of what is here).
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


DOUBTS: Final = ("ahead", "forked")


@dataclass(frozen=True, slots=True)
class Witness:
    """One of them: a folder or an address, and its key."""

    place: str
    key: verifier.Key | None = None

    @property
    def is_folder(self) -> bool:
        """A folder, else an HTTP service."""
        return self.place.startswith("/")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a witness is: the size it has, since when, and what is wrong since when. ``note``: as it cosigned it."""

    place: str
    size: int = 0
    at: str | None = None
    failing_since: str | None = None
    why: str | None = None
    note: str | None = None


def configured(environment: Mapping[str, str] = os.environ) -> list[Witness]:
    """The witnesses of the setting.

    Raises:
        ValueError: one is neither an absolute folder nor an http(s) address, or its key is none.
    """
    found = []
    for text in environment.get(SETTING, "").split():
        place, _, key = text.partition("#")
        if place.startswith("file:"):
            place = unquote(urlsplit(place).path)
        if not place.startswith("/") and not _can_be_asked(place):
            raise ValueError(f"{SETTING}: an absolute folder or an http(s) address")
        try:
            made = verifier.key_of(key) if key else None
        except verifier.Wrong:
            raise ValueError(f"{SETTING}: after # stands the witness's key, name+hash+base64") from None
        if made is not None and made.kind != 4:
            raise ValueError(f"{SETTING}: the key is none that cosigns")
        found.append(Witness(place.rstrip("/") or "/", made))
    return found


def _can_be_asked(place: str) -> bool:
    """Whether it is an address that a request can be made of: host, port and path such as they have to be."""
    try:
        parts = urlsplit(place)
        (parts.hostname or "").encode("idna")
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path.isascii()


def standings(home: Home) -> list[Standing]:
    """How far each configured witness is, as last written by its thread."""
    return [_read(home, witness) for witness in configured()]


def cosigned(home: Home, note: str) -> str:
    """A checkpoint with the signatures of the witnesses that have signed just it."""
    text = note.partition("\n\n")[0]
    lines = note.rstrip("\n").split("\n\n")[1].split("\n")
    for standing in standings(home):
        if standing.note is not None and standing.note.partition("\n\n")[0] == text:
            lines += [line for line in standing.note.rstrip("\n").split("\n\n")[1].split("\n") if line not in lines]
    return f"{text}\n\n" + "\n".join(lines) + "\n"


class Handing(threading.Thread):
    """Hands one witness every new checkpoint, and tries again with patience where it does not take it."""

    def __init__(self, home: Home, witness: Witness, connect: Callable[[], Connection[Any]]) -> None:
        super().__init__(name="witness", daemon=True)  # a hung share must not hold up the end of the process
        self._home, self._witness, self._connect = home, witness, connect
        self._stop_told = threading.Event()

    def tell_to_stop(self) -> None:
        """End soon; one that waits for its witness ends with the process."""
        self._stop_told.set()

    def run(self) -> None:
        """Until told to stop."""
        pause = _LOOK
        while not self._stop_told.is_set():
            try:
                with self._connect() as connection:
                    while not self._stop_told.is_set():
                        taken = hand_over(self._home, self._witness, connection)
                        pause = _LOOK if taken else min(pause * 2, _LONGEST)
                        self._stop_told.wait(pause)
            except psycopg.Error as failed:
                _log.warning("ledger.witness.database", {"error": type(failed).__name__})
                self._stop_told.wait(_LOOK)
            except Exception as failed:  # noqa: BLE001  (the state could not be written, or whatever: the next try is in five minutes)
                _log.warning("ledger.witness.state", {"error": type(failed).__name__})
                self._stop_told.wait(_LONGEST)


def hand_over(home: Home, witness: Witness, connection: Connection[Any]) -> bool:
    """Bring a witness up to the newest checkpoint; False where it did not take it. Its standing is written down."""
    before = _read(home, witness)
    head = connection.execute("select size, note from ledger_checkpoint order by size desc limit 1").fetchone()
    if head is None or (head[0] == before.size and before.why is None):
        return True
    try:
        if witness.is_folder:
            size, note = _to_folder(witness, connection), None
        else:
            size, note = _to_service(witness, connection, before.size, int(head[0]), str(head[1]))
    except psycopg.Error:  # ours, not theirs
        raise
    except Exception as failed:  # noqa: BLE001  (whatever a server or a share does: it is tried again, and the doctor tells)
        _not_taken(home, before, failed)
        return False
    _write(home, Standing(witness.place, size, _now(), note=note))
    return True


def _not_taken(home: Home, before: Standing, failed: Exception) -> None:
    why = failed.why if isinstance(failed, NotTaken) else "error"
    if before.why != why:
        _log.warning("ledger.witness.not-taken", {"why": why, "error": type(failed).__name__})
    _write(home, replace(before, why=why, failing_since=before.failing_since if before.why else _now()))


def _to_folder(witness: Witness, connection: Connection[Any]) -> int:
    """Append every checkpoint that the folder's file does not have; returns the size it has now."""
    origin = connection.execute("select split_part(note, chr(10), 1) from ledger_checkpoint limit 1").fetchone()
    assert origin is not None
    file = Path(witness.place) / f"{origin[0].replace('/', '-')}.checkpoints"
    try:
        if not file.parent.is_dir():
            raise NotTaken("absent")
        size = _held_by(file, connection)
        while True:
            notes = connection.execute(
                f"select size, note from ledger_checkpoint where size > %s order by size limit {_BATCH}", (size,)
            ).fetchall()
            for made, note in notes:
                append_note(file, note)
                size = made
            if len(notes) < _BATCH:
                return size
    except OSError:
        raise NotTaken("unreachable") from None


def _held_by(file: Path, connection: Connection[Any]) -> int:
    """The size of the file's last checkpoint, which must be one of ours, or the tree's here at that size; -1 where it has none."""
    last = last_note(file) if file.exists() else None
    if last is None:
        return -1
    size = last.split("\n")[1]
    ours, newest = connection.execute(
        "select (select note from ledger_checkpoint where size::text = %s), max(size) from ledger_checkpoint", (size,)
    ).fetchone() or (None, -1)
    if ours == last or (
        ours is None and size.isdecimal() and 0 < int(size[:20]) <= newest and _is_ours(last, connection)
    ):
        return int(size)
    raise NotTaken("ahead" if size.isdecimal() and int(size[:20]) > newest else "forked")


def _is_ours(note: str, connection: Connection[Any]) -> bool:
    """Whether the tree begins as a checkpoint says that is held here no longer (:mod:`kehu.guard.ledger.thinning`)."""
    try:
        head = verifier.head_of(note)
        return TreeReader(connection).subtree(0, head.size) == head.root
    except (verifier.Wrong, IndexError):
        return False


def _to_service(
    witness: Witness, connection: Connection[Any], known: int, size: int, note: str
) -> tuple[int, str | None]:
    """C2SP tlog-witness ``add-checkpoint``; returns the size it has now, and the note as it cosigned it."""
    if known > size:
        raise NotTaken("ahead")
    for _ in range(2):  # it may know another size than we remember, and says which
        status, kind, body = _post(witness, _request(connection, known, size, note))
        if status != http.client.CONFLICT or kind != "text/x.tlog.size":
            break
        text = body.decode("ascii", "replace").strip()
        known = int(text[:20]) if text.isdigit() else 0
        if known > size:
            raise NotTaken("ahead")
    if status in (http.client.UNPROCESSABLE_ENTITY, http.client.CONFLICT):
        raise NotTaken("forked")
    if status in (http.client.NOT_FOUND, http.client.FORBIDDEN):
        raise NotTaken("unknown")
    if status != http.client.OK:
        raise NotTaken("answer")
    return size, _with_signatures(witness, note, body)


def _request(connection: Connection[Any], known: int, size: int, note: str) -> bytes:
    try:
        path = prove_growth(connection, known, size).path if known else []
    except LogForked:
        raise NotTaken("forked") from None
    lines = [f"old {known}", *(base64.b64encode(node).decode() for node in path), "", note]
    return "\n".join(lines).encode()


def _post(witness: Witness, body: bytes) -> tuple[int, str, bytes]:
    parts = urlsplit(witness.place)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    assert parts.hostname is not None
    line = kind(parts.hostname, parts.port, timeout=_TIMEOUT)
    try:
        line.request("POST", f"{parts.path}/add-checkpoint", body, {"Content-Type": "text/plain; charset=utf-8"})
        answer = line.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read(_ANSWER)
    except (OSError, http.client.HTTPException):
        raise NotTaken("unreachable") from None
    finally:
        line.close()


def _with_signatures(witness: Witness, note: str, body: bytes) -> str | None:
    if witness.key is None:
        return None
    try:
        signed = note + body.decode("utf-8").rstrip("\n") + "\n"
        head = verifier.head_of(signed)
    except (UnicodeDecodeError, verifier.Wrong):
        raise NotTaken("answer") from None
    if verifier.cosigned_at(head, witness.key) is None:
        raise NotTaken("cosignature")
    return signed


def _file(home: Home, witness: Witness) -> Path:
    name = base64.b32encode(hashlib.sha256(witness.place.encode()).digest()[:10]).decode().lower()
    return home / "run" / f"witness-{name}.json"


def _read(home: Home, witness: Witness) -> Standing:
    try:
        return Standing(**json.loads(_file(home, witness).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Standing(witness.place)


def _write(home: Home, standing: Standing) -> None:
    write_file(_file(home, Witness(standing.place)), json.dumps(asdict(standing)).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def handing(home: Home, connect: Callable[[], Connection[Any]]) -> Iterator[None]:
    """Hand checkpoints over for as long as this lasts; a setting that is wrong stops no sequencer."""
    try:
        threads = [Handing(home, witness, connect) for witness in configured()]
    except ValueError:
        _log.error("ledger.witness.setting")
        threads = []
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.tell_to_stop()
