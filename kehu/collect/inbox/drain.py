"""Taking in what waits: opened and read (``reading.py``), and brought in on the same way as an import, chunk by chunk.

A chunk's rows and what they came in go in one transaction: written and taken out of the inbox, or neither. So a crash at any
moment loses nothing and doubles nothing. One process at a time drains a channel, in the order of arrival.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.collect.channels import Asked, Brought, Kind, kinds
from kehu.collect.imports.prepare import Prepared, Preparer, Refusal
from kehu.collect.imports.recipe import Recipe
from kehu.collect.imports.write import Place, write_chunk
from kehu.collect.inbox.accept import KNOWN_DAYS, know_for_good
from kehu.collect.inbox.hands import Errand, hand_of
from kehu.collect.inbox.intake import frame_of, intake_of, only, recipe_of
from kehu.collect.inbox.known import customers_of
from kehu.collect.inbox.reading import NamedMessage, Reader, RefusedMessage, Sent, own_id, terms_beside
from kehu.collect.inbox.terms import answering_for, terms_of
from kehu.collect.models import ChannelTerms, ImportChunk, Quarantined
from kehu.collect.readers import Batch
from kehu.govern.models import Channel
from kehu.govern.sources import marks
from kehu.guard.aside import AsideDoesNotOpen, forget_aside
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
_SHUT: Final = 60.0  # seconds until what does not open is tried again
_LOCK: Final = 0x6B696E00  # and the channel's id
_UNREAD: Final = 500  # names of a channel that nobody reads: more are not noted, for who sends may make them up
_LOST: Final = "message_does_not_open"


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
"""Of a channel that the house refuses: the oldest request of the chunk, and the terms that came with it (:func:`terms_beside`)."""


class _Channel:
    """One channel's chunk."""

    def __init__(self, id: int) -> None:
        self.channel = Channel.objects.get(id=id)
        self.kind: Kind | None = kinds().get(self.channel.kind)
        self.terms: ChannelTerms = terms_of(self.channel)
        self.actor: Actor = answering_for(self.channel)
        self._reader = Reader(self.channel, self.kind, self.terms, self.actor)

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

    def _drain(self, sent: list[Sent]) -> int:
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
            _refused[self.channel.id] = sent[0].id, terms_beside(sent[0])
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

    def _still_refused(self, first: Sent) -> bool:
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

    def _wait(self, sent: Sequence[Sent], why: str) -> int:
        """What the house refuses of whoever answers for the channel, or cannot read, waits for a day; then quarantine shows it."""
        _log.warning("inbox.refused", {"channel": self.channel.id, "policy": why})
        return self._wait_on(sent[0])

    def _wait_on(self, first: Sent) -> int:
        return self._set_aside(first) if timezone.now() - first.at >= _WAITS else 0

    def _wait_for_keys(self, sent: Sequence[Sent]) -> int:
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

    def _next(self) -> list[Sent]:
        now = time.monotonic()
        for id in [id for id, until in _shut.items() if until <= now]:
            del _shut[id]
        with connection.cursor() as cursor:
            cursor.execute(
                "select id, at, fresh, tries, messages from inbox where channel = %s and id <> all (%s) order by id limit %s",
                [self.channel.id, list(_shut), _REQUESTS],
            )
            found, messages = list[Sent](), 0
            for id, at, fresh, tries, count in cursor.fetchall():
                if found and messages + count > _MESSAGES:
                    break
                found.append(Sent(id, at, fresh, tries))
                messages += count
        return found

    def _take_in(self, sent: Sequence[Sent]) -> int:
        sent = self._reader.under_the_same(self._reader.open(sent), sent)
        read = self._reader.read([one for one in sent if one.envelope is not None])
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

    def _hand_over(self, asked: Sequence[tuple[Asked, datetime, bytes]]) -> list[RefusedMessage]:
        """Have errands carried out by whoever keeps those registers; returns what was not, with why."""
        names = [one.customer for one, _, _ in asked if one.customer is not None]
        known = customers_of(self.channel, self.terms.controller, names) if names else {}
        refused = list[NamedMessage]()
        of = [(known.get(one.customer or ""), one, at, raw) for one, at, raw in asked]
        # in the order of subjects, as reads lock them; of one customer as they came
        for subject, one, at, raw in sorted(of, key=lambda each: each[0].bytes if each[0] is not None else b""):
            errand = Errand(one, subject, self.channel, self.terms.notice, at, self.actor)
            if (why := hand_of(one.hand)(errand)) is not None:
                refused.append((why, raw, one.subject or one.customer))
        return self._reader.keyed(refused)

    def _write(self, kind: str, rows: Sequence[Brought], refused: Sequence[RefusedMessage]) -> None:
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
            own = [row.own for row in rows] + [own_id(raw) for _, raw, _ in refused]
            self._know(batch, dict(enumerate(own, start=number * 10_000 + 1)))

    def _know(self, batch: UUID, own: dict[int, str]) -> None:
        """Of messages, by their line, those that went to quarantine are known by their id, also once they are erased there."""
        lines = Quarantined.objects.filter(batch=batch, accepted=False, line__in=list(own)).values_list(
            "line", flat=True
        )
        know_for_good(self.channel.id, [own[line] for line in lines if own[line]])

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

    def _set_aside(self, sent: Sent) -> int:
        """A request whose messages cannot be taken in: each to quarantine, sealed by itself, where an erasure finds it."""
        found = self._reader.open([sent])  # none: it was erased meanwhile
        named = list[NamedMessage]()
        for opened in found:
            for message in self._reader.parted(opened):
                named += self._reader.apart(message, sent.at)
        refused = self._reader.keyed(named)
        with transaction.atomic():
            if refused:
                self._write("interactions", [], refused)
            self._done([sent])
        return len(refused)

    def _give_up(self, sent: Sent) -> int:
        """A request that nobody can open any more: quarantine says that something came, and nothing of what it was."""
        _log.error("inbox.does_not_open", {"channel": self.channel.id, "request": str(sent.id)})
        with transaction.atomic():
            self._write("interactions", [], [(_LOST, b"null", None)])
            self._done([sent])
        return 1

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

    def _done(self, sent: Sequence[Sent]) -> None:
        ids = [one.id for one in sent]
        forget_aside(connection.connection, ids)
        with connection.cursor() as cursor:
            cursor.execute("delete from inbox where id = any (%s)", [ids])


def forget_seen() -> int:
    """Forget messages that were acknowledged over a week ago, but those that stay known; returns how many."""
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
