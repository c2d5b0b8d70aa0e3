"""The next batch is prepared while the last one is written: one thread ahead, one batch in hand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Final, TypeVar

from django.db import connections

T = TypeVar("T")
_LOOK: Final = 0.2


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END: Final = object()


def ahead(items: Iterable[T]) -> Generator[T]:
    """Yield what `items` yields, made in a thread that is at most two ahead; its error is raised here.

    Leaving early stops the thread.
    """
    ready: queue.Queue[object] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=_LOOK)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as failed:  # noqa: BLE001  whatever it was, it belongs to whoever iterates
            put(_Failed(failed))
        finally:
            connections.close_all()  # staged and refused rows are opened here, on a connection of this thread

    thread = threading.Thread(target=work, name="import-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item  # type: ignore[misc]  # the queue also carries the two marks above
    finally:
        stop.set()
        thread.join()
