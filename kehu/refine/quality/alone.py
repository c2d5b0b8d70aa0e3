"""One measuring at a time: a lock that lives as long as the connection of whoever measures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from django.db import connection

_KEY: Final = 0x6B656875_71756C79  # "kehuqualy"


def take() -> bool:
    """Take the lock; False: somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [_KEY])
        return bool(cursor.fetchone()[0])


@contextlib.contextmanager
def released() -> Iterator[None]:
    """Give it back at the end, whatever happens."""
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(%s)", [_KEY])


def going_on() -> bool:
    """Whether anybody has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from pg_locks where locktype = 'advisory' and classid = %s and objid = %s"
            " and objsubid = 1 and database = (select oid from pg_database where datname = current_database()))",
            [_KEY >> 32, _KEY & 0xFFFFFFFF],
        )
        return bool(cursor.fetchone()[0])
