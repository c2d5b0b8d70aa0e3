"""A large file is prepared in a process of its own, beside the one that writes: each has a core to itself.

Batches come over a pipe, in memory only. Should that process end early, whatever the reason, its work goes on here, so
that an error shows where it always shows.
"""

from __future__ import annotations

import dataclasses
import fcntl
import marshal
import multiprocessing
import os
import pickle
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from kehu.collect.imports.ahead import ahead
from kehu.collect.imports.garbage import collected_by_batch
from kehu.collect.imports.prepare import Prepared, Row
from kehu.collect.imports.recipe import FileRecipe
from kehu.collect.models import Staged
from kehu.guard.gate.admit import Draft
from kehu.host import process

WORTH_IT: Final = 4 * 2**20
"""Bytes of a file from which a second process pays: it takes a second to start."""

_WIDE: Final = 2**20  # bytes, what the system allows anybody

Batches = Iterator[tuple[int, Prepared]]
_ROW: Final = tuple(one.name for one in dataclasses.fields(Row) if one.name not in ("draft", "said"))
_DRAFT: Final = tuple(one.name for one in dataclasses.fields(Draft))


@dataclass(frozen=True, slots=True)
class Task:
    """What the other process does: `work(*arguments, skip)` yields batches from number `skip` on. By name, to be sent."""

    work: Callable[..., Batches]
    arguments: tuple[Any, ...]


def worth_it(file: FileRecipe) -> bool:
    """Whether a file is large. An upload is opened by that process itself, which asks the gate for it as this one would."""
    return file.replays is None and (os.cpu_count() or 1) > 1 and _size(file) >= WORTH_IT


def _size(file: FileRecipe) -> int:
    if file.staged is None:
        return Path(file.path or "").stat().st_size
    return Staged.objects.filter(id=file.staged).values_list("size", flat=True).first() or 0


def beside(task: Task, skip: int) -> Generator[tuple[int, Prepared]]:
    """Yield what the task yields, made in a process of its own; leaving early ends that process."""
    context = multiprocessing.get_context("spawn")  # polars' threads do not survive a fork
    receiver, sender = context.Pipe(duplex=False)
    _widen(sender)
    call = pickle.dumps((_send, (task, skip)))
    child = context.Process(target=process.spawned, args=(sender, call), name="import-beside", daemon=True)
    child.start()
    sender.close()
    ended = False
    try:
        # Taken off the pipe by a thread: the other process never waits for this one to have written a batch.
        with closing(ahead(_received(receiver))) as batches, _killed(child):
            for batch in batches:
                if batch is None:
                    ended = True
                    break
                skip = batch[0] + 1
                yield batch
    finally:
        receiver.close()
    if not ended:
        yield from task.work(*task.arguments, skip)


def _widen(pipe: Connection) -> None:
    """Let a pipe hold a good part of a batch: each turn of its reader waits until the writing here lets go of the interpreter."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # of Linux alone
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _WIDE)


@contextmanager
def _killed(child: BaseProcess) -> Iterator[None]:
    """End the child on the way out, which also ends the thread that waits for it."""
    try:
        yield
    finally:
        child.kill()
        child.join()


def _received(receiver: Connection) -> Iterator[tuple[int, Prepared] | None]:
    """Batches as they come, and None where the work is done; nothing more where the other process ended early."""
    with suppress(EOFError, OSError):
        while True:
            packed = pickle.loads(receiver.recv_bytes())  # noqa: S301  our own child's, over a pipe nobody else holds
            yield packed and (packed[0], _unpacked(*packed[1:]))


def _send(sender: Connection, task: Task, skip: int) -> None:
    with suppress(BrokenPipeError), collected_by_batch() as collect:
        for at, prepared in task.work(*task.arguments, skip):
            sender.send((at, *_packed(prepared)))
            collect()
        sender.send(None)


def _packed(prepared: Prepared) -> tuple[Any, ...]:
    """Column by column, what is plain by `marshal`: pickling ten thousand small objects costs as much as making them."""
    rows = prepared.rows
    drafts = [row.draft for row in rows]
    columns = [[getattr(draft, name) for draft in drafts] for name in _DRAFT]
    columns += [[getattr(row, name) for row in rows] for name in _ROW]
    return marshal.dumps(columns), [row.said for row in rows], prepared.refused, prepared.frame


def _unpacked(packed: bytes, said: list[Any], refused: Any, frame: Any) -> Prepared:
    columns = marshal.loads(packed)  # noqa: S302  our own child's, over a pipe nobody else holds
    drafts = map(Draft, *columns[: len(_DRAFT)])
    rest = dict(zip(_ROW, columns[len(_DRAFT) :], strict=True))
    rows = list(map(Row, rest["line"], drafts, said, *[rest[name] for name in _ROW[1:]]))
    return Prepared(rows, refused, frame)
