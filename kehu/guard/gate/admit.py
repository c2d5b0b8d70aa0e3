"""The gate's way in: a chunk of cleaned records is admitted, sealed, indexed and recorded in one transaction."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection

from kehu.govern.slugs import ACTIONS, BASES
from kehu.govern.sources import SourceFacts, standing
from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.decisions import Decisions
from kehu.guard.gate.policies import Answer
from kehu.guard.gate.read import CHUNK
from kehu.guard.gate.state import packs_of
from kehu.guard.gate.supply import Supply
from kehu.guard.gate.suppress import carry_suppressions
from kehu.guard.installation import Installation
from kehu.guard.ledger.mac import entry_mac
from kehu.vault import copying as to
from kehu.vault.ids import new_ids
from kehu.vault.keys import KEY, NONCE, SALT, current_epoch
from kehu.vault.seal import VERSION, nonces, seal

_PACK_BITS: Final = (1, 2, 4, 8, 16)
_WORTH_A_THREAD: Final = 500  # drafts
_SLICE: Final = 2_000  # drafts whose rows the server takes in while the next are sealed


class CollectionRefused(Refused):
    """A ground, notice or proof that a law refuses, or a role that may not collect."""


class SubjectGone(LookupError):
    """A subject that records were to join was erased meanwhile: resolve anew and try again."""


@dataclass(slots=True)
class Draft:
    """One cleaned record on its way in. ``subject`` None: it gets an origin subject of its own."""

    kind: int
    content: bytes
    source: bytes  # token of its own key
    values: dict[int, bytes] = field(repr=False)  # category -> its fields as `kehu.vault.seal.packed`
    tokens: bytes  # of the blind index, as `kehu.vault.copying.int8_items`
    identity: list[bytes]
    packs: int
    age: int
    subject: bytes | None = None
    new_subject: bool = True  # False: `subject` is here already
    owns_source: bool = True  # False: a later record of the same chunk owns its key
    renews_source: bool = False  # True: its own key is here already and names this record from now on
    consents: bytes = b"{}"
    kind_of_subject: int = 1
    record: bytes = b""
    said_at: datetime | None = None  # its sender's own time; None: as it came
    agreed: tuple[int, ...] | None = (
        None  # purposes to which they agreed with a source that needs it; None: it need not
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """What all records of a chunk came under."""

    channel: int
    channel_kind: str
    controller: int
    basis: str
    notice: int
    source_proof: bool
    batch: UUID | None
    supplier: int | None = None  # the source they came from, if not from the customers (kehu.govern.sources)
    purposes: tuple[int, ...] = ()  # brought in for these only; none named: for what the source may be used for
    claimed: tuple[int, ...] = ()  # what the source has to allow: the same, and what consents come with it
    fields: frozenset[str] = frozenset()  # that are brought in, where a source has a scope


class _Leaf(NamedTuple):
    """A row of the ledger that is still to be written."""

    entry: UUID
    decision: bytes
    packs: int
    subjects: list[bytes]
    commitments: bytes


class Admission:
    """Admits chunks of records for one actor under one set of terms."""

    def __init__(self, held: Installation, decisions: Decisions, *, actor: Actor, terms: Terms) -> None:
        self._held = held
        self._decisions = decisions
        self._actor = actor
        self._terms = terms
        self._source = self._without_register()
        self._verdicts: dict[tuple[int, str, SourceFacts], bytes] = {}

    def ask_text(self) -> str:
        """The canonical ask of a collection: its terms, without whom."""
        terms, source = self._terms, ""
        if terms.supplier is not None:
            told = {"id": terms.supplier, "purposes": terms.purposes, **dataclasses.asdict(self._source)}
            source = f',"source":{json.dumps(told, sort_keys=True, separators=(",", ":"))}'
        return (
            f'{{"use":"collect","rules":"{self._held.rules.digest.hex()}","basis":"{terms.basis}",'
            f'"channel_kind":"{terms.channel_kind}","notice":{terms.notice},"proof":{int(terms.source_proof)}{source}}}'
        )

    def verdict(self, packs: int, facts: str) -> Answer:
        """Whether records under those law packs may be collected on these terms by an actor of these facts.

        The source is as it stood when the facts were read (:meth:`facts`).
        """
        return self._held.rules.policies.decide_collect(
            facts,
            basis=self._terms.basis,
            packs=packs_of(packs),
            notice=self._terms.notice > 0,
            channel_kind=self._terms.channel_kind,
            source=self._source,
        )

    def facts(self, connection: Connection[Any]) -> str:
        """The actor's facts as of now, and how the source stands; their rows locked until the transaction ends."""
        row = connection.execute(
            f"select {ACTOR_FACTS_SQL} from actor_state s where s.actor = %(actor)s for share",
            {"actor": self._actor.credential, "purpose": None},
        ).fetchone()
        if row is None:
            raise CollectionRefused("house.credential")
        if self._terms.supplier is not None:
            held = standing(connection, self._terms.supplier, purposes=self._terms.claimed, fields=self._terms.fields)
            if (
                held.standing == "unregistered"
            ):  # a document shows what no register says; of a registered one the register does
                held = dataclasses.replace(held, proved=self._terms.source_proof)
            self._source = held
        return str(row[0])

    def _without_register(self) -> SourceFacts:
        """What is to be said where no source is named: a document alone may show that it is legal."""
        return SourceFacts("", proved=self._terms.source_proof)

    def admit(self, connection: Connection[Any], drafts: Sequence[Draft]) -> int:
        """Write a chunk inside the caller's transaction; returns how many ciphertexts were made.

        Raises:
            CollectionRefused: a law or the house refuses; nothing of the chunk is kept.
            SubjectGone: a known subject is not here any more; nothing of the chunk is kept.
        """
        facts = self.facts(connection)
        decided = {packs: self._decision(connection, packs, facts) for packs in {draft.packs for draft in drafts}}
        epoch = current_epoch(connection)
        keys = self._keys(connection, drafts, epoch)
        supply = Supply(self._terms.supplier, self._terms.purposes)
        with to.Copies(connection, beside=len(drafts) >= _WORTH_A_THREAD) as copies:
            self._write_subjects(copies, drafts, keys, epoch, supply)
            facets = sum(
                self._write_records(copies, drafts[start : start + _SLICE], keys)
                for start in range(0, len(drafts), _SLICE)
            )
            leaves = self._leaves(drafts, decided, keys)
            copies.settle()
            _renew_sources(connection, [draft for draft in drafts if draft.renews_source])
            supply.note_known(connection, drafts)
            carry_suppressions(connection, drafts, by=self._actor.staff)
            uses = [use for leaf in leaves for use in self._enter(connection, leaf)]
            copies.put("ledger_use", ("subject", "seq", "position"), uses)
        return facets

    def _decision(self, connection: Connection[Any], packs: int, facts: str) -> bytes:
        held = self._verdicts.get((packs, facts, self._source))
        if held is None:
            answer = self.verdict(packs, facts)
            if answer.answer == "denied":
                raise CollectionRefused(answer.policy)
            held = self._decisions.store_answer(
                connection, self.ask_text(), facts, str(packs), {"*": [[answer.answer, answer.policy]]}, [], False
            )
            self._verdicts[packs, facts, self._source] = held
        return held

    def _keys(
        self, connection: Connection[Any], drafts: Sequence[Draft], epoch: int
    ) -> dict[bytes, tuple[bytes, bytes, bytes | None]]:
        """Subject -> (key, ledger salt, freshly wrapped key or None), new subjects named and known ones unwrapped."""
        fresh = [draft for draft in drafts if draft.subject is None]
        for draft, made in zip(fresh, new_ids(len(fresh)), strict=True):
            draft.subject = made
        keys: dict[bytes, tuple[bytes, bytes, bytes | None]] = {}
        known = {draft.subject for draft in drafts if not draft.new_subject}
        if known:
            with connection.cursor(binary=True) as cursor:
                cursor.execute(
                    "select subject, epoch, wrapped, salt from subject_key where subject = any (%b)",
                    ([UUID(bytes=subject) for subject in known if subject],),
                )
                for subject, at, wrapped, salt in cursor:
                    keys[subject.bytes] = (
                        self._held.epochs.unwrap(wrapped, subject=subject.bytes, epoch=at),
                        salt,
                        None,
                    )
            if len(keys) < len(known):
                raise SubjectGone
            # once a day for each: whoever has acted today is not locked again
            connection.execute(
                "update subject_state set last_act = current_date where subject in (select s.subject from subject_state s"
                " where s.subject = any (%b) and s.last_act < current_date order by s.subject for no key update)",
                ([UUID(bytes=subject) for subject in known if subject],),
            )
        wrap = self._held.epochs.cipher(epoch).encrypt
        tail = epoch.to_bytes(4, "big")
        random = os.urandom((KEY + SALT + NONCE) * len(drafts))
        at = 0
        for draft in drafts:
            subject = draft.subject or b""
            if draft.new_subject and subject not in keys:
                key, salt, nonce = random[at : at + 32], random[at + 32 : at + 64], random[at + 64 : at + 76]
                keys[subject] = (key, salt, nonce + wrap(nonce, key, subject + tail))
            at += KEY + SALT + NONCE
        return keys

    def _write_records(
        self, copies: to.Copies, drafts: Sequence[Draft], keys: dict[bytes, tuple[bytes, bytes, bytes | None]]
    ) -> int:
        terms = self._terms
        middle = (
            to.int2(terms.channel) + to.int2(terms.controller) + to.int2(BASES[terms.basis]) + to.int2(terms.notice)
        )
        batch = to.blob(terms.batch.bytes) if terms.batch else to.NULL
        supplier = to.int2(terms.supplier) if terms.supplier is not None else to.NULL
        rows: list[bytes] = []
        facets: list[bytes] = []
        sources: list[bytes] = []
        identities: list[bytes] = []
        ciphers: dict[bytes, AESGCM] = {}
        fresh = nonces(sum([len(draft.values) for draft in drafts]))
        version = to.int2(VERSION)
        for draft, record in zip(drafts, new_ids(len(drafts)), strict=True):
            subject = draft.subject or b""
            draft.record = record
            cipher = ciphers.get(subject)
            if cipher is None:
                cipher = ciphers[subject] = AESGCM(keys[subject][0])
            who, what = to.uuid(subject), to.uuid(record)
            rows.append(
                b"\0\x0f" + who + what + to.int2(draft.kind) + middle + batch + to.blob(draft.content)
                + to.int8_array(draft.tokens) + to.blob(draft.source) + to.moment(draft.said_at)
                + supplier + to.int2(draft.packs) + to.int2(draft.age)
            )  # fmt: skip
            for category, content in draft.values.items():
                sealed = seal(cipher, content, subject=subject, record=record, category=category, nonce=next(fresh))
                facets.append(b"\0\5" + who + what + to.int2(category) + version + to.blob(sealed))
            if draft.owns_source and not draft.renews_source:
                sources.append(b"\0\4" + to.blob(draft.source) + who + what + to.blob(draft.content))
            for token in draft.identity:
                identities.append(b"\0\3" + to.blob(token) + who + what)
        columns = (
            "subject", "id", "kind", "channel", "controller", "basis", "notice", "batch", "content", "tokens", "source", "said_at",
            "supplier", "packs", "age",
        )  # fmt: skip
        copies.put("record", columns, rows)
        copies.put("facet", ("subject", "record", "category", "version", "sealed"), facets)
        copies.put("source_key", ("token", "subject", "record", "content"), sources)
        copies.put("identity_key", ("token", "subject", "record"), identities)
        return len(facets)

    def _write_subjects(
        self,
        copies: to.Copies,
        drafts: Sequence[Draft],
        keys: dict[bytes, tuple[bytes, bytes, bytes | None]],
        epoch: int,
        supply: Supply,
    ) -> None:
        states: list[bytes] = []
        wrapped: list[bytes] = []
        seen: set[bytes] = set()
        at_epoch, controller = to.int4(epoch), to.int2(self._terms.controller)
        sourced = self._terms.supplier is not None
        head = b"\0\x0a" if sourced else b"\0\x08"
        of: dict[bytes, list[Draft]] = defaultdict(list)
        for draft in drafts if sourced else ():
            of[draft.subject or b""].append(draft)
        for draft in drafts:
            subject = draft.subject or b""
            if not draft.new_subject or subject in seen:
                continue
            seen.add(subject)
            _, salt, key = keys[subject]
            who = to.blob(subject)
            wrapped.append(b"\0\4" + who + at_epoch + to.blob(key or b"") + to.blob(salt))
            states.append(
                head + who + who + who + to.int2(draft.kind_of_subject) + controller + to.int2(draft.packs)
                + to.int2(draft.age) + to.jsonb(draft.consents)
            )  # fmt: skip
            if (noted := supply.of_new(of[subject])) is not None:
                states[-1] += to.jsonb(noted[0]) + to.day(noted[1])
        copies.put("subject_key", ("subject", "epoch", "wrapped", "salt"), wrapped)
        columns = ("subject", "customer", "core", "kind", "controller", "packs", "age", "consents")
        copies.put("subject_state", (*columns, "supplied", "inform_by") if sourced else columns, states)

    def _leaves(
        self,
        drafts: Sequence[Draft],
        decided: dict[int, bytes],
        keys: dict[bytes, tuple[bytes, bytes, bytes | None]],
    ) -> list[_Leaf]:
        """Rows of the ledger to be: one per decision and 2,000 subjects, each subject committed to once a row."""
        by_decision: dict[int, dict[bytes, None]] = defaultdict(dict)
        for draft in drafts:
            by_decision[draft.packs][draft.subject or b""] = None
        sha = hashlib.sha256
        leaves: list[_Leaf] = []
        for packs, members in by_decision.items():
            subjects = sorted(members)
            for start in range(0, len(subjects), CHUNK):
                chunk = subjects[start : start + CHUNK]
                entry = UUID(bytes=os.urandom(16), version=4)
                commitments = b"".join([sha(sha(keys[s][1] + entry.bytes).digest() + s).digest() for s in chunk])
                leaves.append(_Leaf(entry, decided[packs], packs, chunk, commitments))
        return leaves

    def _enter(self, connection: Connection[Any], leaf: _Leaf) -> list[bytes]:
        """Write a row of the ledger; returns those of its subjects, encoded."""
        count = len(leaf.subjects)
        seq = to.int8(self._insert_entry(connection, leaf.entry, leaf.decision, leaf.packs, count, leaf.commitments))
        return [b"\0\3" + to.blob(s) + seq + to.int4(position) for position, s in enumerate(leaf.subjects)]

    def _insert_entry(
        self, connection: Connection[Any], entry: UUID, decision: bytes, packs: int, count: int, commitments: bytes
    ) -> int:
        actor = self._actor
        mac = entry_mac(
            self._held.entry_key,
            entry=entry,
            actor=actor.credential,
            human=actor.human,
            department=actor.department,
            purpose=None,
            action=ACTIONS["collect"],
            detail=self._terms.batch,
            ask=self.ask_text(),
        )
        reach = [count if packs & bit else 0 for bit in _PACK_BITS] + [0 if packs else count]
        row = connection.execute(
            "insert into ledger_entry (entry, actor, human, department, purpose, action, decision, detail, subjects,"
            " jurisdictions, reach, commitments, mac) values (%s, %s, %s, %s, null, %s, %s, %s, %s, %s::smallint[],"
            " %s::integer[], %s, %s) returning seq",
            (
                entry, actor.credential, actor.human, actor.department, ACTIONS["collect"], decision, self._terms.batch,
                count, [n for n, bit in enumerate(_PACK_BITS, 1) if packs & bit], reach, commitments, mac,
            ),
        ).fetchone()  # fmt: skip
        assert row is not None
        return int(row[0])


def source_of_ask(ask: Mapping[str, Any]) -> SourceFacts:
    """What a recorded ask of a collection said of the source."""
    told = ask.get("source")
    if told is None:
        return SourceFacts("", proved=bool(ask["proof"]))
    return SourceFacts(**{name: told[name] for name in SourceFacts.__slots__})


def _renew_sources(connection: Connection[Any], drafts: Sequence[Draft]) -> None:
    if drafts:
        connection.execute(
            "update source_key k set record = n.record, content = n.content"
            " from unnest(%b::bytea[], %b::uuid[], %b::bytea[]) as n (token, record, content) where k.token = n.token",
            (
                [draft.source for draft in drafts],
                [UUID(bytes=draft.record) for draft in drafts],
                [draft.content for draft in drafts],
            ),
        )
