"""Addresses suppressed by an erasure or a list: whoever brings one in comes in with what stands against writing to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.parts import hold_all
from kehu.govern.subscriptions import state_suppressed
from kehu.govern.topics import load_topics
from kehu.vault.copying import int8_values
from kehu.vault.do_not_contact import listed
from kehu.vault.erasure import suppressed
from kehu.vault.ids import new_id, new_ids

if TYPE_CHECKING:
    from kehu.guard.gate.admit import Draft


# Unless it stands already, or their certain part subscribed after the list said so, with the address: before, whoever was not
# the customer could subscribe them by another. Of several lists the first.
_DUE: Final = """
select distinct on (u.subject, u.key) u.subject, u.key, u.way
from unnest(%(subjects)s::uuid[], %(keys)s::text[], %(ways)s::text[], %(since)s::timestamptz[], %(tokens)s::bigint[])
    with ordinality as u (subject, key, way, since, token, place)
cross join lateral (select x.subscriptions -> u.key ->> 0 as status, x.customer, x.core
    from subject_state x where x.subject = u.subject offset 0) s
cross join lateral (select count(*) as times from subject_state p join govern_subscription g on g.subject = p.subject
    where p.customer = s.customer and p.core = s.core and g.status = 'subscribed' and g.recorded_at > u.since
        and g.medium = split_part(u.key, ':', 1) and g.topic = split_part(u.key, ':', 2)
        and exists (select 1 from subject_state q join record r on r.subject = q.subject
            where q.customer = s.customer and q.core = s.core and r.tokens @> array[u.token]
            and to_timestamp(('x' || left(replace(r.id::text, '-', ''), 12))::bit(48)::bigint / 1e3) <= g.recorded_at)) later
cross join lateral (select bool_or(p.subscriptions -> u.key ->> 0 = 'subscribed') as so from subject_state p
    where p.customer = s.customer and p.core = s.core) stands
where s.status is distinct from 'suppressed' and (later.times = 0 or stands.so is not true)
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
_OBJECT: Final = """
update subject_state set opted_out = opted_out or %(opted_out)s,
    objections = array(select distinct o from unnest(objections || %(purposes)s::smallint[]) as v (o) order by o)
where subject = any (%(everybody)s)
"""


def carry_suppressions(connection: Connection[Any], drafts: Sequence[Draft], *, by: UUID) -> int:
    """Put objections and opt-outs in force on whom an address is new of; returns on how many. In its transaction.

    Somebody of whom only events were known, or who had another address, is brought in with it now; whoever had it already
    came in with what stands against it, and may have ended that since.
    """
    _carry_lists(connection, drafts, by=by)
    found = suppressed(connection, (token for draft in drafts for token in int8_values(draft.tokens)))
    told: dict[bytes, set[int]] = {}
    for draft in drafts if found else ():
        hits = {token for token in int8_values(draft.tokens) if token in found}
        if hits and draft.subject:
            told[draft.subject] = told.get(draft.subject, set()) | hits
    known = {draft.subject for draft in drafts if draft.subject in told and not draft.new_subject}
    records = [UUID(bytes=draft.record) for draft in drafts if draft.subject in known]
    touched = 0
    for subject, tokens in told.items():
        one = UUID(bytes=subject)
        if subject in known:
            tokens = {token for token in tokens if not _had(connection, one, token, records)}
        purposes = sorted({purpose for token in tokens for purpose in found[token][0]})
        if tokens:
            _enter(connection, one, purposes, any(found[token][1] for token in tokens), by)
            touched += 1
    return touched


def _had(connection: Connection[Any], subject: UUID, token: int, besides: Sequence[UUID]) -> bool:
    """Whether a customer had an address before these records."""
    row = connection.execute(
        "select exists (select 1 from subject_state s join subject_state p on p.customer = s.customer and p.core = s.core"
        " join record r on r.subject = p.subject where s.subject = %s and r.tokens @> array[%s::bigint] and not r.hidden"
        " and r.id <> all (%s))",
        (subject, token, list(besides)),
    ).fetchone()
    return row is not None and bool(row[0])


@dataclass(frozen=True, slots=True)
class ListedOne:
    """What a list says of an origin subject by one of its addresses: on which ``medium:topic``, and since when."""

    subject: UUID
    key: str
    list: str
    since: datetime
    token: int


def due(connection: Connection[Any], said: Sequence[ListedOne]) -> list[tuple[UUID, str, str]]:
    """Of what lists say, what is to be put on whom (origin subject, key, list): all that does not stand already, unless the
    person themselves subscribed after the list said so, and has not stopped it since."""
    named = {
        "subjects": [one.subject for one in said],
        "keys": [one.key for one in said],
        "ways": [one.list for one in said],
        "since": [one.since for one in said],
        "tokens": [one.token for one in said],
    }
    return connection.execute(_DUE, named).fetchall()


def _carry_lists(connection: Connection[Any], drafts: Sequence[Draft], *, by: UUID) -> None:
    """Let what lists say of an address, so far as it is due, stand on whoever is brought in with it, new here or known."""
    found = listed(connection, (token for draft in drafts for token in int8_values(draft.tokens)))
    said = [
        ListedOne(UUID(bytes=draft.subject), f"{one.medium}:{topic}", one.list, one.since, token)
        for draft in (drafts if found else ())
        if draft.subject
        for token in int8_values(draft.tokens)
        for one in found.get(token, ())
        for topic in topics_of(one.topic)
    ]
    found_due = due(connection, said) if said else []
    if found_due:
        stated = [(UUID(bytes=id), *one) for id, one in zip(new_ids(len(found_due)), found_due, strict=True)]
        state_suppressed(connection, stated, recorded_by=by, now=datetime.now(UTC))
        subjects, keys, _ = (list(column) for column in zip(*found_due, strict=True))
        connection.execute(_STAND_ON_EACH, {"subjects": subjects, "keys": keys})


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
    everybody = [subject, *(one for one, _, _ in hold_all([subject]))]  # held first: who belongs to them is true then
    connection.execute(_OBJECT, {"everybody": everybody, "purposes": list(purposes), "opted_out": opted_out})
