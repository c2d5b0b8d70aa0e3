"""How the database goes about a statement that names its rows one by one.

Left to itself it guesses: of a table that just grew from nothing it knows nothing yet, and of one it knows it may rather
walk through a million rows once more than look up twenty thousand. Both were measured: a question that waits for the first
took minutes, and a linkage of a million walked through its customers forty times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection
from psycopg.pq import TransactionStatus

_WALKS: Final = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")


@contextmanager
def by_index(connection: Connection[Any]) -> Iterator[None]:
    """Within the caller's transaction: statements look their rows up by index, whatever the database knows of the tables.

    For statements whose rows are named by their keys, and whose joins all have an index.
    """
    _let(connection, "off")
    try:
        yield
    finally:
        if connection.info.transaction_status != TransactionStatus.INERROR:  # else it ends with the transaction
            _let(connection, "on")


def _let(connection: Connection[Any], setting: str) -> None:
    connection.execute("select " + ", ".join(f"set_config('{name}', '{setting}', true)" for name in _WALKS))
