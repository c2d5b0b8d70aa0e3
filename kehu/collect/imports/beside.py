"""A large file is prepared in a process of its own, beside the one that writes: each has a core to itself.

Batches come over a pipe, in memory only. Should that process end early, whatever the reason, its work goes on here, so
that an error shows where it always shows.
"""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import os
import pickle
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from kehu.collect.imports.prepare import Prepared, Row
from kehu.collect.imports.recipe import FileRecipe
from kehu.guard.gate.admit import Draft
from kehu.host import process

WORTH_IT: Final = 4 * 2**20
"""Bytes of a file from which a second process pays: it takes a second to start."""

Batches = Iterator[tuple[int, Prepared]]
_ROW: Final = tuple(one.name for one in dataclasses.fields(Row) if one.name != "draft")
_DRAFT: Final = tuple(one.name for one in dataclasses.fields(Draft))


@dataclass(frozen=True, slots=True)
class Task:
    """What the other process does: `work(*arguments, skip)` yields batches from number `skip` on. By name, to be sent."""

    work: Callable[..., Batches]
    arguments: tuple[Any, ...]


def worth_it(file: FileRecipe) -> bool:
    """Whether a file lies on disk and is large; what waits sealed is opened by the process that asked the gate."""
    if file.path is None or file.replays is not None:
        return False
    return Path(file.path).stat().st_size >= WORTH_IT and (os.cpu_count() or 1) > 1


def beside(task: Task, skip: int) -> Generator[tuple[int, Prepared]]:
    """Yield what the task yields, made in a process of its own; leaving early ends that process."""
    context = multiprocessing.get_context("spawn")  # polars' threads do not survive a fork
    receiver, sender = context.Pipe(duplex=False)
    call = pickle.dumps((_send, (task, skip)))
    child = context.Process(target=process.spawned, args=(sender, call), name="import-beside", daemon=True)
    child.start()
    sender.close()
    try:
        with suppress(EOFError, OSError):
            while (packed := receiver.recv()) is not None:
                at, prepared = packed[0], _unpacked(*packed[1:])
                skip = at + 1
                yield at, prepared
            return
        yield from task.work(*task.arguments, skip)
    finally:
        receiver.close()
        child.kill()
        child.join()


def _send(sender: Connection, task: Task, skip: int) -> None:
    gc.set_threshold(1_000_000)  # rows are many small objects without cycles
    with suppress(BrokenPipeError):
        for at, prepared in task.work(*task.arguments, skip):
            sender.send((at, *_packed(prepared)))
        sender.send(None)


def _packed(prepared: Prepared) -> tuple[Any, ...]:
    """As plain tuples: pickling ten thousand small objects would cost as much as making them."""
    rows = [
        (tuple([getattr(row, name) for name in _ROW]), tuple([getattr(row.draft, name) for name in _DRAFT]))
        for row in prepared.rows
    ]
    return rows, prepared.refused, prepared.frame


def _unpacked(rows: list[tuple[tuple[Any, ...], tuple[Any, ...]]], refused: Any, frame: Any) -> Prepared:
    made = [
        Row(draft=Draft(**dict(zip(_DRAFT, draft, strict=True))), **dict(zip(_ROW, row, strict=True)))
        for row, draft in rows
    ]
    return Prepared(made, refused, frame)
