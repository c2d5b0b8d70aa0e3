"""Addresses suppressed by an erasure or a list: whoever brings one in comes in with what stands against writing to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Connection

from kehu.govern.topics import load_topics
from kehu.vault.copying import int8_values
from kehu.vault.do_not_contact import Listed, listed
from kehu.vault.erasure import suppressed
from kehu.vault.ids import new_id

if TYPE_CHECKING:
    from kehu.guard.gate.admit import Draft


def carry_suppressions(connection: Connection[Any], drafts: Sequence[Draft], *, by: UUID) -> int:
    """Put objections and opt-outs in force on new subjects of this chunk; returns on how many. In its transaction."""
    _carry_lists(connection, drafts, by=by)
    fresh = [draft for draft in drafts if draft.new_subject and draft.subject]
    found = suppressed(connection, (token for draft in fresh for token in int8_values(draft.tokens)))
    touched = 0
    for draft in fresh if found else ():
        hits = [found[token] for token in int8_values(draft.tokens) if token in found]
        purposes = sorted({purpose for held, _ in hits for purpose in held})
        opted_out = any(out for _, out in hits)
        if hits and draft.subject:
            _enter(connection, UUID(bytes=draft.subject), purposes, opted_out, by)
            touched += 1
    return touched


def _carry_lists(connection: Connection[Any], drafts: Sequence[Draft], *, by: UUID) -> None:
    """Let what lists say of an address stand on whoever is brought in with it, new here or known."""
    found = listed(connection, (token for draft in drafts for token in int8_values(draft.tokens)))
    for draft in drafts if found else ():
        for one in (one for token in int8_values(draft.tokens) for one in found.get(token, ())):
            for topic in topics_of(one.topic):
                if draft.subject:
                    _suppress(connection, UUID(bytes=draft.subject), one, topic, by)


def topics_of(topic: str) -> list[str]:
    """The topics that a list's word is about: the one it names, else all that are advertising."""
    return [topic] if topic else [slug for slug, held in load_topics().items() if held.kind == "marketing"]


def _suppress(connection: Connection[Any], subject: UUID, said: Listed, topic: str, by: UUID) -> None:
    """Unless it stands already, or the person themselves subscribed after the list said so."""
    key = f"{said.medium}:{topic}"
    row = connection.execute(
        "select 1 from subject_state s where s.subject = %s and coalesce(s.subscriptions -> %s ->> 0, '') <> 'suppressed'"
        " and not exists (select 1 from govern_subscription g where g.subject = s.subject and g.medium = %s and g.topic = %s"
        " and g.status = 'subscribed' and g.recorded_at > %s)",
        (subject, key, said.medium, topic, said.since),
    ).fetchone()
    if row is None:
        return
    now = datetime.now(UTC)
    connection.execute(
        "insert into govern_subscription (id, subject, medium, topic, status, ground, at, way, language, notice, evidence,"
        " proof, recorded_by, recorded_at) values (%s, %s, %s, %s, 'suppressed', '', %s, %s, '', null, null, '', %s, %s)",
        (new_id(), subject, said.medium, topic, now, said.list, by, now),
    )
    connection.execute(
        "update subject_state set subscriptions = coalesce(subscriptions, '{}') || jsonb_build_object(%s::text,"
        ' \'["suppressed", ""]\'::jsonb) where subject = %s',
        (key, subject),
    )


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
