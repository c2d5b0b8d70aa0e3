"""The checked read as it is sent: in one journey with the word that its plan is to be made once and kept.

To plan it takes the database three times as long as to run it, and left to itself the database may plan it anew for each
read: where it takes a plan for one customer to be cheaper than one for any. Both are the same index look-ups. So for this one
transaction the general plan is asked for, and one that never walks through a table, for it is kept while the tables grow from
nothing to millions.

Spoken with libpq itself, which the driver hands out (``psycopg.pq``): a quarter of the time of a read was spent in what the
driver's own pipeline does around two statements.
"""

from __future__ import annotations

import itertools
import select
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg import Connection, OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from kehu.vault.arrays import UuidArray, UuidArrayDumper

KEEP_THE_PLAN: Final = (
    "select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"
)
"""Said before a statement in its transaction: its plan is made once and kept, and never walks through a table."""
_GOOD: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_Prepared = dict[tuple[str, tuple[int, ...]], bytes]
# by connection: the names of statements that it knows, by their text and the types of their parameters
_numbers: Final = itertools.count()  # a name is never given twice: what is forgotten here may still be there
_known: Final[WeakKeyDictionary[Connection[Any], _Prepared]] = WeakKeyDictionary()


class Sent:
    """A statement on its way: it runs at once, keeps its locks, and is committed when it is finished."""

    __slots__ = ("_again", "_raw", "_rows")

    def __init__(self, raw: Connection[Any], statement: str, values: Sequence[Any]) -> None:
        """Send it; the connection is outside a transaction, and nothing else is asked of it until the end.

        Args:
            raw: where to.
            statement: its parameters are numbered, ``$1`` and so on.
            values: the parameters.
        Raises:
            psycopg.Error: it could not be sent.
        """
        known = _known.get(raw)
        if known is None:
            raw.adapters.register_dumper(UuidArray, UuidArrayDumper)
            known = _known[raw] = {}
        self._raw, self._rows = raw, Transformer(raw)
        self._again: tuple[str, Sequence[Any]] | None = (statement, values)
        told = self._rows.dump_sequence(values, [PyFormat.AUTO] * len(values))
        word = _named(raw, known, KEEP_THE_PLAN, ())
        name = _named(raw, known, statement, tuple(self._rows.types or ()))
        line = raw.pgconn
        try:
            line.enter_pipeline_mode()
            line.send_query_prepared(word, None)
            line.send_query_prepared(name, told, self._rows.formats, Format.BINARY)
            _flush(line)
        except BaseException:
            raw.close()
            raise

    def finish(self) -> list[Any]:
        """Commit, and fetch the rows once the commit is confirmed.

        Raises:
            psycopg.Error: it failed; nothing was recorded.
        """
        line, found = self._raw.pgconn, list[PGresult]()
        try:
            line.pipeline_sync()  # asks for the commit, and its word comes last
            _flush(line)
            while (result := _next(line)) is None or result.status != ExecStatus.PIPELINE_SYNC:
                if result is not None:
                    found.append(result)
                elif line.status == ConnStatus.BAD:
                    raise OperationalError("the connection was lost")
            line.exit_pipeline_mode()
        except BaseException:
            self._raw.close()  # whoever comes next would read the rest of this
            raise
        for result in found:
            if result.status not in _GOOD:
                failed = error_from_result(result)
                if self._again is None or not isinstance(failed, InvalidSqlStatementName):
                    raise failed
                _known.pop(self._raw, None)  # after a rollback the driver has all forgotten that was prepared
                once_more = Sent(self._raw, *self._again)
                once_more._again = None
                return once_more.finish()
        rows = self._rows
        rows.set_pgresult(found[-1])
        return rows.load_rows(0, found[-1].ntuples, tuple)


def _named(raw: Connection[Any], known: _Prepared, statement: str, types: tuple[int, ...]) -> bytes:
    """The name under which the connection knows a statement; it is made known where it is not."""
    name = known.get((statement, types))
    if name is None:
        name = b"kehu_%d" % next(_numbers)
        made = raw.pgconn.prepare(name, statement.encode(), types)
        if made.status not in _GOOD:
            raise error_from_result(made)
        known[statement, types] = name
    return name


def _flush(line: PGconn) -> None:
    """Hand all of it to the system, taking in meanwhile what comes: else both sides might wait for each other."""
    while line.flush():
        [(_, ready)] = _poll(line, select.POLLIN | select.POLLOUT)
        if ready & ~select.POLLOUT:
            line.consume_input()


def _next(line: PGconn) -> PGresult | None:
    """The next result, or None behind the last of a statement."""
    while line.is_busy():
        _poll(line, select.POLLIN)
        line.consume_input()
    return line.get_result()


def _poll(line: PGconn, what: int) -> list[tuple[int, int]]:
    waiting = select.poll()
    waiting.register(line.socket, what)
    return waiting.poll()
