"""Addresses suppressed by an erasure: whoever brings one in anew comes in with what its owner had objected to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Connection

from kehu.vault.erasure import suppressed
from kehu.vault.ids import new_id

if TYPE_CHECKING:
    from kehu.guard.gate.admit import Draft


def carry_suppressions(connection: Connection[Any], drafts: Sequence[Draft], *, by: UUID) -> int:
    """Put objections and opt-outs in force on new subjects of this chunk; returns on how many. In its transaction."""
    fresh = [draft for draft in drafts if draft.new_subject and draft.subject]
    found = suppressed(connection, (token for draft in fresh for token in draft.tokens))
    touched = 0
    for draft in fresh if found else ():
        hits = [found[token] for token in draft.tokens if token in found]
        purposes = sorted({purpose for held, _ in hits for purpose in held})
        opted_out = any(out for _, out in hits)
        if hits and draft.subject:
            _enter(connection, UUID(bytes=draft.subject), purposes, opted_out, by)
            touched += 1
    return touched


def _enter(connection: Connection[Any], subject: UUID, purposes: Sequence[int], opted_out: bool, by: UUID) -> None:
    states: list[tuple[str, int | None]] = [("objection", purpose) for purpose in purposes]
    states += [("optout", None)] if opted_out else []
    now = datetime.now(UTC)
    for kind, purpose in states:
        connection.execute(
            "insert into govern_stateentry (id, subject, kind, purpose, categories, since, by)"
            " values (%s, %s, %s, %s, 0, %s, %s)",
            (new_id(), subject, kind, purpose, now, by),
        )
    connection.execute(
        "update subject_state set objections = %s::smallint[], opted_out = opted_out or %s where subject = %s",
        (list(purposes), opted_out, subject),
    )
