"""What a channel has sent, what waits, under which terms it comes in, and what nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from kehu.collect.inbox.terms import terms_of
from kehu.govern.models import Channel, Controller, Notice
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
    messages used them, the most frequent first.
    """

    channel: Channel
    controller: str
    basis: str
    notice: str
    residence: str
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
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(messages), 0), count(*), min(at) from inbox where channel = %s", [channel.id]
        )
        waiting, requests, since = cursor.fetchone()
        cursor.execute(
            "select i.kind, sum(c.rows), sum(c.created + c.updated + c.merged), sum(c.duplicates), sum(c.quarantined),"
            " max(coalesce(i.ended_at, i.started_at)) from collect_import i join collect_importchunk c on c.batch = i.id"
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
        terms.residence, dict(terms.consents), dict(terms.fields), int(waiting), requests, since, came, unread,
    )  # fmt: skip
