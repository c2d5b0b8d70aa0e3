"""Rows of any SQL database: read once, in a transaction that may change nothing, into a sealed upload that is imported as any.

The address holds a password, so it comes from a file that its owner alone may read, and appears in no message, log or ledger. Of a
driver's errors only their kind is told: their words quote addresses, statements and values.
"""

from __future__ import annotations

import math
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
import sqlalchemy as sa
from django.db import connection as django_connection
from django.db import transaction
from psycopg.abc import Buffer
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from kehu.collect.imports.staging import stage
from kehu.collect.models import ReadUpTo
from kehu.collect.readers import UnreadableSource
from kehu.collect.readers.rows import unique_columns, whole_number
from kehu.guard.aside import forget_aside, open_aside, seal_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.installation import installation
from kehu.vault.ids import new_id

_AT_ONCE: Final = 1_000  # rows that lie in memory
_CONNECT_SECONDS: Final = 15
_KINDS: Final = (int, str, Decimal, float, datetime, date, UUID)
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": int, "str": str, "Decimal": Decimal, "float": float, "datetime": datetime.fromisoformat,
    "date": date.fromisoformat, "UUID": UUID,
}  # fmt: skip
# what a driver calls itself, to a statement that lets its transaction change nothing
_READ_ONLY: Final = dict.fromkeys(("mysql", "mariadb", "oracle"), "set transaction read only")
_OURS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read: a table (``schema.name`` too) or a query; ``cursor``: the column by which it goes on next time."""

    url_file: Path
    table: str | None = None
    query: str | None = field(default=None, repr=False)
    cursor: str | None = None
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was read: the upload it lies in (None: no row), how many rows, and how far."""

    staged: UUID | None
    rows: int
    mark: bytes
    up_to: Any = field(repr=False)


def read_database(wanted: Wanted, *, channel: str, actor: Actor) -> Found:
    """Read rows into a sealed upload, a thousand in memory at a time; with a cursor, those from where the last import ended on.

    Rows that have the last value once more are read again, for others may have got it since; an import knows them again.

    Raises:
        ActRefused: the role may not import.
        UnreadableSource: the address, the driver, the table, the query or the cursor; the message quotes none of them.
        UploadTooLarge: more than an upload may hold.
    """
    url = _url_of(wanted.url_file)
    mark = _mark_of(url, wanted, channel)
    since = None if wanted.from_start or wanted.cursor is None else _position(mark, actor)
    progress = _Progress()
    with _rows(url, wanted, since) as rows:
        lines = progress.lines(rows, wanted.cursor)
        first = next(lines, None)
        if first is None:
            return Found(None, 0, mark, None)
        staged = stage(_joined(first, lines), name="database", actor=actor)
    return Found(staged, progress.rows, mark, progress.last)


def note_position(found: Found, *, actor: Actor) -> None:
    """Go on from there next time; said once the import of what was found is done."""
    if found.up_to is None:
        return
    id = new_id()
    with transaction.atomic(), django_connection.cursor() as cursor:
        # where nothing was noted yet there is no row to wait for: whoever has read the same meanwhile comes first
        cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(found.mark[:8], "big", signed=True)])
        for before in ReadUpTo.objects.select_for_update().filter(mark=found.mark):
            forget_aside(django_connection.connection, [before.id])
            before.delete()
        [sealed] = seal_aside(django_connection.connection, [(id, orjson.dumps(_packed(found.up_to)))])
        ReadUpTo.objects.create(id=id, mark=found.mark, sealed=sealed, staff=actor.staff)


def _position(mark: bytes, actor: Actor) -> Any:
    held = ReadUpTo.objects.filter(mark=mark).first()
    if held is None:
        return None
    opened = open_aside({held.id: bytes(held.sealed)}, actor=actor, act="collect", detail=None)
    return _unpacked(orjson.loads(opened[held.id])) if held.id in opened else None


class _Progress:
    """Rows as they go by: how many, and the last value of the cursor."""

    def __init__(self) -> None:
        self.rows = 0
        self.last: Any = None

    def lines(self, found: sa.CursorResult[Any], cursor: str | None) -> Iterator[bytes]:
        """Each row as a line of JSON whose values are texts."""
        names = list(found.keys())
        columns = unique_columns(names)
        place = names.index(cursor) if cursor is not None and cursor in names else None
        if cursor is not None and place is None:
            raise UnreadableSource("bad_cursor", "the cursor is no column of what is read", "Name one with --cursor.")
        for row in found:
            self.rows += 1
            if place is not None and row[place] is not None:
                if not isinstance(row[place], _KINDS):
                    raise UnreadableSource(
                        "bad_cursor", "the cursor's values have no order", "Name another with --cursor."
                    )
                if not _endless(row[place]):
                    self.last = row[place]
            yield orjson.dumps({name: _text(value) for name, value in zip(columns, row, strict=True)}) + b"\n"


def _endless(value: Any) -> bool:
    """No number, or a number or day without an end: databases put it after all others, and from there nothing would be new."""
    return isinstance(value, _Beyond) or (isinstance(value, (float, Decimal)) and not math.isfinite(value))


class _Beyond(str):
    """A day that PostgreSQL has and Python has not, as PostgreSQL writes it: ``infinity``, or one before Christ."""

    __slots__ = ()


def _day_of(load: Callable[[Buffer], Any], data: Buffer) -> Any:
    try:
        return load(data)
    except psycopg.Error:
        return _Beyond(bytes(data).decode("utf-8", "replace"))


class _Day(DateLoader):
    def load(self, data: Buffer) -> Any:
        return _day_of(super().load, data)


class _Moment(TimestampLoader):
    def load(self, data: Buffer) -> Any:
        return _day_of(super().load, data)


class _MomentSomewhere(TimestamptzLoader):
    def load(self, data: Buffer) -> Any:
        return _day_of(super().load, data)


def _with_every_day(connection: psycopg.Connection[Any], _: Any) -> None:
    for name, loader in (("date", _Day), ("timestamp", _Moment), ("timestamptz", _MomentSomewhere)):
        connection.adapters.register_loader(name, loader)


@contextmanager
def _rows(url: sa.URL, wanted: Wanted, since: Any) -> Iterator[sa.CursorResult[Any]]:
    engine = _engine(url)
    try:
        with _told("no_connection", "the database cannot be reached, or does not let this account in"):
            connection = engine.connect()
        with connection:
            with _told("bad_query", "the table, query or cursor is not one of this database"):
                found = _asked(connection, wanted, since)
            with _told("bad_query", "the database broke off while it was read"), found:
                yield found
            connection.rollback()
    finally:
        engine.dispose()


def _asked(connection: sa.Connection, wanted: Wanted, since: Any) -> sa.CursorResult[Any]:
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    elif dialect in _READ_ONLY:
        connection.exec_driver_sql(_READ_ONLY[dialect])
    elif dialect != "sqlite" and wanted.query is not None:
        raise UnreadableSource(
            "no_query", "this kind of database cannot be kept from changing", "Name a table instead."
        )
    statement = sa.select(sa.text("*")).select_from(_from(wanted))
    if wanted.cursor is not None:
        column: sa.ColumnClause[Any] = sa.column(wanted.cursor)
        if since is not None:
            # what has no value never says that it changed, so it is looked at each time
            statement = statement.where(sa.or_(column >= _bound(since), column.is_(None)))
        statement = statement.order_by(column)
    return connection.execution_options(stream_results=True, yield_per=_AT_ONCE).execute(statement)


def _from(wanted: Wanted) -> sa.FromClause | sa.TextClause:
    if wanted.table is not None:
        schema, _, name = wanted.table.rpartition(".")
        return sa.table(name, schema=schema or None)
    # before a colon a backslash is taken off again, and nowhere else
    query = (wanted.query or "").strip().rstrip(";").replace(":", "\\:")
    return sa.text(f"({query}\n) kehu_rows")  # the line's end closes a comment


def _bound(value: Any) -> sa.ColumnElement[Any]:
    if isinstance(value, datetime):
        return sa.literal(value, sa.DateTime(timezone=value.tzinfo is not None))
    return sa.literal(value)


def _engine(url: sa.URL) -> sa.Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return sa.create_engine(
                "sqlite://", creator=lambda: _sqlite(url), poolclass=sa.NullPool, hide_parameters=True
            )
        more = (
            {"connect_timeout": _CONNECT_SECONDS}
            if url.get_backend_name() in ("postgresql", "mysql", "mariadb")
            else {}
        )
        engine = sa.create_engine(url, connect_args=more, poolclass=sa.NullPool, hide_parameters=True)
        if url.drivername == "postgresql+psycopg":
            sa.event.listen(engine, "connect", _with_every_day)
        return engine
    except ImportError:
        remedy = "Install the driver that the address names into Kehu's environment."
        raise UnreadableSource("no_driver", "the driver of this database is not installed", remedy) from None
    except (NoSuchModuleError, ArgumentError, ValueError, TypeError):
        raise _bad_url() from None


def _sqlite(url: sa.URL) -> sqlite3.Connection:
    held = sqlite3.connect(f"{Path(url.database or '').absolute().as_uri()}?mode=ro", uri=True)
    held.execute("pragma query_only = on")
    return held


def _url_of(file: Path) -> sa.URL:
    try:
        shared, written = stat.S_IMODE(file.stat().st_mode) & 0o077, file.read_bytes()
    except OSError:
        raise UnreadableSource("no_url", "the file with the address cannot be read", "Look at its path.") from None
    if shared:
        raise UnreadableSource("url_mode", "others may read the file with the address", "chmod go= the file.")
    try:
        url = sa.make_url(written.decode().strip())
    except (ArgumentError, ValueError):
        raise _bad_url() from None
    return url.set(drivername=_OURS.get(url.drivername, url.drivername))


def _bad_url() -> UnreadableSource:
    return UnreadableSource(
        "bad_url", "the file holds no address of a database", "Write one line, as postgresql://reader:…@host/name."
    )


@contextmanager
def _told(code: str, message: str) -> Iterator[None]:
    """A driver's error as one of ours, without its words."""
    try:
        yield
    except (DBAPIError, SQLAlchemyError, sqlite3.Error):
        raise UnreadableSource(code, message, "Try the same with the database's own program.") from None


def _mark_of(url: sa.URL, wanted: Wanted, channel: str) -> bytes:
    """What a position belongs to; whose account reads does not enter."""
    told = [
        channel,
        url.get_backend_name(),
        url.host,
        url.port,
        url.database,
        wanted.table,
        wanted.query,
        wanted.cursor,
    ]
    return installation().tokens.content(b"database\x1f" + orjson.dumps(told))


def _text(value: Any) -> str | None:
    """A value as a file would hold it; what is no text (pictures, documents) is left out."""
    if value is None or isinstance(value, (bytes, bytearray, memoryview)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and (whole := whole_number(value)) is not None:
        return whole
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        with suppress(TypeError):
            return orjson.dumps(value).decode()
    return str(value).encode("utf-8", "replace").decode()


def _packed(value: Any) -> list[str]:
    name = next(kind.__name__ for kind in (datetime, *_KINDS) if isinstance(value, kind))
    if isinstance(value, (datetime, date)):
        return [name, value.isoformat()]
    return [name, str(int(value) if isinstance(value, bool) else value)]


def _unpacked(held: list[str]) -> Any:
    name, text = held
    return _READ[name](text)


def _joined(first: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from lines
