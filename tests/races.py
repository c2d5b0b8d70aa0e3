"""Two at once: work on a thread and a connection of its own, and a look at whether it waits for this one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.db import connection, connections


def beside(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Work on a thread and a connection of its own; what goes wrong there is kept."""
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failed:  # noqa: BLE001 (told by the test itself)
            wrong.append(failed)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, wrong


def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes within five seconds.

    Raises:
        AssertionError: it did not.
    """
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("never came")


def somebody_waits(for_what: str = "transactionid") -> bool:
    """Whether another connection waits for a row, or for the lock of that type."""
    with connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from pg_locks where locktype = %s and not granted)", [for_what])
        return bool(cursor.fetchone()[0])
