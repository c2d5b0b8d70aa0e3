"""What waits in quarantine, by where it came from and why: counts and times, no value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.collect.channels import kinds
from kehu.collect.models import Import
from kehu.collect.quarantine.queries import Place, moment_of
from kehu.collect.quarantine.reasons import remedy
from kehu.govern.models import Channel
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act

# What a channel sent by itself was expected by nobody; a file's rows were counted before.
_GROUPS: Final = """
select i.channel, n.reason, i.expected = 0 as sent, count(*), min(n.id::text)::uuid, max(n.id::text)::uuid,
    count(distinct n.batch)
from collect_quarantined n join collect_import i on i.id = n.batch
where not n.accepted and n.settled is null and i.state not in ('undone', 'erased')
group by 1, 2, 3 order by 4 desc, 1, 2
"""
_PLACES: Final = """
select n.id, n.batch, n.file, n.line from collect_quarantined n join collect_import i on i.id = n.batch
where not n.accepted and n.settled is null and i.state not in ('undone', 'erased')
    and i.channel = %s and n.reason = %s and (i.expected = 0) = %s and n.id > %s order by n.id limit %s
"""
NIL: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Group:
    """Refused rows of one channel for one reason. ``sent``: by a program, not in a file."""

    channel: Channel
    reason: str
    sent: bool
    count: int
    oldest: datetime
    newest: datetime
    imports: int
    remedy: str

    @property
    def messages(self) -> bool:
        """Whether they are messages as they came, which only their channel's own reader understands."""
        return self.sent and self.channel.kind in kinds() and self.reason.startswith("message_")


def groups(*, actor: Actor, language: str = "en") -> list[Group]:
    """What waits, the most first.

    Raises:
        ActRefused: this role may not look.
    """
    require_act("quarantine", actor)
    known = Channel.objects.in_bulk()
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS)
        return [
            Group(
                known[channel], reason, sent, int(count), moment_of(oldest), moment_of(newest), int(imports),
                remedy(reason, language),
            )
            for channel, reason, sent, count, oldest, newest, imports in cursor.fetchall()
            if channel in known
        ]  # fmt: skip


def group_of(channel: int, reason: str, sent: bool, *, actor: Actor, language: str = "en") -> Group | None:
    """One of them; None: nothing waits there (any more).

    Raises:
        ActRefused: this role may not look.
    """
    held = groups(actor=actor, language=language)
    return next((one for one in held if (one.channel.id, one.reason, one.sent) == (channel, reason, sent)), None)


def places(group: Group, *, after: UUID = NIL, limit: int) -> list[Place]:
    """Where its rows stood, the oldest first, those after an id."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [group.channel.id, group.reason, group.sent, after, limit])
        return [Place(*row) for row in cursor.fetchall()]


def by_import(found: Sequence[Place]) -> dict[UUID, dict[int, list[UUID]]]:
    """Ids by import and file, in order."""
    parted: dict[UUID, dict[int, list[UUID]]] = {}
    for one in found:
        parted.setdefault(one.batch, {}).setdefault(one.file, []).append(one.id)
    return parted


def taken_back(batch: UUID) -> bool:
    """Whether an import was taken back: nothing of it is brought again."""
    return Import.objects.filter(id=batch, state__in=("undone", "erased")).exists()


__all__ = ["NIL", "Group", "Place", "by_import", "group_of", "groups", "moment_of", "places", "taken_back"]
