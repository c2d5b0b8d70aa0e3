"""Putting rows into quarantine, in the transaction of the chunk they came with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from kehu.guard.aside import forget_aside, seal_aside
from kehu.vault import copying as to
from kehu.vault.ids import new_ids


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the quarantine: ``raw`` None for a value that was accepted though invalid."""

    line: int
    field: str
    reason: str
    raw: bytes | None
    token: bytes | None = None


def put_aside(connection: Connection[Any], batch: UUID, file: int, notes: Iterable[Note]) -> None:
    """Write notes of one file of an import; each refused row is sealed under a key of its own."""
    held: Sequence[Note] = list(notes)
    if not held:
        return
    ids = [UUID(bytes=made) for made in new_ids(len(held))]
    refused = [(id, note.raw) for id, note in zip(ids, held, strict=True) if note.raw is not None]
    sealed = dict(zip((id for id, _ in refused), seal_aside(connection, refused), strict=True))
    head, at = to.blob(batch.bytes), to.int2(file)
    rows = [
        to.row(
            to.blob(id.bytes), head, at, to.int8(note.line), to.blob(note.field.encode()),
            to.blob(note.reason.encode()), to.TRUE if note.raw is None else to.FALSE,
            to.blob(note.token) if note.token else to.NULL, to.blob(sealed[id]) if id in sealed else to.NULL,
        )
        for id, note in zip(ids, held, strict=True)
    ]  # fmt: skip
    columns = ("id", "batch", "file", "line", "field", "reason", "accepted", "token", "sealed")
    to.copy_rows(connection, "collect_quarantined", columns, rows)


def refused_again(connection: Connection[Any], reasons: Mapping[UUID, tuple[str, bytes | None]], *, keys: bool) -> None:
    """Rows that came again and were refused again: why now, and with ``keys`` under which key of their customer's."""
    if reasons:
        tokens = [token if keys else None for _, token in reasons.values()]
        connection.execute(
            "update collect_quarantined q set reason = n.reason, token = n.token from (select n.id, n.reason,"
            " coalesce(n.token, x.token) as token from unnest(%s::uuid[], %s::text[], %s::bytea[]) as n (id, reason, token)"
            " join collect_quarantined x using (id)) n"
            " where q.id = n.id and q.settled is null and (q.reason, q.token) is distinct from (n.reason, n.token)",
            (list(reasons), [reason for reason, _ in reasons.values()], tokens),
        )


def settle(connection: Connection[Any], by: UUID, ids: Sequence[UUID]) -> None:
    """Take rows off the list that came in after all: what was sealed here is destroyed."""
    if ids:
        forget_aside(connection, ids)
        connection.execute(
            "update collect_quarantined set settled = %s, sealed = null where id = any (%s)", (by, list(ids))
        )
