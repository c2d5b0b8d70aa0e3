"""Taking in what waits: opened, read by its channel, and brought in on the same way as an import, chunk by chunk.

A chunk's rows and what they came in go in one transaction: written and taken out of the inbox, or neither. So a crash at any
moment loses nothing and doubles nothing. One process at a time drains a channel, in the order of arrival.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils import timezone

from kehu.collect.channels import Asked, Brought, Kind, Terms, kinds
from kehu.collect.imports.prepare import Prepared, Preparer, Refusal
from kehu.collect.imports.recipe import Recipe
from kehu.collect.imports.write import Place, write_chunk
from kehu.collect.inbox.accept import KNOWN_DAYS, know_longer
from kehu.collect.inbox.envelope import unpacked
from kehu.collect.inbox.hands import Errand, hand_of
from kehu.collect.inbox.intake import frame_of, intake_of, only, recipe_of
from kehu.collect.inbox.known import a_key_of, customers_of, keys_of
from kehu.collect.inbox.terms import answering_for, terms_of
from kehu.collect.models import ChannelTerms, ImportChunk, Quarantined
from kehu.collect.quarantine.aging import kept_days
from kehu.collect.readers import Batch
from kehu.govern.models import Channel
from kehu.govern.sources import marks
from kehu.guard.aside import AsideDoesNotOpen, forget_aside, open_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.admit import Admission
from kehu.guard.gate.admit import Terms as AdmissionTerms
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.installation import installation
from kehu.guard.texts import closed_to_us
from kehu.host.away import AWAY
from kehu.refine.tasks import defer_linkage
from kehu.vault.keys import EpochKeyMissing, KeyDoesNotOpen

_log = logging.getLogger("kehu.collect.inbox")
_MESSAGES: Final = 5_000  # of a chunk: a second's work
_REQUESTS: Final = 400
_TRIES: Final = 3  # as a chunk; then each request by itself, and what fails alone goes to quarantine
_ORDER: Final = ("customers", "organisations", "orders", "interactions")  # who it is before what they did
_WAITS: Final = timedelta(days=1)
_OLD: Final = timedelta(hours=1)
_SHUT: Final = 60.0  # seconds until what does not open is tried again
_LOCK: Final = 0x6B696E00  # and the channel's id
_FAILED: Final = "message_not_taken_in"
_UNREAD: Final = 500  # names of a channel that nobody reads: more are not noted, for who sends may make them up
_LOST: Final = "message_does_not_open"


@dataclass(slots=True)
class _Sent:
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


_Refused = tuple[str, bytes, bytes | None]
"""Why, the message as it came, and the key of its customer, by which an erasure finds it."""
_Named = tuple[str, bytes, str | UUID | None]
"""The same with its customer as it names them: by the sender's id, or by ours."""


@dataclass(slots=True)
class _Read:
    """What requests became: rows by kind, errands with when they came and their raw message, what was refused and why."""

    rows: dict[str, list[Brought]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[Asked, datetime, bytes]] = field(default_factory=list)
    refused: list[_Refused] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    messages: int = 0


def drain(*, only_channel: int | None = None) -> int:
    """Take in what waits of each channel, a chunk of each; returns how many messages that were.

    Raises:
        OperationalError: the database is away. Whatever else stops a channel is logged, and stops no other.
    """
    taken = 0
    for id in _waiting_channels():
        if only_channel is not None and id != only_channel:
            continue
        with _alone(id) as held:
            if held:
                try:
                    taken += _Channel(id).drain()
                except AWAY:
                    raise
                except Exception as failure:  # noqa: BLE001  (whatever it is, the other channels go on)
                    _log.error("inbox.stopped", {"channel": id, "failure": type(failure).__name__})
    return taken


def drain_all() -> int:
    """Take in everything that waits (tests, and before an installation is moved)."""
    total = 0
    while taken := drain():
        total += taken
    return total


_shut = dict[UUID, float]()
"""Requests whose keys did not open: when each is tried again, by the clock of :func:`time.monotonic`."""
_refused = dict[int, tuple[UUID, tuple[int, str, int] | None]]()
"""Of a channel that the house refuses: the oldest request of the chunk, and the terms that came with it (:func:`_under`)."""


class _Channel:
    """One channel's chunk."""

    def __init__(self, id: int) -> None:
        self.channel = Channel.objects.get(id=id)
        self.kind: Kind | None = kinds().get(self.channel.kind)
        self.terms: ChannelTerms = terms_of(self.channel)
        self.actor: Actor = answering_for(self.channel)

    def drain(self) -> int:
        """Take in the next requests; returns how many messages they held."""
        sent = self._next()
        if not sent:
            return 0
        try:
            return self._drain(sent)
        except AsideDoesNotOpen as changed:  # no other try brings it back, and those beside it did not fail
            return self._give_up(next(one for one in sent if one.id == UUID(str(changed))))
        except (KeyDoesNotOpen, EpochKeyMissing):
            return self._wait_for_keys(sent)

    def _drain(self, sent: list[_Sent]) -> int:
        """The same of these, the oldest first."""
        if self.kind is None:
            return self._wait(sent, "no such kind of channel is installed")
        if self._still_refused(sent[0]):
            return self._wait_on(sent[0])
        single = sent[0].tries >= _TRIES
        if single:
            sent = sent[:1]
        try:
            return self._take_in(sent)
        except Refused as refused:
            _refused[self.channel.id] = sent[0].id, _under(sent[0])
            return self._wait(sent, refused.policy)
        except (AsideDoesNotOpen, KeyDoesNotOpen, EpochKeyMissing):
            raise
        except Exception as failure:  # whatever one message does to a reader, the others go on
            if isinstance(failure, AWAY):
                raise  # nothing was taken in, it will be
            # never its words: they may quote what was sent
            _log.error("inbox.failed", {"channel": self.channel.id, "failure": type(failure).__name__, "alone": single})
            if single:
                return self._set_aside(sent[0])
            with connection.cursor() as cursor:
                cursor.execute("update inbox set tries = tries + 1 where id = any (%s)", [[one.id for one in sent]])
            return len(sent)

    def _still_refused(self, first: _Sent) -> bool:
        """Whether what was refused at the last look would be again, asked without opening it: that is a row of the ledger."""
        id, under = _refused.get(self.channel.id, (None, None))
        if id != first.id:
            return False
        if under is not None:
            self.terms.controller, self.terms.basis, self.terms.notice = under
        admission = self._admission(recipe_of("interactions", self.channel, self.terms).supplier, None)
        try:
            refused = admission.verdict(0, admission.facts(raw_connection())).answer == "denied"
        except Refused:
            refused = True
        if not refused:
            del _refused[self.channel.id]
        return refused

    def _wait(self, sent: Sequence[_Sent], why: str) -> int:
        """What the house refuses of whoever answers for the channel, or cannot read, waits for a day; then quarantine shows it."""
        _log.warning("inbox.refused", {"channel": self.channel.id, "policy": why})
        return self._wait_on(sent[0])

    def _wait_on(self, first: _Sent) -> int:
        return self._set_aside(first) if timezone.now() - first.at >= _WAITS else 0

    def _wait_for_keys(self, sent: Sequence[_Sent]) -> int:
        """Those whose keys do not open are let be for a minute, and the others go on.

        One is given up after a day, where others of its epoch open; else it may be the house's own key that is the wrong one,
        as after a copy was brought back, and with the right one all of them come in.
        """
        given_up, shut = 0, closed_to_us(raw_connection(), [one.id for one in sent])
        for one in sent:
            if shut.get(one.id) and timezone.now() - one.at > _WAITS:
                given_up += self._give_up(one)
            elif one.id in shut:
                _shut[one.id] = time.monotonic() + _SHUT
        _log.error("inbox.keys", {"channel": self.channel.id, "waiting": len(shut) - given_up})
        return given_up

    def _next(self) -> list[_Sent]:
        now = time.monotonic()
        for id in [id for id, until in _shut.items() if until <= now]:
            del _shut[id]
        with connection.cursor() as cursor:
            cursor.execute(
                "select id, at, fresh, tries, messages from inbox where channel = %s and id <> all (%s) order by id limit %s",
                [self.channel.id, list(_shut), _REQUESTS],
            )
            found, messages = list[_Sent](), 0
            for id, at, fresh, tries, count in cursor.fetchall():
                if found and messages + count > _MESSAGES:
                    break
                found.append(_Sent(id, at, fresh, tries))
                messages += count
        return found

    def _open(self, sent: Sequence[_Sent]) -> list[_Sent]:
        """Their contents, the act recorded before; what was erased meanwhile is left out."""
        with connection.cursor() as cursor:
            cursor.execute("select id, sealed from inbox where id = any (%s)", [[one.id for one in sent]])
            sealed = {id: bytes(content) for id, content in cursor.fetchall()}
        opened = open_aside(sealed, actor=self.actor, act="collect", detail=None)
        for one in sent:
            if one.id in opened:
                try:
                    one.envelope = unpacked(opened[one.id])
                except (ValueError, IndexError, zlib.error):
                    raise AsideDoesNotOpen(str(one.id)) from None
        return [one for one in sent if one.envelope is not None]

    def _under_the_same(self, opened: Sequence[_Sent], sent: Sequence[_Sent]) -> list[_Sent]:
        """Those that came under the same terms as the first, where what was sent says its own; the rest is the next chunk.

        A form was shown in a version, with a notice: what came by it stands under these, whatever the channel's are now.
        """
        under = _under(opened[0]) if opened else None
        if under is not None:
            self.terms.controller, self.terms.basis, self.terms.notice = under
        others = [one.id for one in opened if _under(one) != under]
        stop = next((place for place, one in enumerate(sent) if one.id in others), len(sent))
        return list(sent[:stop])

    def _take_in(self, sent: Sequence[_Sent]) -> int:
        sent = self._under_the_same(self._open(sent), sent)
        read = self._read([one for one in sent if one.envelope is not None])
        with transaction.atomic():
            for kind in _ORDER:
                if kind == "interactions":
                    read.refused += self._hand_over(read.asked)
                bad = read.refused if kind == "interactions" else []
                if read.rows[kind] or bad:
                    self._write(kind, read.rows[kind], bad)
            self._note_unread(read.unread)
            self._done(sent)
        if read.rows["customers"] or read.rows["organisations"]:
            defer_linkage(self.actor.human)
        return read.messages

    def _read(self, opened: Sequence[_Sent]) -> _Read:
        read, refused = _Read(), list[_Named]()
        for one in opened:
            assert self.kind is not None  # else it waits
            held = self.kind.messages(one.envelope)
            places = one.places(len(held))
            reading = self.kind.read(one.envelope, one.at, places, self._words())
            for row in reading.rows:
                row.at = row.at or one.said_at
                read.rows[row.kind].append(row)
            read.asked += [(asked, one.at, _without(held[asked.message], asked.besides)) for asked in reading.asked]
            refused += [(bad.reason, orjson.dumps(held[bad.message]), bad.customer) for bad in reading.refused]
            for name, count in reading.unread.items():
                read.unread[name] += count
            read.messages += len(places)
        read.refused = self._keyed(refused)
        return read

    def _keyed(self, refused: Sequence[_Named]) -> list[_Refused]:
        """Each with the key by which an erasure finds it; of somebody who is gone, by our id, nothing is kept."""
        names = [of for _, _, of in refused if isinstance(of, str)]
        keys = keys_of(self.channel, self.terms.controller, names) if names else {}
        found = list[_Refused]()
        for why, raw, of in refused:
            key = a_key_of(of) if isinstance(of, UUID) else keys[of] if of is not None else None
            if key is not None or not isinstance(of, UUID):
                found.append((why, raw, key))
        return found

    def _hand_over(self, asked: Sequence[tuple[Asked, datetime, bytes]]) -> list[_Refused]:
        """Have errands carried out by whoever keeps those registers; returns what was not, with why."""
        names = [one.customer for one, _, _ in asked if one.customer is not None]
        known = customers_of(self.channel, self.terms.controller, names) if names else {}
        refused = list[_Named]()
        of = [(known.get(one.customer or ""), one, at, raw) for one, at, raw in asked]
        # in the order of subjects, as reads lock them; of one customer as they came
        for subject, one, at, raw in sorted(of, key=lambda each: each[0].bytes if each[0] is not None else b""):
            errand = Errand(one, subject, self.channel, self.terms.notice, at, self.actor)
            if (why := hand_of(one.hand)(errand)) is not None:
                refused.append((why, raw, one.subject or one.customer))
        return self._keyed(refused)

    def _words(self) -> Terms:
        terms = self.terms
        return Terms(terms.fields, terms.consents, terms.residence, told=terms.basis != "consent" and terms.notice > 0)

    def _write(self, kind: str, rows: Sequence[Brought], refused: Sequence[_Refused]) -> None:
        """Rows of one kind, as a chunk of the day's import of it."""
        began = time.monotonic()
        recipe = recipe_of(kind, self.channel, self.terms)
        batch = intake_of(kind, self.channel, self.terms, recipe, staff=self.actor.staff)
        number = ImportChunk.objects.filter(batch=batch).count()
        prepared = self._prepared(recipe, rows, first=number * 10_000 + 1)
        lines = range(number * 10_000 + 1 + len(rows), number * 10_000 + 1 + len(rows) + len(refused))
        prepared.refused += [
            Refusal(line, why, b"\0" + raw, key) for line, (why, raw, key) in zip(lines, refused, strict=True)
        ]
        terms = self.terms
        place = Place(batch, 0, number, 0, terms.controller, self.channel.id, terms.notice, recipe.way, repeat=False)
        write_chunk(prepared, place, self._admission(recipe.supplier, batch), actor=self.actor, began=began)
        if self.kind is not None and self.kind.brings_again:
            own = [row.own for row in rows] + [_own(raw) for _, raw, _ in refused]
            self._know(batch, dict(enumerate(own, start=number * 10_000 + 1)))

    def _know(self, batch: UUID, own: dict[int, str]) -> None:
        """Of messages, by their line, those that went to quarantine are known by their id while they lie there."""
        lines = Quarantined.objects.filter(batch=batch, accepted=False, line__in=list(own)).values_list(
            "line", flat=True
        )
        know_longer(self.channel.id, [own[line] for line in lines if own[line]], days=kept_days())

    def _admission(self, supplier: int | None, batch: UUID | None) -> Admission:
        terms = self.terms
        return Admission(
            installation(), gate().decisions, actor=self.actor,
            terms=AdmissionTerms(
                self.channel.id, self._kind(supplier), terms.controller, terms.basis, terms.notice, False, batch,
                supplier=supplier,
            ),
        )  # fmt: skip

    def _kind(self, supplier: int | None) -> str:
        """What the policies are told of the way: whose data comes by it, where that is not the sender's own."""
        return marks()[supplier].kind if supplier is not None else self.channel.kind

    def _prepared(self, recipe: Recipe, rows: Sequence[Brought], *, first: int) -> Prepared:
        frame = frame_of(rows, range(first, first + len(rows)), recipe)
        preparer = Preparer(
            installation(), recipe, only(recipe, frame.columns), controller=self.terms.controller, channel=self.channel.id
        )  # fmt: skip
        return preparer.prepare(Batch(frame, []))

    def _set_aside(self, sent: _Sent) -> int:
        """A request whose messages cannot be taken in: each to quarantine, sealed by itself, where an erasure finds it."""
        found = self._open([sent])  # none: it was erased meanwhile
        named = list[_Named]()
        for opened in found:
            for message in self._parted(opened):
                named += self._apart(message, sent.at)
        refused = self._keyed(named)
        with transaction.atomic():
            if refused:
                self._write("interactions", [], refused)
            self._done([sent])
        return len(refused)

    def _give_up(self, sent: _Sent) -> int:
        """A request that nobody can open any more: quarantine says that something came, and nothing of what it was."""
        _log.error("inbox.does_not_open", {"channel": self.channel.id, "request": str(sent.id)})
        with transaction.atomic():
            self._write("interactions", [], [(_LOST, b"null", None)])
            self._done([sent])
        return 1

    def _parted(self, opened: _Sent) -> list[Any]:
        """Its messages that were not here before; all of it as one where its kind is gone, or cannot part it."""
        try:
            assert self.kind is not None
            held = self.kind.messages(opened.envelope)
        except Exception:  # noqa: BLE001  (whatever its own reader fails on)
            return [opened.envelope]
        return [held[place] for place in opened.places(len(held)) if place < len(held)]

    def _apart(self, message: Any, at: datetime) -> list[_Named]:
        """One message that cannot be taken in, in the parts that its kind has."""
        try:
            parts = self.kind.apart(message) if self.kind is not None else [message]
        except Exception:  # noqa: BLE001  (not as its kind writes them)
            parts = [message]
        return [(_FAILED, orjson.dumps(part), self._whose(part, at)) for part in parts]

    def _whose(self, message: Any, at: datetime) -> str | UUID | None:
        """The customer whom a message is about, as it names them; None: it names nobody."""
        try:
            assert self.kind is not None
            reading = self.kind.read(self.kind.again(message, self.channel.id), at, [0], self._words())
        except Exception:  # noqa: BLE001  (it is its own reader that fails on it)
            return None
        meant = next((one.subject for one in reading.asked if one.subject is not None), None)
        if meant is not None:
            return meant
        named = (row.values.get("external_id") for row in reading.rows if row.kind != "organisations")
        asked, refused = (one.customer for one in reading.asked), (one.customer for one in reading.refused)
        return next((name for name in (*named, *asked, *refused) if name), None)

    def _note_unread(self, unread: dict[str, int]) -> None:
        if unread:
            with connection.cursor() as cursor:
                cursor.execute(
                    "with said as (select n.name, n.messages, u.name is not null as known,"
                    " row_number() over (partition by u.name is null order by n.name) as place"
                    " from unnest(%(names)s::text[], %(counts)s::bigint[]) as n (name, messages)"
                    " left join inbox_unread u on u.channel = %(channel)s and u.name = n.name),"
                    " held as (select count(*) as names from inbox_unread where channel = %(channel)s)"
                    " insert into inbox_unread (channel, name, messages) select %(channel)s, s.name, s.messages"
                    " from said s, held h where s.known or h.names + s.place <= %(most)s order by s.name"
                    " on conflict (channel, name) do update set messages = inbox_unread.messages + excluded.messages,"
                    " last_at = clock_timestamp()",
                    {
                        "channel": self.channel.id,
                        "names": list(unread),
                        "counts": list(unread.values()),
                        "most": _UNREAD,
                    },
                )

    def _done(self, sent: Sequence[_Sent]) -> None:
        ids = [one.id for one in sent]
        forget_aside(connection.connection, ids)
        with connection.cursor() as cursor:
            cursor.execute("delete from inbox where id = any (%s)", [ids])


def _own(raw: bytes) -> str:
    """A message's id; empty where it has none, or is none."""
    held = orjson.loads(raw)
    return str(held.get("own", "")) if isinstance(held, dict) else ""


def _without(message: Any, parts: Sequence[str]) -> bytes:
    """A message as it is set aside, without what is carried out all the same."""
    left = {name: held for name, held in message.items() if name not in parts} if parts else message
    return orjson.dumps(left)


def _under(sent: _Sent) -> tuple[int, str, int] | None:
    """The terms that came with what was sent (controller, basis, notice), as its own door wrote them beside it."""
    under = sent.envelope.get("under") if isinstance(sent.envelope, dict) else None
    return (under["controller"], under["basis"], under["notice"]) if under is not None else None


def forget_seen() -> int:
    """Forget messages that were acknowledged over a week ago; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("delete from inbox_seen where day < current_date - %s::integer", [KNOWN_DAYS])
        return int(cursor.rowcount)


def forget_unread() -> int:
    """Forget names that nobody reads and that no message has used for a month; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("delete from inbox_unread where last_at < now() - interval '30 days'")
        return int(cursor.rowcount)


def _waiting_channels() -> list[int]:
    with connection.cursor() as cursor:
        # as an index walk: one look for each channel, however much waits
        cursor.execute("select c.id from govern_channel c where exists (select 1 from inbox i where i.channel = c.id)")
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def _alone(channel: int) -> Iterator[bool]:
    """Hold a channel for this process, where nobody else does; a killed one's hold ends with its connection."""
    raw = raw_connection()
    row = raw.execute("select pg_try_advisory_lock(%s)", (_LOCK << 16 | channel,)).fetchone()
    held = row is not None and bool(row[0])
    try:
        yield held
    finally:
        if held and not raw.closed:
            raw.execute("select pg_advisory_unlock(%s)", (_LOCK << 16 | channel,))
