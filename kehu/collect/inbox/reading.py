"""Reading what waits: a channel's requests, opened, and what their messages become; nothing is taken in here."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection
from django.utils import timezone

from kehu.collect.channels import Asked, Brought, Kind, Terms
from kehu.collect.inbox.envelope import unpacked
from kehu.collect.inbox.known import a_key_of, keys_of
from kehu.collect.models import ChannelTerms
from kehu.govern.models import Channel
from kehu.guard.aside import AsideDoesNotOpen, open_aside
from kehu.guard.gate.actor import Actor

_OLD: Final = timedelta(hours=1)
_FAILED: Final = "message_not_taken_in"


@dataclass(slots=True)
class Sent:
    """A request that waits."""

    id: UUID
    at: datetime
    fresh: list[int] | None
    tries: int
    envelope: Any = field(default=None, repr=False)

    def places(self, messages: int) -> list[int]:
        """Those of its messages that were not here before."""
        return list(range(messages)) if self.fresh is None else self.fresh

    @property
    def said_at(self) -> str | None:
        """When what says no time of its own was said: as it came. None where that is now: its record is as old as itself."""
        return self.at.isoformat() if timezone.now() - self.at > _OLD else None


RefusedMessage = tuple[str, bytes, bytes | None]
"""Why, the message as it came, and the key of its customer, by which an erasure finds it."""
NamedMessage = tuple[str, bytes, str | UUID | None]
"""The same with its customer as it names them: by the sender's id, or by ours."""


@dataclass(slots=True)
class Read:
    """What requests became: rows by kind, errands with when they came and their raw message, what was refused and why."""

    rows: dict[str, list[Brought]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[Asked, datetime, bytes]] = field(default_factory=list)
    refused: list[RefusedMessage] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    messages: int = 0


class Reader:
    """Reads one channel's requests. ``terms``: changed to those that came with what was sent, where it says its own."""

    def __init__(self, channel: Channel, kind: Kind | None, terms: ChannelTerms, actor: Actor) -> None:
        self._channel, self._kind, self._terms, self._actor = channel, kind, terms, actor

    def open(self, sent: Sequence[Sent]) -> list[Sent]:
        """Their contents, the act recorded before; what was erased meanwhile is left out."""
        with connection.cursor() as cursor:
            cursor.execute("select id, sealed from inbox where id = any (%s)", [[one.id for one in sent]])
            sealed = {id: bytes(content) for id, content in cursor.fetchall()}
        opened = open_aside(sealed, actor=self._actor, act="collect", detail=None)
        for one in sent:
            if one.id in opened:
                try:
                    one.envelope = unpacked(opened[one.id])
                except (ValueError, IndexError, zlib.error):
                    raise AsideDoesNotOpen(str(one.id)) from None
        return [one for one in sent if one.envelope is not None]

    def under_the_same(self, opened: Sequence[Sent], sent: Sequence[Sent]) -> list[Sent]:
        """Those that came under the same terms as the first, where what was sent says its own; the rest is the next chunk.

        A form was shown in a version, with a notice: what came by it stands under these, whatever the channel's are now.
        """
        under = terms_beside(opened[0]) if opened else None
        if under is not None:
            self._terms.controller, self._terms.basis, self._terms.notice = under
        others = [one.id for one in opened if terms_beside(one) != under]
        stop = next((place for place, one in enumerate(sent) if one.id in others), len(sent))
        return list(sent[:stop])

    def read(self, opened: Sequence[Sent]) -> Read:
        """What the messages of these requests become that were not here before."""
        read, refused = Read(), list[NamedMessage]()
        for one in opened:
            assert self._kind is not None  # else it waits
            held = self._kind.messages(one.envelope)
            places = one.places(len(held))
            reading = self._kind.read(one.envelope, one.at, places, self._words())
            for row in reading.rows:
                row.at = row.at or one.said_at
                read.rows[row.kind].append(row)
            read.asked += [(asked, one.at, _without(held[asked.message], asked.besides)) for asked in reading.asked]
            refused += [(bad.reason, orjson.dumps(held[bad.message]), bad.customer) for bad in reading.refused]
            for name, count in reading.unread.items():
                read.unread[name] += count
            read.messages += len(places)
        read.refused = self.keyed(refused)
        return read

    def keyed(self, refused: Sequence[NamedMessage]) -> list[RefusedMessage]:
        """Each with the key by which an erasure finds it; of somebody who is gone, by our id, nothing is kept."""
        names = [of for _, _, of in refused if isinstance(of, str)]
        keys = keys_of(self._channel, self._terms.controller, names) if names else {}
        found = list[RefusedMessage]()
        for why, raw, of in refused:
            key = a_key_of(of) if isinstance(of, UUID) else keys[of] if of is not None else None
            if key is not None or not isinstance(of, UUID):
                found.append((why, raw, key))
        return found

    def parted(self, opened: Sent) -> list[Any]:
        """Its messages that were not here before; all of it as one where its kind is gone, or cannot part it."""
        try:
            assert self._kind is not None
            held = self._kind.messages(opened.envelope)
        except Exception:  # noqa: BLE001  (whatever its own reader fails on)
            return [opened.envelope]
        return [held[place] for place in opened.places(len(held)) if place < len(held)]

    def apart(self, message: Any, at: datetime) -> list[NamedMessage]:
        """One message that cannot be taken in, in the parts that its kind has."""
        try:
            parts = self._kind.apart(message) if self._kind is not None else [message]
        except Exception:  # noqa: BLE001  (not as its kind writes them)
            parts = [message]
        return [(_FAILED, orjson.dumps(part), self._whose(part, at)) for part in parts]

    def _whose(self, message: Any, at: datetime) -> str | UUID | None:
        """The customer whom a message is about, as it names them; None: it names nobody."""
        try:
            assert self._kind is not None
            reading = self._kind.read(self._kind.again(message, self._channel.id), at, [0], self._words())
        except Exception:  # noqa: BLE001  (it is its own reader that fails on it)
            return None
        meant = next((one.subject for one in reading.asked if one.subject is not None), None)
        if meant is not None:
            return meant
        named = (row.values.get("external_id") for row in reading.rows if row.kind != "organisations")
        asked, refused = (one.customer for one in reading.asked), (one.customer for one in reading.refused)
        return next((name for name in (*named, *asked, *refused) if name), None)

    def _words(self) -> Terms:
        terms = self._terms
        return Terms(terms.fields, terms.consents, terms.residence, told=terms.basis != "consent" and terms.notice > 0)


def terms_beside(sent: Sent) -> tuple[int, str, int] | None:
    """The terms that came with what was sent (controller, basis, notice), as its own door wrote them beside it."""
    under = sent.envelope.get("under") if isinstance(sent.envelope, dict) else None
    return (under["controller"], under["basis"], under["notice"]) if under is not None else None


def own_id(raw: bytes) -> str:
    """A message's id; empty where it has none, or is none."""
    held = orjson.loads(raw)
    return str(held.get("own", "")) if isinstance(held, dict) else ""


def _without(message: Any, parts: Sequence[str]) -> bytes:
    """A message as it is set aside, without what is carried out all the same."""
    left = {name: held for name, held in message.items() if name not in parts} if parts else message
    return orjson.dumps(left)
