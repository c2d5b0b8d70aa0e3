"""The gate's way out: ask, be decided, stand in the ledger, and only then see plaintext."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypedDict, TypeVar, Unpack
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import Connection
from psycopg.pq import TransactionStatus

from kehu.govern.slugs import ACTIONS, BASES, CATEGORIES, PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.ahead import Ahead
from kehu.guard.gate.decisions import LET_OUT, Ask, Decision, Decisions, FieldAnswer
from kehu.guard.gate.policies import MATCH
from kehu.guard.gate.pulls import take_pulls
from kehu.guard.gate.quotas import Leases
from kehu.guard.gate.sending import Sent
from kehu.guard.gate.statement import PARAMETERS, STATEMENTS, Reach
from kehu.guard.installation import Installation, installation
from kehu.guard.ledger.mac import entry_mac
from kehu.host.process import uncollected
from kehu.vault.arrays import ByteaArray, SmallintArray, UuidArray
from kehu.vault.ids import first_id
from kehu.vault.keys import EpochKeyMissing
from kehu.vault.open import open_facet

CHUNK: Final = 2_000  # subjects in one row of the ledger
PROFILE_KINDS: Final = (1, 2, 5)
EVENT_KINDS: Final = (3, 4)
_ATTEMPTS: Final = 8
_made: Final = tuple.__new__  # what a named tuple's own constructor calls, at a third of the time
_GROUPS: Final = 32  # rows of the ledger that a first try may need: a page of customers who stand in as many ways

Found = TypeVar("Found")
Unseal = Callable[[Connection[Any], list[Any]], Found]
"""What makes something of the rows that a confirmed statement handed out."""


class LedgerUnavailable(RuntimeError):
    """No row could be written, so nothing was opened (promise L1)."""


class RulesChanged(LedgerUnavailable):
    """Other rules are in force than this process can decide under; nothing was recorded, nothing opened."""


class InsideTransaction(RuntimeError):
    """The gate was asked inside a transaction that could still roll its row back."""


class Contribution(NamedTuple):
    """One value that one record brought, as far as the gate lets it out.

    ``given`` (None where derived) and ``normal`` hold the value, or for a masked answer its mask. ``repr`` shows neither.
    A tuple, for ten are made of each customer: a frozen dataclass takes five times as long to make.
    """

    field: str
    answer: str
    policy: str
    given: str | None
    normal: str | None
    status: int
    verified_at: str | None
    subject: UUID
    record: UUID
    kind: int
    channel: int
    said_at: datetime | None

    def __repr__(self) -> str:
        return (
            f"Contribution(field={self.field!r}, answer={self.answer!r}, policy={self.policy!r}, record={self.record})"
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """What the gate let out of one customer: contributions, the decision, and the row it stands in."""

    customer: UUID
    origins: tuple[UUID, ...]
    seq: int
    decision: Decision
    contributions: tuple[Contribution, ...] = dataclasses.field(repr=False)
    stale: Mapping[str, FieldAnswer] = dataclasses.field(default_factory=dict)  # kept back for their age alone

    def denied(self) -> Mapping[str, FieldAnswer]:
        """Fields of which nothing comes out: :attr:`Decision.denied`."""
        return self.decision.denied


def raw_connection() -> Connection[Any]:
    """The psycopg connection under Django's, outside any transaction.

    Raises:
        InsideTransaction: a transaction is open on it.
    """
    held = connections[DEFAULT_DB_ALIAS]  # found once: Django's own name for it finds it anew for each attribute
    if held.connection is None:
        held.ensure_connection()
    raw: Connection[Any] = held.connection
    if held.in_atomic_block or raw.pgconn.transaction_status != TransactionStatus.IDLE:
        raise InsideTransaction("open outside a transaction: a rollback would take the ledger's row back")
    return raw


class Options(TypedDict, total=False):
    """How customers are asked for.

    ``fields`` defaults to the purpose's least set; ``masked`` has all of them at most masked, or those named. ``reach``
    "origins" opens exactly the origin subjects named (a person's rights end at the certain part), "residue" what an
    erasure left, "events" of a customer's orders and interactions no more than those in ``events``, each an origin subject and
    one of its records. ``recipient`` and ``country`` name who gets it and where, ``event`` what else needs a consent of its own
    (``publish``, ``public-space``); a message is asked for by its ``medium`` and ``topic``. ``detail`` is the act that
    the ledger's row belongs to.
    """

    fields: Iterable[str] | None
    use: str
    masked: bool | Collection[str]
    kinds: Sequence[int]
    detail: UUID | None
    recipient: str
    recipient_kind: str
    country: str
    medium: str
    topic: str
    event: str
    approved: tuple[str, ...]
    reach: Reach
    events: Sequence[tuple[UUID, UUID]]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of whom; ``asked`` makes the ask anew, for other rules may have come in force meanwhile."""

    asked: Callable[[], Ask]
    actor: Actor
    kinds: Sequence[int]
    detail: UUID | None
    reach: Reach
    events: Sequence[tuple[UUID, UUID]]


class Gate:
    """The only way plaintext leaves the vault."""

    def __init__(self, held: Installation) -> None:
        self._held = held
        self.decisions = Decisions(held)
        self._quotas = Leases()

    def open(self, subjects: Sequence[UUID], *, actor: Actor, purpose: str, **options: Unpack[Options]) -> list[Opened]:
        """Open up to 2,000 customers for one purpose; any origin subject's id names its customer.

        Unknown, erased and taken-back subjects are left out.

        Raises:
            KeyError: no such purpose, field or use (:mod:`kehu.guard.gate.uses`).
            ValueError: no such country, event, medium or topic, or a message without its medium and topic.
            LedgerUnavailable: the ledger could not be written; nothing was opened.
            RulesChanged: the rules in force are not those of this program and its register.
            InsideTransaction: called inside a transaction.
        """
        if len(subjects) > CHUNK:
            raise ValueError(f"at most {CHUNK} subjects a chunk; use stream()")
        return self._answered(self._question(actor, purpose, subjects, options), self._unseal, subjects)

    def stream(
        self, subjects: Iterable[UUID], *, actor: Actor, purpose: str, **options: Unpack[Options]
    ) -> Iterator[list[Opened]]:
        """Open any number of customers, some thousands at a time.

        What is yielded was decided and recorded after it was asked for, so a withdrawal stops all that is not yet
        yielded; within it the database decides the next piece while this one is opened.

        Raises:
            as :meth:`open`.
        """
        rest, piece = iter(subjects), CHUNK // 2
        with Ahead() as ahead:
            while stretch := list(itertools.islice(rest, 4 * piece)):
                question = self._question(actor, purpose, stretch, options)
                parts = [stretch[start : start + piece] for start in range(0, len(stretch), piece)]
                with uncollected():
                    opened = self._overlapped(question, parts, ahead)
                yield opened

    def compared(self, subject: UUID, field: str, unseal: Unseal[Found], *, actor: Actor, purpose: str) -> Found:
        """Hand the rows of a comparison, decided and recorded, to what compares; see :mod:`kehu.guard.gate.compare`.

        Raises:
            as :meth:`open`.
        """
        options: Options = {"fields": (field,), "use": MATCH, "kinds": PROFILE_KINDS}
        return self._answered(self._question(actor, purpose, [subject], options), unseal, [subject])

    def _question(self, actor: Actor, purpose: str, subjects: Sequence[UUID], options: Options) -> _Question:
        reach, masked = options.get("reach", "customer"), options.get("masked", False)
        if reach == "origins" and purpose != "rights-request":  # the strictest of the whole customer counts for others
            raise ValueError("single origin subjects are opened for a person's own rights only")
        outside = actor.outside
        if outside is not None:  # whatever a caller names: what a token for a recipient is told leaves the house
            options = {**options, "recipient": outside.recipient}
            options |= {"recipient_kind": outside.kind, "country": outside.country}
            take_pulls(subjects, actor=actor, purpose=purpose, use=options.get("use", "read"))
        self._quotas.take(subjects, actor=actor, purpose=purpose, use=options.get("use", "read"))
        fields = options.get("fields")
        named = None if fields is None else frozenset(fields)

        def asked() -> Ask:
            names = self._asked(purpose, named)
            return Ask(
                purpose=purpose,
                use=options.get("use", "read"),
                fields=names,
                masked=masked if isinstance(masked, bool) else False,
                recipient=options.get("recipient", ""),
                recipient_kind=options.get("recipient_kind", "none"),
                country=options.get("country", ""),
                bulk=len(subjects) > 1,
                masked_fields=() if isinstance(masked, bool) else tuple(name for name in names if name in masked),
                medium=options.get("medium", ""),
                topic=options.get("topic", ""),
                event=options.get("event", ""),
                approved=options.get("approved", ()),
            ).checked()

        kinds = options.get("kinds", PROFILE_KINDS if reach == "events" else PROFILE_KINDS + EVENT_KINDS)
        # what a grant lets through is written down under it: where another act is named, it lets nothing through
        detail = options.get("detail") or actor.grant
        return _Question(asked, actor, kinds, detail, reach, options.get("events", ()))

    def _answered(self, question: _Question, unseal: Unseal[Found], subjects: Sequence[UUID]) -> Found:
        raw = raw_connection()
        for attempt in range(_ATTEMPTS):
            try:
                return unseal(raw, self._decided(raw, question, subjects))
            except EpochKeyMissing:  # keys were rotated between the statement and here: the next one sees the new epoch
                time.sleep(0.01 * 2**attempt)
        return unseal(raw, self._decided(raw, question, subjects))

    def _overlapped(self, question: _Question, parts: Sequence[Sequence[UUID]], ahead: Ahead) -> list[Opened]:
        """Open several pieces, the statement of the next one running while the rows of this one are opened."""
        raw, opened = raw_connection(), list[list[Opened] | None]()
        self._start(ahead, question, parts[0])
        for part in parts[1:]:
            with _only_its_class():
                rows = ahead.finish()
            self._start(ahead, question, part)
            opened.append(self._unsealed(raw, rows))
        with _only_its_class():
            rows = ahead.finish()
        opened.append(self._unsealed(raw, rows))
        # asked for again only now, when nothing runs ahead whose locks somebody waits for
        whole = (
            self._answered(question, self._unseal, part) if found is None else found
            for part, found in zip(parts, opened, strict=True)
        )
        return list(itertools.chain.from_iterable(whole))

    def _unsealed(self, raw: Connection[Any], rows: list[Any]) -> list[Opened] | None:
        """What a statement that ran ahead hands out; None where it has to be asked for again."""
        if rows and not rows[0][5]:  # a decision is missing, or other rules came in force: nothing was recorded
            return None
        try:
            return self._unseal(raw, rows)
        except EpochKeyMissing:
            return None

    def _start(self, ahead: Ahead, question: _Question, subjects: Sequence[UUID]) -> None:
        values = self._values(question.asked(), question, subjects, _GROUPS)
        with _only_its_class():
            ahead.start(STATEMENTS[question.reach], values)

    def _decided(self, raw: Connection[Any], question: _Question, subjects: Sequence[UUID]) -> list[Any]:
        """The rows of a confirmed statement, every decision it needs made before.

        Raises:
            as :meth:`open`.
        """
        for attempt in range(_ATTEMPTS):
            ask = question.asked()
            values = self._values(ask, question, subjects, _GROUPS * 4**attempt)
            with _only_its_class():
                rows = Sent(raw, STATEMENTS[question.reach], values).finish()
            if not rows or rows[0][5]:
                return rows
            if self._under_others(raw):
                continue
            for facts, state in {(row[4], row[1]) for row in rows}:
                self.decisions.store(raw, ask, facts, state)
        raise RulesChanged("the rules in force kept changing")

    def _asked(self, purpose: str, named: Collection[str] | None) -> tuple[str, ...]:
        rules = self._held.rules
        spec = rules.purposes[purpose]
        asked = tuple(sorted(named if named is not None else spec.least))
        for name in asked:
            rules.dictionary.field(name)
        return asked

    def _under_others(self, raw: Connection[Any]) -> bool:
        """Whether other rules came in force than the statement was told; this process then decides under them, too.

        Raises:
            RulesChanged: they are not what this process reads: another version of the program put them in force.
        """
        if self._in_force(raw) == self._held.rules.digest:
            return False
        for _ in range(2):  # once more where a change came in force between the two
            digest = self._held.held_rules.read_again().digest
            if self._in_force(raw) == digest:
                return True
        raise RulesChanged("the rules in force are another program's; restart this process")

    def _in_force(self, raw: Connection[Any]) -> bytes | None:
        row = raw.execute("select digest from govern_rules order by version desc limit 1").fetchone()
        return bytes(row[0]) if row else None

    def _values(self, ask: Ask, question: _Question, subjects: Sequence[UUID], groups: int) -> list[Any]:
        """The statement's parameters; ``groups``: rows of the ledger it may need."""
        text, purpose, actor = ask.text(self._held.rules), PURPOSES[ask.purpose], question.actor
        entries = [UUID(bytes=os.urandom(16), version=4) for _ in range(min(groups, max(1, len(subjects))))]
        macs = [
            entry_mac(
                self._held.entry_key,
                entry=entry,
                actor=actor.credential,
                human=actor.human,
                department=actor.department,
                purpose=purpose,
                action=ACTIONS[ask.use],
                detail=question.detail,
                ask=text,
            )
            for entry in entries
        ]
        named = {
            "actor": actor.credential,
            "purpose": purpose,
            "purpose_key": str(purpose),
            "message": f"{ask.medium}:{ask.topic}" if ask.medium else "",
            "retention_days": self._held.rules.purposes[ask.purpose].retention_days,
            "purpose_version": self._held.rules.purposes[ask.purpose].version,
            "subjects": UuidArray(subjects),
            "ask": text,
            "rules": self._held.rules.digest,
            "entries": UuidArray(entries),
            "macs": ByteaArray(macs),
            "action": ACTIONS[ask.use],
            "detail": question.detail,
            "kinds": SmallintArray(question.kinds),
            "event_subjects": UuidArray([subject for subject, _ in question.events]),
            "events": UuidArray([record for _, record in question.events]),
            "consent_basis": BASES["consent"],
            **_oldest(self._held.rules.purposes[ask.purpose].fresh),
        }
        return [named[name] for name in PARAMETERS[question.reach]]

    def _unseal(self, raw: Connection[Any], rows: list[Any]) -> list[Opened]:
        """Decrypt what the confirmed statement handed out. No row of the ledger, no plaintext."""
        # by number: two ids compared as ids take four times as long
        customers = itertools.groupby(rows, key=lambda row: row[0].int)
        return [self._unseal_customer(raw, list(held)) for _, held in customers]

    def key_of(self, wrapped: bytes, *, subject: UUID, epoch: int) -> bytes:
        """The key of one origin subject, for what compares within this room."""
        return self._held.epochs.unwrap(wrapped, subject=subject.bytes, epoch=epoch)

    def _unseal_customer(self, raw: Connection[Any], rows: list[Any]) -> Opened:
        customer, _, decided, _, _, _, seq = rows[0][:7]
        if seq is None:
            raise LedgerUnavailable("nothing was recorded")
        decision = self.decisions.get(raw, decided)
        mask = self._held.rules.dictionary.mask
        values: list[Contribution] = []
        stale: dict[str, FieldAnswer] = {}
        origins: list[UUID] = []
        of: bytes | None = None
        cipher: AESGCM | None = None
        for row in rows:  # in the order of subjects
            subject, epoch, wrapped, record, kind, channel, category, version, sealed, provenance, said_at, old = row[
                7:19
            ]
            raw_subject = subject.bytes
            if raw_subject != of:
                of, cipher = raw_subject, None
                origins.append(subject)
            if sealed is None or provenance < 0:  # of a source that nothing is known of
                continue
            if cipher is None:
                cipher = AESGCM(self._held.epochs.unwrap(wrapped, subject=raw_subject, epoch=epoch))
            held = open_facet(
                cipher, sealed, subject=raw_subject, record=record.bytes, category=category, version=version
            )
            for name, (given, normal, status, verified) in held.items():
                answers = decision.fields.get(name)
                if answers is None or (answer := answers[provenance]).answer not in LET_OUT:
                    continue
                if old and (answer := decision.of(name, provenance, stale=True)).answer not in LET_OUT:
                    stale[name] = answer
                    continue
                if answer.answer == "masked":
                    normal = mask(name, normal or given)
                    given = normal if given is not None else None  # derived stays derived, so the same value survives
                told = (
                    name, answer.answer, answer.policy, given, normal, status, verified, subject, record, kind, channel,
                    said_at,
                )  # fmt: skip
                values.append(_made(Contribution, told))
        return Opened(customer, tuple(origins), seq, decision, tuple(values), stale)


def _oldest(fresh: Mapping[str, int]) -> dict[str, Any]:
    """By number of category, how old a record may be whose values still count as said or confirmed lately.

    A record's id carries when it came; a confirmation is a record of its own.
    """
    if not fresh:
        return {"oldest_times": None, "oldest_ids": None}
    now = datetime.now(UTC)
    times = [now - timedelta(days=fresh[name]) if name in fresh else None for name in CATEGORIES]
    ids = [None if at is None else first_id(at) for at in times]
    return {"oldest_times": times, "oldest_ids": ids}


@contextlib.contextmanager
def _only_its_class() -> Iterator[None]:
    """Let on of a database's error nothing but its class: its text can carry values.

    Raises:
        LedgerUnavailable: in its place.
    """
    try:
        yield
    except psycopg.Error as refused:
        raise LedgerUnavailable(f"the checked read failed: {type(refused).__name__}") from None


@functools.lru_cache(maxsize=1)
def gate() -> Gate:
    """The gate of this process."""
    return Gate(installation())
