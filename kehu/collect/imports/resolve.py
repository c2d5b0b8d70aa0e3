"""Exact keys: which rows are new, which come again, whom they join; in the order of the file, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from kehu.collect.imports.prepare import Prepared, Refusal, Row
from kehu.collect.quarantine.reasons import ERASED
from kehu.govern.imported import Packed, Said, add_statements
from kehu.govern.slugs import CATEGORIES, PURPOSES, RECORD_KINDS
from kehu.guard.gate.admit import SubjectGone
from kehu.vault.copying import int8_values
from kehu.vault.ids import new_ids

_ACCURACY: Final = PURPOSES["accuracy"]
EVERY_PACK: Final = 31
_ANALYTICS: Final = PURPOSES["analytics"]
_IDENTITY: Final = CATEGORIES["identity"]
_EVENTS_CAME: Final = "select exists (select 1 from collect_import where kind in ('orders', 'interactions'))"


@dataclass(slots=True)
class Known:
    """An origin subject that is here already, as locked."""

    packs: int
    age: int
    kind: int
    consents: dict[str, Packed]
    may_link: bool  # neither restricted nor objecting to it
    changed: bool = False

    def stands(self, purpose: int) -> str:
        """What counts of what they said about a purpose; empty: they said nothing."""
        return str((self.consents.get(str(purpose)) or [""])[0])


@dataclass(slots=True)
class Resolved:
    """What becomes of a batch."""

    kept: list[Row] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    links: list[tuple[UUID, UUID]] = field(default_factory=list)  # sure: an identity key
    probable: list[tuple[UUID, UUID]] = field(default_factory=list)  # an email or phone that one customer has
    said: list[tuple[bytes, Said]] = field(default_factory=list)
    not_widened: list[Row] = field(default_factory=list)
    known: dict[bytes, Known] = field(default_factory=dict)
    later: dict[bytes, datetime] = field(default_factory=dict)  # said again, and later: its newest record's own time
    repeated: list[bytes] = field(default_factory=list)  # keys whose newest record came once more
    waits: list[tuple[bytes, bytes]] = field(default_factory=list)  # key, subject: an event's customer not seen yet
    created: int = 0
    updated: int = 0
    merged: int = 0
    duplicates: int = 0


class Resolver:
    """Resolves one batch against what stands in the vault; the caller holds the lock of imports."""

    def __init__(
        self,
        connection: Connection[Any],
        prepared: Prepared,
        *,
        controller: int,
        repeat: bool,
        unlawful: Mapping[int, str],
    ) -> None:
        self._unlawful = unlawful
        self._connection = connection
        self._prepared = prepared
        self._controller = controller
        rows = prepared.rows
        keys = {row.draft.source for row in rows}
        if self._rows(_EVENTS_CAME)[0][0]:  # else nobody waits under a key of theirs
            keys.update(*(row.owners for row in rows))
        keys.update(*(row.joins for row in rows))
        keys.update(*(one.owners for one in prepared.refused))
        self._sources = self._find_sources(keys)
        self._graves = self._find_graves(keys)
        self._identities = self._find_identities({token for row in rows for token in row.draft.identity})
        self._contacts = self._find_contacts({token for row in rows for token in row.contacts})
        self._known = self._lock_known({subject for subject, _ in self._sources.values()})
        self._nameless = self._find_nameless({key for row in rows for key in row.joins})
        # The very same files again: what they once said and something newer replaced is no news.
        self._older = self._older_contents() if repeat else {}
        self._fresh: dict[bytes, Row] = {}
        self._newest: dict[bytes, Row] = {}
        self._ids = iter(new_ids(len(rows)))
        self._here = frozenset(self._sources)
        self._when = self._find_when({row.draft.source for row in rows if row.draft.said_at is not None})

    def resolve(self) -> Resolved:
        """Go through the rows in order; counts follow from what was there when each one came."""
        result = Resolved(refused=[self._named(one) for one in self._prepared.refused], known=self._known)
        for row in self._prepared.rows:
            draft = row.draft
            if draft.source in self._graves or (row.owners and not self._graves.isdisjoint(row.owners)):
                result.refused.append(Refusal(row.line, ERASED, self._prepared.raw(row.line), self._found_by(row)))
                continue
            if (policy := self._unlawful.get(draft.packs)) is not None:
                result.refused.append(Refusal(row.line, policy, self._prepared.raw(row.line), self._found_by(row)))
                continue
            held = self._sources.get(draft.source)
            if held is not None and (
                held[1] == draft.content or draft.content in self._older.get(draft.source, frozenset())
            ):
                result.duplicates += 1
                result.repeated.append(draft.source)
                draft.subject = held[0]
                self._say_later(row, result)
                self._refuse_again(row, result)
                self._join(row, result)
                continue
            late = self._is_late(row)
            if held is not None:
                self._renew(row, held[0], late=late)
                result.updated += 1
                self._link(row, result)
            else:
                self._place(row, result)
            if not late:
                self._sources[draft.source] = (draft.subject or b"", draft.content)
                if draft.said_at is not None:
                    self._when[draft.source] = draft.said_at
            for token in draft.identity:
                self._identities.setdefault(token, {})[draft.subject or b""] = True
            self._say(row, result, row.said)
            self._join(row, result)
            result.kept.append(row)
        return result

    # -- one row

    def _found_by(self, row: Row) -> bytes:
        """The key by which an erasure finds a refused row: of an event that is not here its customer's, who may yet come."""
        if row.draft.kind <= 2 or row.draft.source in self._sources or not row.owners:
            return row.draft.source
        return self._owner_of(row.owners)

    def _owner_of(self, owners: tuple[bytes, ...]) -> bytes:
        return next((key for key in owners if key in self._sources), owners[0])

    def _named(self, refusal: Refusal) -> Refusal:
        """A refused event under the key of its customer."""
        return replace(refusal, token=self._owner_of(refusal.owners)) if refusal.owners else refusal

    def _is_late(self, row: Row) -> bool:
        """Whether its sender said something later under the same key: it is kept, and does not count for the newest."""
        said, newest = row.draft.said_at, self._when.get(row.draft.source)
        return said is not None and newest is not None and said < newest

    def _say_later(self, row: Row, result: Resolved) -> None:
        """The newest record said once more: it has stood until this time."""
        said, key = row.draft.said_at, row.draft.source
        if said is None or said <= self._when.get(key, said):
            return
        self._when[key] = said
        if key in self._newest:
            self._newest[key].draft.said_at = said
        else:
            result.later[key] = said

    def _renew(self, row: Row, subject: bytes, *, late: bool) -> None:
        """A record of a subject that is here, or came earlier in this batch."""
        draft = row.draft
        draft.subject, draft.new_subject = subject, subject in self._fresh
        if draft.kind <= 2 and not _is_named_alone(row):
            self._nameless.discard(subject)
        if late:
            draft.owns_source = draft.renews_source = False
            self._widen(row, subject)
            return
        earlier = self._newest.get(draft.source)
        if earlier is not None:
            earlier.draft.owns_source = earlier.draft.renews_source = False
        draft.renews_source = draft.source in self._here
        self._newest[draft.source] = row
        self._widen(row, subject)

    def _place(self, row: Row, result: Resolved) -> None:
        """A record under a key that is not here yet: to its customer where one is known, else a subject of its own."""
        draft = row.draft
        owner = next((self._sources[key] for key in row.owners if key in self._sources), None)
        self._newest[draft.source] = row
        if owner is not None:
            draft.subject, draft.new_subject = owner[0], owner[0] in self._fresh
            self._widen(row, owner[0])
        else:
            draft.subject = next(self._ids)
            self._fresh[draft.subject] = row
            if _is_named_alone(row):
                self._nameless.add(draft.subject)
            if draft.kind > 2 and row.owners:
                wait = row.owners[-1]
                self._sources[wait] = (draft.subject, b"")
                result.waits.append((wait, draft.subject))
            self._join_by_contact(row, result)
        if self._link(row, result):
            result.merged += 1
        else:
            result.created += 1

    def _link(self, row: Row, result: Resolved) -> bool:
        """Join the customers that an identity key names; returns whether there was one."""
        subject = row.draft.subject or b""
        if not self._may_link(subject):
            return False
        found: dict[bytes, None] = {}
        for token in row.draft.identity:
            for other, may in self._identities.get(token, {}).items():
                if may and other != subject:
                    found[other] = None
        result.links += [(UUID(bytes=subject), UUID(bytes=other)) for other in found]
        return bool(found)

    def _join(self, row: Row, result: Resolved) -> None:
        """Another name of the same customer: who waits under it, of whom only events came and what they allow, is them from now
        on, unless this customer refuses what those events may be joined for.

        Whoever is somebody already stays who they are: a device is used by several people.
        """
        if not row.joins or self._refuses(row.draft.subject or b""):
            return
        subject = row.draft.subject or b""
        waiting = {self._sources[key][0]: None for key in row.joins if key in self._sources}
        if not waiting:
            self._sources[row.joins[0]] = (subject, b"")
            result.waits.append((row.joins[0], subject))
        for one in waiting:
            if one != subject and one in self._nameless and self._may_link(subject):
                self._nameless.discard(one)
                result.links.append((UUID(bytes=subject), UUID(bytes=one)))

    def _refuses(self, subject: bytes) -> bool:
        """Whether they said no to what may join a visitor's events to them."""
        first, known = self._fresh.get(subject), self._known.get(subject)
        packed = orjson.loads(first.draft.consents) if first is not None else known.consents if known else {}
        return (packed.get(str(_ANALYTICS)) or [""])[0] in ("refused", "withdrawn")

    def _may_link(self, subject: bytes) -> bool:
        own = self._known.get(subject)
        return own is None or own.may_link

    def _join_by_contact(self, row: Row, result: Resolved) -> None:
        """An email or phone that exactly one customer has: probably theirs, until somebody confirms it.

        Joined to the very record that carries it, so that it goes with that one should the customer be parted.
        """
        carriers = {customer: one for token in row.contacts for customer, one in self._contacts.get(token, ())}
        if len(carriers) == 1:
            result.probable.append((UUID(bytes=row.draft.subject), next(iter(carriers.values()))))

    def _widen(self, row: Row, subject: bytes) -> None:
        """What policies read of a known subject: every law that applied goes on, the lower age counts."""
        draft = row.draft
        first = self._fresh.get(subject)
        if first is not None:
            first.draft.packs |= 0 if draft.packs == EVERY_PACK else draft.packs
            first.draft.age = _lower(first.draft.age, draft.age)
            return
        held = self._known[subject]
        packs = held.packs if draft.packs == EVERY_PACK else held.packs | draft.packs
        age = _lower(held.age, draft.age)
        kind = draft.kind_of_subject if draft.kind <= 2 else held.kind
        if (packs, age, kind) != (held.packs, held.age, held.kind):
            held.packs, held.age, held.kind, held.changed = packs, age, kind, True

    def _refuse_again(self, row: Row, result: Resolved) -> None:
        """A row that repeats a no is no news, but where a yes was given elsewhere since: what they say now is no."""
        known = self._known.get(row.draft.subject or b"")
        if known is None:
            return
        again = [one for one in row.said if one.status == "refused" and known.stands(one.purpose) == "given"]
        if again:
            given = self._find_given(row.draft.subject or b"")
            since = [one for one in again if one.at and one.at >= given.get(one.purpose, one.at)]
            self._say(row, result, since)

    def _say(self, row: Row, result: Resolved, said: Sequence[Said]) -> None:
        if not said:
            return
        subject = row.draft.subject or b""
        first, known = self._fresh.get(subject), self._known.get(subject)
        before = orjson.loads(first.draft.consents) if first is not None else known.consents if known else {}
        packed, recorded, narrowed = add_statements(before, said)
        if first is not None:
            first.draft.consents = orjson.dumps(packed)
        elif known is not None and packed != before:
            known.consents, known.changed = packed, True
        if narrowed:
            result.not_widened.append(row)
        result.said += [(subject, one) for one in recorded]

    # -- what stands in the vault

    def _rows(self, statement: str, *parameters: Any) -> list[Any]:
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    def _find_sources(self, keys: Iterable[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
        rows = self._rows("select token, subject, content from source_key where token = any (%b)", list(keys))
        return {bytes(token): (subject.bytes, bytes(content)) for token, subject, content in rows}

    def _find_when(self, keys: set[bytes]) -> dict[bytes, datetime]:
        """When the newest record under each key was said, else came."""
        if not keys:
            return {}
        rows = self._rows(
            "select k.token, r.said_at, r.id from source_key k join record r on r.subject = k.subject and r.id = k.record"
            " where k.token = any (%b)",
            list(keys),
        )
        return {bytes(token): said_at or _came(id) for token, said_at, id in rows}

    def _find_given(self, subject: bytes) -> dict[int, datetime]:
        """When this subject last said yes to each purpose, to the second, as rows have it: of one second the no counts."""
        rows = self._rows(
            "select purpose, date_trunc('second', max(coalesce(at, recorded_at))) from govern_consent where subject = %s"
            " and status = 'given' and event = '' and taken_back_at is null group by purpose",
            UUID(bytes=subject),
        )
        return dict(rows)

    def _find_graves(self, keys: Iterable[bytes]) -> frozenset[bytes]:
        rows = self._rows("select token from tombstone where token = any (%b)", list(keys))
        return frozenset(bytes(row[0]) for row in rows)

    def _find_identities(self, tokens: set[bytes]) -> dict[bytes, dict[bytes, bool]]:
        """Token to subjects; False for those that may not be linked: restricted, or they object to it (RULES)."""
        if not tokens:
            return {}
        rows = self._rows(
            "select i.token, i.subject, not s.restricted and %s <> all (s.objections) from identity_key i"
            " join subject_state s using (subject) where i.token = any (%b) and not s.hidden and s.controller = %s"
            " order by i.subject",
            _ACCURACY, list(tokens), self._controller,
        )  # fmt: skip
        found: dict[bytes, dict[bytes, bool]] = {}
        for token, subject, may in rows:
            found.setdefault(bytes(token), {})[subject.bytes] = may
        return found

    def _find_contacts(self, tokens: set[int]) -> dict[int, list[tuple[UUID, UUID]]]:
        """Customers of this controller that carry an email or phone, two at most, each with an origin that carries it."""
        if not tokens:
            return {}
        rows = self._rows(
            "select t.token, c.customer, c.carriers[1] from unnest(%b::bigint[]) as t (token) cross join lateral (select"
            " s.customer, array_agg(s.subject order by s.subject) as carriers from record r join subject_state s"
            " using (subject) where r.tokens @> array[t.token] and r.kind <= 2 and r.controller = %s and not r.hidden"
            " and not s.hidden group by s.customer limit 2) c",
            list(tokens), self._controller,
        )  # fmt: skip
        found: dict[int, list[tuple[UUID, UUID]]] = {}
        for token, customer, carrier in rows:
            found.setdefault(token, []).append((customer, carrier))
        return found

    def _find_nameless(self, keys: set[bytes]) -> set[bytes]:
        """Those who wait under these keys, belong to nobody, and may be joined to somebody."""
        waiting = {self._sources[key][0] for key in keys if key in self._sources}
        if not waiting:
            return set()
        rows = self._rows(
            "select s.subject from subject_state s where s.subject = any (%b) and s.customer = s.subject and not s.restricted"
            " and %s <> all (s.objections)"
            # a device that said what it allows has a record, of its own name alone
            " and not exists (select 1 from record r where r.subject = s.subject and r.kind <= 2 and (cardinality(r.tokens) <> 1"
            " or exists (select 1 from facet f where f.subject = r.subject and f.record = r.id and f.category <> %s)))"
            " and not exists (select 1 from subject_state o where o.customer = s.subject and o.subject <> s.subject)",
            [UUID(bytes=subject) for subject in waiting], _ACCURACY, _IDENTITY,
        )  # fmt: skip
        return {row[0].bytes for row in rows}

    def _lock_known(self, subjects: set[bytes]) -> dict[bytes, Known]:
        rows = self._rows(
            "select subject, packs, age, kind, consents, not restricted and %s <> all (objections)"
            " from subject_state where subject = any (%b) order by subject for share",
            _ACCURACY,
            [UUID(bytes=subject) for subject in subjects],
        )
        if len(rows) < len(subjects):
            raise SubjectGone
        return {row[0].bytes: Known(*row[1:]) for row in rows}

    def _older_contents(self) -> dict[bytes, set[bytes]]:
        rows = self._rows(
            "select source, content from record where subject = any (%b) and source is not null and not hidden",
            [UUID(bytes=subject) for subject in self._known],
        )
        found: dict[bytes, set[bytes]] = {}
        for source, content in rows:
            found.setdefault(bytes(source), set()).add(bytes(content))
        return found


def _is_named_alone(row: Row) -> bool:
    """Whether a person's row says nothing of them but a name of its sender's, and what they allow."""
    draft = row.draft
    return (
        draft.kind == RECORD_KINDS["person"]
        and len(list(int8_values(draft.tokens))) == 1
        and set(draft.values) == {_IDENTITY}
    )


def _came(record: UUID) -> datetime:
    """When a record came, by its id (UUIDv7)."""
    return datetime.fromtimestamp((record.int >> 80) / 1_000, UTC)


def _lower(one: int, other: int) -> int:
    """The stricter of two age bands; 0 is unknown."""
    return min(one, other) if one and other else one or other


def changed_states(known: dict[bytes, Known]) -> Sequence[tuple[bytes, Known]]:
    """Those whose row in ``subject_state`` has to be written, in the order of subjects."""
    return sorted((subject, held) for subject, held in known.items() if held.changed)
