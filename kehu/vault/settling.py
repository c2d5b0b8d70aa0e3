"""The blind index after bulk writing."""

from __future__ import annotations

from typing import Any

from psycopg import Connection


def settle_index(connection: Connection[Any]) -> None:
    """Put what the index holds pending in its place, so that the next search need not read it from end to end.

    An import leaves up to 64 MB of it; only the index's owner may do this, so a function of the owner's does.
    """
    connection.execute("select settle_record_tokens()")
