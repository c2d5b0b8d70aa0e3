"""What may be wrong with channels: what they sent and nobody has taken in yet, and what the terms they stand under have become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import connection

from kehu.collect.models import ChannelTerms
from kehu.govern.models import Channel, Notice
from kehu.govern.notices import covers_of
from kehu.guard.gate.read import raw_connection
from kehu.guard.installation import installation
from kehu.guard.texts import closed_to_us
from kehu.host.checks import Finding, Said

_PATIENCE: Final = 600  # seconds; a chunk takes one
_LOOKED_AT: Final = 500  # of a channel, the oldest: what opens does not stay there


def check_inbox(*, running: bool) -> Iterator[Finding]:
    """Channels that hold requests whose keys do not open, and, while the system runs, those that have stopped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select channel, sum(messages), extract(epoch from clock_timestamp() - min(at)) from inbox"
            " group by channel order by channel"
        )
        held = cursor.fetchall()
    names = dict(Channel.objects.values_list("id", "name"))
    for channel, messages, seconds in held:
        with connection.cursor() as cursor:
            cursor.execute("select id from inbox where channel = %s order by id limit %s", [channel, _LOOKED_AT])
            oldest = [id for (id,) in cursor.fetchall()]
        shut = len(closed_to_us(raw_connection(), oldest))
        if shut:
            yield Finding(
                "inbox.keys", "error",
                Said(
                    "Of {all} requests of channel {channel} that wait, {n} do not open.",
                    all=len(oldest), channel=names.get(channel, channel), n=shut,
                ),
                "Bring keys/ back as it was when the database was copied; where others open, it goes to quarantine after a day.",
            )  # fmt: skip
        elif running and seconds > _PATIENCE:
            yield Finding(
                "inbox.stuck", "warning",
                Said(
                    "{n} messages of channel {channel} wait, the oldest {minutes} minutes.",
                    n=messages, channel=names.get(channel, channel), minutes=int(seconds / 60),
                ),
                "See log/inbox.log: inbox.refused goes to quarantine after a day, inbox.stopped says what failed.",
            )  # fmt: skip


def check_terms() -> Iterator[Finding]:
    """Channels whose notice tells of less than a purpose has become: a yes that they bring is to what it tells of."""
    names, purposes = dict(Channel.objects.values_list("id", "name")), installation().rules.purposes
    for terms in ChannelTerms.objects.order_by("channel"):
        notice = Notice.objects.get(id=terms.notice)
        told, wanted = covers_of(notice), sorted(set(terms.consents.values()))
        wider = [slug for slug in wanted if slug in told and told[slug].version < purposes[slug].version]
        if wider:
            name = names.get(terms.channel, terms.channel)
            yield Finding(
                "notices.channel", "warning",
                Said(
                    "Channel {channel} brings consents to {purposes} under {notice}, which tells of less than the purpose has"
                    " become: they count for what it tells of.", channel=name, purposes=", ".join(wider), notice=notice,
                ),
                Said(
                    "Once one that tells of it is in force and the sender shows it: kehu channel set {channel} --notice {name}",
                    channel=name, name=notice.name,
                ),
            )  # fmt: skip
