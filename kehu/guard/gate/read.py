"""The gate's way out: ask, be decided, stand in the ledger, and only then see plaintext."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection as django_connection
from psycopg import Connection, RawCursor
from psycopg.pq import TransactionStatus

from kehu.govern.slugs import ACTIONS, BASES, PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import LET_OUT, Ask, Decision, Decisions, FieldAnswer
from kehu.guard.gate.policies import MATCH
from kehu.guard.gate.statement import CHECKED_READ, PARAMETERS, STATEMENTS, Reach
from kehu.guard.installation import Installation, installation
from kehu.guard.ledger.mac import entry_mac
from kehu.vault.arrays import UuidArray, UuidArrayDumper
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

    def denied(self) -> dict[str, FieldAnswer]:
        """Fields of which nothing comes out whatever the provenance; some of them may yet be compared (``match-only``)."""
        return {n: row[0] for n, row in self.decision.fields.items() if all(a.answer not in LET_OUT for a in row[:3])}


def raw_connection() -> Connection[Any]:
    """The psycopg connection under Django's, outside any transaction.

    Raises:
        InsideTransaction: a transaction is open on it.
    """
    django_connection.ensure_connection()
    raw: Connection[Any] = django_connection.connection
    if django_connection.in_atomic_block or raw.info.transaction_status != TransactionStatus.IDLE:
        raise InsideTransaction("open outside a transaction: a rollback would take the ledger's row back")
    return raw


class Gate:
    """The only way plaintext leaves the vault."""

    def __init__(self, held: Installation) -> None:
        self._held = held
        self.decisions = Decisions(held)

    def open(
        self,
        subjects: Sequence[UUID],
        *,
        actor: Actor,
        purpose: str,
        fields: Iterable[str] | None = None,
        use: str = "read",
        masked: bool | Collection[str] = False,
        kinds: Sequence[int] = PROFILE_KINDS + EVENT_KINDS,
        detail: UUID | None = None,
        recipient: str = "",
        recipient_kind: str = "none",
        country: str = "",
        medium: str = "",
        topic: str = "",
        event: str = "",
        reach: Reach = "customer",
    ) -> list[Opened]:
        """Open up to 2,000 customers for one purpose; any origin subject's id names its customer.

        ``fields`` defaults to the purpose's least set; ``masked`` has all of them at most masked, or those named.
        Unknown, erased and taken-back subjects are left out. ``reach`` "origins" opens exactly the origin subjects
        named (a person's rights end at the certain part), "residue" what an erasure left.

        ``recipient`` and ``country`` name who gets it and where, ``event`` what else needs a consent of its own
        (``publish``, ``public-space``); a message is asked for by its ``medium`` and ``topic``.

        Raises:
            KeyError: no such purpose or field.
            ValueError: no such country, event, medium or topic, or a message without its medium and topic.
            LedgerUnavailable: the ledger could not be written; nothing was opened.
            RulesChanged: the rules in force are not those of this program and its register.
            InsideTransaction: called inside a transaction.
        """
        if len(subjects) > CHUNK:
            raise ValueError(f"at most {CHUNK} subjects a chunk; use stream()")
        if reach == "origins" and purpose != "rights-request":  # the strictest of the whole customer counts for others
            raise ValueError("single origin subjects are opened for a person's own rights only")
        named = None if fields is None else frozenset(fields)
        every, bulk = masked if isinstance(masked, bool) else False, len(subjects) > 1

        def asked() -> Ask:
            names = self._asked(purpose, named)
            some = () if isinstance(masked, bool) else tuple(name for name in names if name in masked)
            return Ask(
                purpose, use, names, every, recipient, recipient_kind, country, bulk, some, medium, topic, event
            ).checked()

        return self._answered(asked, self._unseal, actor, subjects, kinds, detail, reach)

    def compared(self, subject: UUID, field: str, unseal: Unseal[Found], *, actor: Actor, purpose: str) -> Found:
        """Hand the rows of a comparison, decided and recorded, to what compares; see :mod:`kehu.guard.gate.compare`.

        Raises:
            as :meth:`open`.
        """

        def asked() -> Ask:
            return Ask(purpose, MATCH, self._asked(purpose, (field,)), False, "", "none", "", False)

        return self._answered(asked, unseal, actor, [subject], PROFILE_KINDS, None, "customer")

    def _answered(
        self,
        asked: Callable[[], Ask],
        unseal: Unseal[Found],
        actor: Actor,
        subjects: Sequence[UUID],
        kinds: Sequence[int],
        detail: UUID | None,
        reach: Reach,
    ) -> Found:
        raw = raw_connection()
        for attempt in range(_ATTEMPTS):
            ask = asked()
            rows = self._checked_read(
                raw, ask, actor, subjects, kinds, detail, groups=_GROUPS * 4**attempt, reach=reach
            )
            if not rows or rows[0][5]:
                try:
                    return unseal(raw, rows)
                except (
                    EpochKeyMissing
                ):  # keys were rotated between the statement and here: the next one sees the new epoch
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(0.01 * 2**attempt)
                    continue
            if self._under_others(raw):
                continue
            for facts, state in {(row[4], row[1]) for row in rows}:
                self.decisions.store(raw, ask, facts, state)
        raise RulesChanged("the rules in force kept changing")

    def stream(self, subjects: Iterable[UUID], *, actor: Actor, purpose: str, **options: Any) -> Iterator[list[Opened]]:
        """Open any number of customers, chunk by chunk; each chunk is decided and recorded by itself."""
        chunk: list[UUID] = []
        for subject in subjects:
            chunk.append(subject)
            if len(chunk) == CHUNK:
                yield self.open(chunk, actor=actor, purpose=purpose, **options)
                chunk = []
        if chunk:
            yield self.open(chunk, actor=actor, purpose=purpose, **options)

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

    def _checked_read(
        self,
        raw: Connection[Any],
        ask: Ask,
        actor: Actor,
        subjects: Sequence[UUID],
        kinds: Sequence[int],
        detail: UUID | None,
        groups: int,
        reach: Reach,
    ) -> list[Any]:
        text, purpose = ask.text(self._held.rules), PURPOSES[ask.purpose]
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
                detail=detail,
                ask=text,
            )
            for entry in entries
        ]
        parameters = {
            "actor": actor.credential,
            "purpose": purpose,
            "purpose_key": str(purpose),
            "message": f"{ask.medium}:{ask.topic}" if ask.medium else "",
            "purpose_version": self._held.rules.purposes[ask.purpose].version,
            "subjects": UuidArray(subjects),
            "ask": text,
            "rules": self._held.rules.digest,
            "entries": UuidArray(entries),
            "macs": macs,
            "action": ACTIONS[ask.use],
            "detail": detail,
            "kinds": list(kinds),
            "consent_basis": BASES["consent"],
        }
        try:
            with RawCursor(raw) as cursor:
                cursor.adapters.register_dumper(UuidArray, UuidArrayDumper)
                statement = CHECKED_READ if reach == "customer" else STATEMENTS[reach]
                cursor.execute(statement, [parameters[name] for name in PARAMETERS], binary=True)
                return cursor.fetchall()
        except psycopg.Error as refused:  # its text can carry values: only its class goes on
            raise LedgerUnavailable(f"the checked read failed: {type(refused).__name__}") from None

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
        origins: list[UUID] = []
        of: bytes | None = None
        cipher: AESGCM | None = None
        for row in rows:  # in the order of subjects
            subject, epoch, wrapped, record, kind, channel, category, version, sealed, provenance = row[7:17]
            raw_subject = subject.bytes
            if raw_subject != of:
                of, cipher = raw_subject, None
                origins.append(subject)
            if sealed is None:
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
                if answer.answer == "masked":
                    normal = mask(name, normal or given)
                    given = normal if given is not None else None  # derived stays derived, so the same value survives
                told = (
                    name, answer.answer, answer.policy, given, normal, status, verified, subject, record, kind, channel,
                )  # fmt: skip
                values.append(_made(Contribution, told))
        return Opened(customer, tuple(origins), seq, decision, tuple(values))


@functools.lru_cache(maxsize=1)
def gate() -> Gate:
    """The gate of this process."""
    return Gate(installation())
