"""Accepting what a channel sends: sealed, written, known again, and only then acknowledged.

One statement a request, so one commit: the channel and its key are looked at in it, what was sent before is found in it, and
a sender is answered when it stands on the disk. Nothing is understood here beyond the ids of messages.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import Connection

from kehu.collect.inbox.envelope import packed
from kehu.guard.aside import Alone, seal_alone
from kehu.guard.gate.read import raw_connection
from kehu.guard.gate.sending import at_once, numbered
from kehu.guard.installation import installation
from kehu.vault.arrays import UuidArray
from kehu.vault.ids import new_id
from kehu.vault.keys import current_epoch

MOST_MESSAGES: Final = 10_000
"""Of one request."""
KNOWN_DAYS: Final = 7
"""For so long a message that came is known when it is sent again."""
_WAIT_SECONDS: Final = 5  # what a sender is asked to wait when there is no room
_LOOK_SECONDS: Final = 1.0

_UNDER: Final = """
with held as (select c.id from govern_channel c where c.id = %(channel)s and c.kind = %(kind)s
        and (%(key)s::bytea is null or c.key_digest = %(key)s)),
    era as (select epoch from key_epoch where retired_at is null order by epoch desc limit 1 for share),
"""
_TAKE: Final = f"""{_UNDER}
    asked as (select distinct on (t.token) t.token, t.place
        from unnest(%(tokens)s::uuid[]) with ordinality as t (token, place) order by t.token, t.place),
    new as (insert into inbox_seen (token)
        select a.token from asked a, held, era where era.epoch = %(epoch)s order by a.token
        on conflict do nothing returning token),
    fresh as (select count(*)::integer as messages, array_agg(a.place - 1 order by a.place)::smallint[] as places
        from asked a join new using (token)),
    key as (insert into subject_key (subject, epoch, wrapped, salt)
        select %(id)s, %(epoch)s, %(wrapped)s, %(salt)s from fresh where messages > 0 returning subject),
    put as (insert into inbox (id, channel, messages, fresh, sealed)
        select %(id)s, held.id, f.messages, case when f.messages < %(count)s then f.places end, %(sealed)s
        from held, fresh f, key returning id)
select (select id from held), (select epoch from era), (select messages from fresh)
"""
# The same of one message, as most requests are: half as many steps, which the database has to begin for each.
_TAKE_ONE: Final = f"""{_UNDER}
    new as (insert into inbox_seen (token)
        select (%(tokens)s::uuid[])[1] from held, era where era.epoch = %(epoch)s on conflict do nothing returning token),
    key as (insert into subject_key (subject, epoch, wrapped, salt)
        select %(id)s, %(epoch)s, %(wrapped)s, %(salt)s from new returning subject),
    put as (insert into inbox (id, channel, messages, sealed) select %(id)s, held.id, %(count)s, %(sealed)s
        from held, key returning id)
select (select id from held), (select epoch from era), (select count(*) from new)
"""


class KeyUnknown(PermissionError):
    """No channel of this kind has that key (any more)."""


class InboxFull(RuntimeError):
    """As much waits as may wait; ``seconds`` until it is worth trying again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("inbox")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Sender:
    """The channel that sends: its id, its kind, and the digest of the key it showed (None: it signed)."""

    channel: int
    kind: str
    key_digest: bytes | None = None


def accept(sender: Sender, ids: Sequence[str], envelope: object) -> int:
    """Keep what was sent; returns how many of its messages were not here before. On return it is durable.

    Args:
        sender: who sends.
        ids: the sender's id of each message, in their order; the same id within :data:`KNOWN_DAYS` is the same message.
        envelope: everything that was sent, as JSON will hold it; the channel's own reader opens it later.
    Raises:
        KeyUnknown: the key is no key of that channel.
        InboxFull: too much waits already.
    """
    _require_room(sender.channel)
    raw = raw_connection()
    content = packed(envelope)
    digest = installation().tokens.message
    tokens = [UUID(bytes=digest(sender.channel, id)) for id in ids]
    for _ in range(3):
        epoch = _epoch(raw)
        sealed = seal_alone(new_id(), content, epoch=epoch)
        found = _take(raw, sender, tokens, sealed)
        if found[0] is None:
            raise KeyUnknown
        if found[1] == epoch:
            return int(found[2])
        _held.epoch = 0  # keys were rotated meanwhile
    raise InboxFull(_WAIT_SECONDS)


def know_for_good(channel: int, ids: Sequence[str]) -> None:
    """Have messages that came known for as long as they may be sent again: for ever; in the caller's transaction."""
    digest = installation().tokens.message
    tokens = UuidArray(sorted(UUID(bytes=digest(channel, id)) for id in ids))
    connection = connections[DEFAULT_DB_ALIAS].connection
    connection.execute(
        "insert into inbox_seen (token, day) select distinct unnest(%s::uuid[]), 'infinity'::date"
        " on conflict (token) do update set day = excluded.day",
        (tokens,),
    )


def waiting() -> tuple[int, int]:
    """Messages that wait to be taken in, and the requests they came in."""
    row = raw_connection().execute("select coalesce(sum(messages), 0), count(*) from inbox").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def most_waiting() -> int:
    """Messages that may wait: ``KEHU_INBOX_MOST``, else half a million."""
    return int(os.environ.get("KEHU_INBOX_MOST") or 500_000)


@dataclass(slots=True)
class _Held:
    """What this process knows without asking anew each time."""

    epoch: int = 0
    waits: dict[int, int] = field(default_factory=dict)  # messages by channel
    looked: float = 0.0


_held = _Held()
_looking = threading.Lock()


def _require_room(channel: int) -> None:
    """Room for all, and for each: one channel alone fills four fifths, so that a flood of one leaves the others a way in."""
    now = time.monotonic()
    if now - _held.looked > _LOOK_SECONDS and _looking.acquire(blocking=False):
        try:
            _held.waits, _held.looked = _waiting_by_channel(), now
        finally:
            _looking.release()
    most = most_waiting()
    if sum(_held.waits.values()) >= most or _held.waits.get(channel, 0) >= most - most // 5:
        raise InboxFull(_WAIT_SECONDS)


def _waiting_by_channel() -> dict[int, int]:
    found = raw_connection().execute("select channel, sum(messages) from inbox group by channel").fetchall()
    return {int(channel): int(messages) for channel, messages in found}


def _epoch(raw: Connection[Any]) -> int:
    if not _held.epoch:
        with raw.transaction():
            _held.epoch = current_epoch(raw)
    return _held.epoch


def _take(raw: Connection[Any], sender: Sender, tokens: Sequence[UUID], made: Alone) -> tuple[Any, ...]:
    values = {
        "channel": sender.channel, "kind": sender.kind, "key": sender.key_digest, "tokens": UuidArray(tokens),
        "epoch": made.epoch, "id": made.id, "wrapped": made.wrapped, "salt": made.salt, "count": len(tokens),
        "sealed": made.sealed,
    }  # fmt: skip
    statement, names = numbered(_TAKE_ONE if len(tokens) == 1 else _TAKE)
    [row] = at_once(raw, statement, [values[name] for name in names])
    return tuple(row)
