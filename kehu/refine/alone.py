"""Work that one process does at a time: a lock that lives as long as the connection of whoever works, so a kill ends it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from django.db import connection


class Alone:
    """One kind of work; ``key``: the number of its lock in the database."""

    def __init__(self, key: int) -> None:
        self._key = key

    def take(self) -> bool:
        """Take the lock; False: somebody else has it."""
        with connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_lock(%s)", [self._key])
            return bool(cursor.fetchone()[0])

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Give it back at the end, whatever happens."""
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s)", [self._key])

    def going_on(self) -> bool:
        """Whether anybody has it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "select exists (select 1 from pg_locks where locktype = 'advisory' and classid = %s and objid = %s"
                " and objsubid = 1 and database = (select oid from pg_database where datname = current_database()))",
                [self._key >> 32, self._key & 0xFFFFFFFF],
            )
            return bool(cursor.fetchone()[0])


MEASURING: Final = Alone(0x6B656875_71756C79)  # "kehuqualy"
SCANNING: Final = Alone(0x6B656875_636C7366)  # "kehuclsf"
