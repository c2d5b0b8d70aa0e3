"""What a channel has sent, what waits, under which terms it comes in, and what nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from kehu.collect.channels import kinds
from kehu.collect.inbox.terms import terms_of
from kehu.collect.mail.boxes import KIND as MAILBOX
from kehu.collect.models import SignedChannel
from kehu.govern.channels import KEYED
from kehu.govern.models import Channel, Controller, Notice, Source
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act


@dataclass(frozen=True, slots=True)
class Came:
    """What became of the rows of one kind since it began to come: a sum over the days' imports."""

    kind: str
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel.

    ``waiting`` messages in ``requests``, the oldest since ``since``; ``unread``: names that no field has, with how many
    messages used them, the most frequent first. ``source``: whom it comes from; empty: from the customers themselves.
    """

    channel: Channel
    controller: str
    basis: str
    notice: str
    residence: str
    source: str
    consents: dict[str, str]
    fields: dict[str, str]
    waiting: int
    requests: int
    since: datetime | None
    came: tuple[Came, ...]
    unread: tuple[tuple[str, int], ...]


def channels(*, actor: Actor) -> list[Channel]:
    """Every channel, in the order they were made.

    Raises:
        ActRefused: the role may not.
    """
    require_act("collect", actor)
    return list(Channel.objects.order_by("id"))


def status_of(channel: Channel, *, actor: Actor) -> ChannelStatus:
    """How a channel stands.

    Raises:
        ActRefused: the role may not.
    """
    require_act("collect", actor)
    terms = terms_of(channel)
    notice = Notice.objects.get(id=terms.notice)
    source = Source.objects.get(id=terms.source) if terms.source is not None else None
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(messages), 0), count(*), min(at) from inbox where channel = %s", [channel.id]
        )
        waiting, requests, since = cursor.fetchone()
        cursor.execute(
            "select i.kind, sum(c.rows), sum(c.created + c.updated + c.merged), sum(c.duplicates), sum(c.quarantined),"
            " max(coalesce(c.at, i.ended_at, i.started_at)) from collect_import i join collect_importchunk c on c.batch = i.id"
            " where i.channel = %s group by i.kind order by i.kind",
            [channel.id],
        )
        came = tuple(
            Came(kind, int(rows), int(accepted), int(duplicates), int(quarantined), last)
            for kind, rows, accepted, duplicates, quarantined, last in cursor.fetchall()
        )
        cursor.execute(
            "select name, messages from inbox_unread where channel = %s order by messages desc, name limit 100",
            [channel.id],
        )
        unread = tuple((name, int(messages)) for name, messages in cursor.fetchall())
    return ChannelStatus(
        channel, Controller.objects.get(id=terms.controller).name, terms.basis, f"{notice.name}@{notice.version}",
        terms.residence, source.name if source is not None else "", dict(terms.consents), dict(terms.fields), int(waiting),
        requests, since, came, unread,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Overview:
    """A channel in the list of all: how it stands, and what it has brought since midnight (UTC).

    ``ready``: whether whoever sends by it can, which wants a key or a secret, and where it is read by a mapping, that; or its
    mail can be fetched. ``fault``: why it was not when it was tried last.
    """

    channel: Channel
    controller: str
    basis: str
    ready: bool
    waiting: int
    since: datetime | None
    today: int
    quarantined: int
    unread: int
    last_at: datetime | None
    fault: str


_OVERVIEW: Final = """
select c.id, coalesce(w.messages, 0), w.since, coalesce(t.today, 0), coalesce(q.refused, 0), coalesce(u.names, 0),
    greatest(t.last_at, w.newest), s.sealed is not null, coalesce(s.settings ? 'row', false),
    b.channel is not null, coalesce(b.failure, '')
from govern_channel c
    left join (select channel, sum(messages) as messages, min(at) as since, max(at) as newest from inbox group by channel) w
        on w.channel = c.id
    left join (select i.channel, max(coalesce(k.at, i.ended_at, i.started_at)) as last_at, sum(k.created + k.updated
            + k.merged) filter (where k.at >= date_trunc('day', now(), 'UTC')) as today
        from collect_import i join collect_importchunk k on k.batch = i.id group by i.channel) t on t.channel = c.id
    left join (select i.channel, count(*) as refused from collect_quarantined n join collect_import i on i.id = n.batch
        where not n.accepted and n.settled is null group by i.channel) q on q.channel = c.id
    left join (select channel, count(*) as names from inbox_unread group by channel) u on u.channel = c.id
    left join collect_signedchannel s on s.channel = c.id left join collect_mailbox b on b.channel = c.id
"""


def overview(*, actor: Actor) -> list[Overview]:
    """How every channel stands, in the order they were made.

    Raises:
        ActRefused: the role may not.
    """
    held = channels(actor=actor)
    names = dict(Controller.objects.values_list("id", "name"))
    with connection.cursor() as cursor:
        cursor.execute(_OVERVIEW)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    made = []
    for channel in held:
        waiting, since, today, quarantined, unread, last_at, secret, mapped, box, fault = found[channel.id]
        terms = terms_of(channel)
        made.append(
            Overview(
                channel, names.get(terms.controller, ""), terms.basis,
                _is_ready(channel, secret=secret, mapped=mapped, box=box), int(waiting), since, int(today), int(quarantined),
                int(unread), last_at, str(fault),
            )
        )  # fmt: skip
    return made


def _is_ready(channel: Channel, *, secret: bool, mapped: bool, box: bool) -> bool:
    """Whether a sender can send by it: people bring files by any channel, programs need what opens it to them."""
    kind = kinds().get(channel.kind)
    if kind is None:
        return True
    if kind.name == MAILBOX:
        return box
    if kind.signed:
        return secret and (mapped or not kind.mapped)
    return channel.key_digest is not None or kind.name not in KEYED or not kind.prefixes


def has_secret(channel: Channel) -> bool:
    """Whether its sender's secret is here; nobody sees it again."""
    return SignedChannel.objects.filter(channel=channel.id, sealed__isnull=False).exists()
