"""How what is asked most is sent; the checked read in one journey with the word that its plan is to be made once and kept.

To plan it takes the database three times as long as to run it, and left to itself the database may plan it anew for each
read: where it takes a plan for one customer to be cheaper than one for any. Both are the same index look-ups. So for this one
transaction the general plan is asked for, and one that never walks through a table, for it is kept while the tables grow from
nothing to millions.

Spoken with libpq itself, which the driver hands out (``psycopg.pq``): a quarter of the time of a read was spent in what the
driver's own pipeline does around two statements.
"""

from __future__ import annotations

import functools
import itertools
import re
import select
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg import Connection, OperationalError, abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from kehu.vault.arrays import register_arrays

KEEP_THE_PLAN: Final = (
    "select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"
)
"""Said before a statement in its transaction: its plan is made once and kept, and never walks through a table."""
_NAMED: Final = re.compile(r"%\((\w+)\)s")
_GOOD: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_numbers: Final = itertools.count()  # a name is never given twice: what is forgotten here may still be there


@dataclass(slots=True)
class _Known:
    """What a connection knows: the names of statements by their text and the types of their parameters, and who writes and
    reads a statement's values, which takes twice as long where it is found anew each time."""

    names: dict[tuple[str, tuple[int, ...]], bytes] = field(default_factory=dict)
    rows: dict[str, abc.Transformer] = field(default_factory=dict)


_known: Final[WeakKeyDictionary[Connection[Any], _Known]] = WeakKeyDictionary()


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
        known = _known_to(raw)
        self._raw, self._rows = raw, _rows_of(raw, known, statement)
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
                _known_to(self._raw).names.clear()  # after a rollback the driver has all forgotten that was prepared
                once_more = Sent(self._raw, *self._again)
                once_more._again = None
                return once_more.finish()
        return _loaded(self._rows, found[-1])


def at_once(raw: Connection[Any], statement: str, values: Sequence[Any]) -> list[Any]:
    """The rows of one statement by itself, committed when they are here; planned as the database sees fit.

    Args:
        raw: as for :class:`Sent`.
        statement: as for :class:`Sent`.
        values: the parameters.
    Raises:
        psycopg.Error: it failed.
    """
    known, line = _known_to(raw), raw.pgconn
    rows = _rows_of(raw, known, statement)
    told = rows.dump_sequence(values, [PyFormat.AUTO] * len(values))
    for attempt in range(2):
        name = _named(raw, known, statement, tuple(rows.types or ()))
        try:
            # one call, so one wait without Python's lock; it returns what came last: word of a commit that failed, if any
            found = line.exec_prepared(name, told, rows.formats, Format.BINARY)  # type: ignore[arg-type]  # None: null
            if line.status == ConnStatus.BAD:
                raise OperationalError("the connection was lost")
        except BaseException:
            raw.close()
            raise
        if found.status in _GOOD:
            return _loaded(rows, found)
        failed = error_from_result(found)
        if attempt or not isinstance(failed, InvalidSqlStatementName):
            break
        known.names.clear()  # as above
    raise failed


@functools.cache
def numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """A statement whose parameters are named, ``%(so)s``, with numbers in their place; and the names in that order."""
    names = tuple(dict.fromkeys(_NAMED.findall(statement)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names


def _loaded(rows: abc.Transformer, result: PGresult) -> list[Any]:
    rows.set_pgresult(result)
    try:
        return rows.load_rows(0, result.ntuples, tuple)
    finally:
        rows.set_pgresult(None)  # they outlive it


def _known_to(raw: Connection[Any]) -> _Known:
    """What a connection knows; of a new one nothing, and it learns how arrays are written."""
    known = _known.get(raw)
    if known is None:
        register_arrays(raw.adapters)
        known = _known[raw] = _Known()
    return known


def _rows_of(raw: Connection[Any], known: _Known, statement: str) -> abc.Transformer:
    """Who writes and reads a statement's values: without the connection, or that would never be collected."""
    rows = known.rows.get(statement)
    if rows is None:
        rows = known.rows[statement] = Transformer(raw.adapters)
    return rows


def _named(raw: Connection[Any], known: _Known, statement: str, types: tuple[int, ...]) -> bytes:
    """The name under which the connection knows a statement; it is made known where it is not."""
    name = known.names.get((statement, types))
    if name is None:
        name = b"kehu_%d" % next(_numbers)
        made = raw.pgconn.prepare(name, statement.encode(), types)
        if raw.pgconn.status == ConnStatus.BAD:
            raise OperationalError("the connection was lost")
        if made.status not in _GOOD:
            raise error_from_result(made)
        known.names[statement, types] = name
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
