"""A second connection on which the next checked read runs while the rows of the last one are opened."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from django.db import connection as django_connection
from psycopg import Connection

from kehu.guard.gate.sending import Sent


class Ahead:
    """Starts a statement, and later waits for its rows. A context: its connection ends with it.

    A pipeline sends without waiting and needs no thread: one that waited beside would fight for the
    interpreter with what opens, at every piece of the answer. The statement runs at once and keeps its locks; it is
    committed when it is finished. What is never finished is taken back.

    Whoever has started one waits for nobody else's lock before it is finished: the database would not see such a knot.
    """

    def __init__(self) -> None:
        self._django = django_connection.copy()
        self._running: Sent | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            self._raw().close()
        self._django.close()

    def start(self, statement: str, values: Sequence[Any]) -> None:
        """Send a statement.

        Raises:
            psycopg.Error: it could not be sent.
        """
        self._running = Sent(self._raw(), statement, values)

    def finish(self) -> list[Any]:
        """Commit what was started and fetch its rows, once the commit is confirmed.

        Raises:
            psycopg.Error: it failed; nothing was recorded.
        """
        assert self._running is not None
        running, self._running = self._running, None
        return running.finish()

    def _raw(self) -> Connection[Any]:
        self._django.ensure_connection()
        raw: Connection[Any] = self._django.connection
        return raw
