"""Addresses suppressed by an erasure or a list: whoever brings one in comes in with what stands against writing to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.subscriptions import state_suppressed
from kehu.govern.topics import load_topics
from kehu.vault.copying import int8_values
from kehu.vault.do_not_contact import listed
from kehu.vault.erasure import suppressed
from kehu.vault.ids import new_id, new_ids

if TYPE_CHECKING:
    from kehu.guard.gate.admit import Draft


# Unless it stands already, or they subscribed after the list said so; of several lists the first.
_DUE: Final = """
select distinct on (u.subject, u.key) u.subject, u.key, u.way
from unnest(%(subjects)s::uuid[], %(keys)s::text[], %(ways)s::text[], %(since)s::timestamptz[]) with ordinality
    as u (subject, key, way, since, place)
cross join lateral (select x.subscriptions -> u.key ->> 0 as status from subject_state x where x.subject = u.subject offset 0) s
cross join lateral (select count(*) as times from govern_subscription g where g.subject = u.subject
    and g.medium = split_part(u.key, ':', 1) and g.topic = split_part(u.key, ':', 2)
    and g.status = 'subscribed' and g.recorded_at > u.since) later
where s.status is distinct from 'suppressed' and later.times = 0
order by u.subject, u.key, u.place
"""
_STAND_ON_EACH: Final = """
with words as materialized (
    select u.subject, jsonb_object_agg(u.key, '["suppressed", ""]'::jsonb) as held
    from unnest(%(subjects)s::uuid[], %(keys)s::text[]) as u (subject, key) group by 1
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
        (UUID(bytes=draft.subject), f"{one.medium}:{topic}", one.list, one.since)
        for draft in (drafts if found else ())
        if draft.subject
        for token in int8_values(draft.tokens)
        for one in found.get(token, ())
        for topic in topics_of(one.topic)
    ]
    if not said:
        return
    subjects, keys, ways, since = (list(column) for column in zip(*said, strict=True))
    due = connection.execute(_DUE, {"subjects": subjects, "keys": keys, "ways": ways, "since": since}).fetchall()
    if due:
        stated = [(UUID(bytes=id), *one) for id, one in zip(new_ids(len(due)), due, strict=True)]
        state_suppressed(connection, stated, recorded_by=by, now=datetime.now(UTC))
        connection.execute(_STAND_ON_EACH, {"subjects": [one[0] for one in due], "keys": [one[1] for one in due]})


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
