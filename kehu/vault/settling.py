"""The blind index after and during bulk writing.

What is written goes to the index's pending list first, which a search reads from end to end. Putting it in its place
costs a fifth of an import; left to the writing transactions, one of them in a dozen would stop for many seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError
from django.db import connection as django_connection
from psycopg import Connection

_EVERY: Final = 3  # calls: settling more at once takes fewer turns through the index


def settle_index(connection: Connection[Any]) -> None:
    """Put what the index holds pending in its place. Only its owner may, so a function of the owner's does."""
    connection.execute("select settle_record_tokens()")


@contextmanager
def settled_beside() -> Iterator[Callable[[], None]]:
    """Settle in a thread with a connection of its own, at every third call of what this gives; and once at the end."""
    wanted, over, calls = threading.Event(), threading.Event(), 0

    def work() -> None:
        try:
            while True:
                wanted.wait()
                wanted.clear()
                django_connection.ensure_connection()
                settle_index(django_connection.connection)
                if over.is_set():
                    return
        except DatabaseError:
            return  # whoever writes meets the same fault, and says so
        finally:
            django_connection.close()

    def settle() -> None:
        nonlocal calls
        calls += 1
        if calls % _EVERY == 0:
            wanted.set()

    thread = threading.Thread(target=work, name="settle-index", daemon=True)
    thread.start()
    try:
        yield settle
    finally:
        over.set()
        wanted.set()
        thread.join()
