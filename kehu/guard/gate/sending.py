"""The checked read as it is sent: in one journey with the word that its plan is to be made once and kept.

To plan it takes the database three times as long as to run it, and left to itself the database may plan it anew for each
read: where it takes a plan for one customer to be cheaper than one for any. Both are the same index look-ups. So for this one
transaction the general plan is asked for, and one that never walks through a table, for it is kept while the tables grow from
nothing to millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from psycopg import Connection, Pipeline, RawCursor

from kehu.vault.arrays import UuidArray, UuidArrayDumper

KEEP_THE_PLAN: Final = (
    "select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"
)
"""Said before a statement in its transaction: its plan is made once and kept, and never walks through a table."""


class Sent:
    """A statement on its way: it runs at once, keeps its locks, and is committed when it is finished."""

    __slots__ = ("_cursor", "_pipeline")

    def __init__(self, raw: Connection[Any], statement: str, values: Sequence[Any]) -> None:
        """Send it; the connection is outside a transaction, and nothing else is asked of it until the end.

        Raises:
            psycopg.Error: it could not be sent.
        """
        self._pipeline: AbstractContextManager[Pipeline] = raw.pipeline()
        self._cursor: RawCursor[Any] = RawCursor(raw)
        self._cursor.adapters.register_dumper(UuidArray, UuidArrayDumper)
        self._pipeline.__enter__()
        try:
            RawCursor(raw).execute(KEEP_THE_PLAN)
            self._cursor.execute(statement, values, binary=True)
        except BaseException as failed:
            self._pipeline.__exit__(type(failed), failed, failed.__traceback__)
            raise

    def finish(self) -> list[Any]:
        """Commit, and fetch the rows once the commit is confirmed.

        Raises:
            psycopg.Error: it failed; nothing was recorded.
        """
        self._pipeline.__exit__(None, None, None)  # asks for the commit and waits for its word, not for the rows alone
        return self._cursor.fetchall()
