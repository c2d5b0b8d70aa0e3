"""How long the ledger's newest rows have waited to be hashed, and what holds them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection as django_connection
from psycopg import Connection

ALARM: Final = 60.0  # seconds

# Rows are taken in the order of xid, so that whatever waits is not below the last that was taken; see the sequencer.
_WAITING: Final = """
select count(*), coalesce(extract(epoch from clock_timestamp() - min(e.at)), 0)::float8 from ledger_entry e
where e.xid >= coalesce((select x.xid from ledger_leaf l join ledger_entry x using (seq)
        where l.index = (select max(index) from ledger_leaf) and x.xid < pg_snapshot_xmin(pg_current_snapshot())), '0'::xid8)
    and not exists (select 1 from ledger_leaf l where l.seq = e.seq)
"""
_HOLDER: Final = """
select 'process ' || a.pid || ' in database ' || coalesce(a.datname, '-') || ' as ' || coalesce(a.usename, '-')
from pg_stat_activity a
where a.backend_xid = pg_snapshot_xmin(pg_current_snapshot())::xid and a.pid <> pg_backend_pid()
union all
select 'prepared transaction in database ' || p.database from pg_prepared_xacts p
where p.transaction = pg_snapshot_xmin(pg_current_snapshot())::xid
limit 1
"""


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds the oldest row has waited, how many wait, and whose open write transaction holds them back, if one does.

    Reads go on meanwhile; a row is proved and shown to witnesses only once it is hashed.
    """

    seconds: float
    rows: int
    held_by: str | None

    @property
    def alarming(self) -> bool:
        """Whether it waits too long."""
        return self.seconds > ALARM


def delay_of(connection: Connection[Any]) -> Delay:
    """The delay as a connection sees it (any role that may read the ledger)."""
    row = connection.execute(_WAITING).fetchone()
    rows, seconds = (int(row[0]), max(0.0, float(row[1]))) if row else (0, 0.0)
    holder = connection.execute(_HOLDER).fetchone() if rows else None
    return Delay(seconds, rows, str(holder[0]) if holder else None)


def delay() -> Delay:
    """The delay now, on Django's connection."""
    django_connection.ensure_connection()
    return delay_of(django_connection.connection)
