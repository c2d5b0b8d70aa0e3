"""Addresses suppressed by an erasure or a list: whoever brings one in comes in with what stands against writing to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.topics import load_topics
from kehu.vault.copying import int8_values
from kehu.vault.do_not_contact import listed
from kehu.vault.erasure import suppressed
from kehu.vault.ids import new_id, new_ids

if TYPE_CHECKING:
    from kehu.guard.gate.admit import Draft


_SUPPRESS: Final = """
with w as materialized (
    select distinct on (u.subject, u.medium, u.topic) u.* from unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(media)s::text[],
        %(topics)s::text[], %(ways)s::text[], %(since)s::timestamptz[]) with ordinality
        as u (id, subject, medium, topic, way, since, place)
    cross join lateral (select x.subscriptions -> (u.medium || ':' || u.topic) ->> 0 as status
        from subject_state x where x.subject = u.subject offset 0) s
    cross join lateral (select count(*) as times from govern_subscription g where g.subject = u.subject
        and g.medium = u.medium and g.topic = u.topic and g.status = 'subscribed' and g.recorded_at > u.since) later
    where s.status is distinct from 'suppressed' and later.times = 0
    order by u.subject, u.medium, u.topic, u.place
), said as (
    insert into govern_subscription (id, subject, medium, topic, status, ground, at, way, language, proof, recorded_by,
        recorded_at)
    select w.id, w.subject, w.medium, w.topic, 'suppressed', '', %(now)s, w.way, '', '', %(by)s, %(now)s from w
), words as materialized (
    select w.subject, jsonb_object_agg(w.medium || ':' || w.topic, '["suppressed", ""]'::jsonb) as held from w group by 1
)
update subject_state s set
    subscriptions = coalesce(s.subscriptions, '{}') || (select words.held from words where words.subject = s.subject)
where s.subject = any (array(select words.subject from words))
"""


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
    """Let what lists say of an address stand on whoever is brought in with it, new here or known.

    Unless it stands already, or the person themselves subscribed after the list said so.
    """
    found = listed(connection, (token for draft in drafts for token in int8_values(draft.tokens)))
    said = [
        (UUID(bytes=draft.subject), one.medium, topic, one.list, one.since)
        for draft in (drafts if found else ())
        if draft.subject
        for token in int8_values(draft.tokens)
        for one in found.get(token, ())
        for topic in topics_of(one.topic)
    ]
    if said:
        subjects, media, topics, ways, since = (list(column) for column in zip(*said, strict=True))
        told = {"subjects": subjects, "media": media, "topics": topics, "ways": ways, "since": since}
        ids = [UUID(bytes=id) for id in new_ids(len(said))]
        connection.execute(_SUPPRESS, told | {"ids": ids, "by": by, "now": datetime.now(UTC)})


def topics_of(topic: str) -> list[str]:
    """The topics that a list's word is about: the one it names, else all that are advertising."""
    return [topic] if topic else [slug for slug, held in load_topics().items() if held.kind == "marketing"]


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
