"""One chunk, one transaction: resolved, admitted, linked, recorded and counted, or nothing of it kept."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection as django_connection
from django.db import transaction
from django.db.utils import OperationalError
from psycopg import Connection, errors

from kehu.collect.imports.prepare import Prepared
from kehu.collect.imports.repeated import note_repeats
from kehu.collect.imports.resolve import Known, Resolved, Resolver, changed_states
from kehu.collect.quarantine.reasons import CONSENT_NOT_WIDENED, INVALID_VALUE
from kehu.collect.quarantine.writing import Note, put_aside, refused_again, settle
from kehu.govern.imported import Statement, record_statements
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.admit import Admission, CollectionRefused, SubjectGone
from kehu.vault import copying as to
from kehu.vault.assignment import EXACT_KEY, PROBABLE, WHY, assign
from kehu.vault.ids import new_ids

_LOCK: Final = 0x6B656875_696D7074  # "kehuimpt": chunks of all imports one after the other
_TRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Which chunk: its import, file, number and part, and the terms it comes under."""

    batch: UUID
    file: int
    number: int
    part: int
    controller: int
    channel: int
    notice: int
    way: str
    repeat: bool
    replayed: tuple[UUID, ...] = ()  # refused rows that come again: a row's line is its place among them
    as_sealed: bool = True  # they come as they lie in quarantine, not as a file or a correction has them


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of rows."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    merged: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__slots__))

    @property
    def accepted(self) -> int:
        """Rows that came in."""
        return self.created + self.updated + self.merged


def write_chunk(prepared: Prepared, place: Place, admission: Admission, *, actor: Actor, began: float) -> Counts:
    """Write one chunk; a meeting with an erasure, a rotation or a linkage is tried again.

    Raises:
        CollectionRefused: the actor may not collect (any more); nothing of the chunk is kept.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                raw: Connection[Any] = django_connection.connection
                return _write(raw, prepared, place, admission, actor, began)
        except (SubjectGone, errors.DeadlockDetected, errors.LockNotAvailable):
            if attempt == _TRIES - 1:
                raise
        except OperationalError as waited:
            if getattr(waited.__cause__, "sqlstate", None) not in ("55P03", "40P01") or attempt == _TRIES - 1:
                raise
        time.sleep(0.05 * 2**attempt)
        _forget_resolution(prepared)
    raise AssertionError("unreachable")


def _forget_resolution(prepared: Prepared) -> None:
    """Rows as they were before a try that was rolled back."""
    for row in prepared.rows:
        draft = row.draft
        draft.subject, draft.new_subject, draft.owns_source, draft.renews_source = None, True, True, False
        draft.consents = b"{}"


def _write(
    raw: Connection[Any], prepared: Prepared, place: Place, admission: Admission, actor: Actor, began: float
) -> Counts:
    raw.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    whole = prepared.count
    if place.replayed:
        prepared = _still_refused(raw, prepared, place.replayed)
    gone = whole - prepared.count
    unlawful = _unlawful(raw, prepared, admission)
    resolved = Resolver(raw, prepared, controller=place.controller, repeat=place.repeat, unlawful=unlawful).resolve()
    if resolved.kept:
        admission.admit(raw, [row.draft for row in resolved.kept])
    if resolved.later:
        _say_later(raw, resolved.later)
    if resolved.kept or resolved.waits or resolved.links or resolved.said:
        to.copy_rows(
            raw, "source_key", ("token", "subject", "record", "content"),
            [to.row(to.blob(key), to.blob(who), to.blob(bytes(16)), to.blob(b"")) for key, who in resolved.waits],
        )  # fmt: skip
        by = actor.staff
        apart = assign(raw, resolved.links, certainty=EXACT_KEY, why=WHY["identity-key"], run=place.batch, by=by)
        _count_apart(resolved, apart)
        assign(raw, resolved.probable, certainty=PROBABLE, why=WHY["contact"], run=place.batch, by=by)
        _write_states(raw, resolved.known)
        _write_consents(raw, resolved, place, by)
    # the very same files and terms are the same import, and so is what comes again: what brought them in takes them along
    if not (place.repeat or place.replayed):
        note_repeats(raw, resolved.repeated, place.batch)
    if place.replayed:
        settle(raw, place.batch, _came_in(prepared, resolved, place.replayed))
        why = {place.replayed[one.line - 1]: (one.reason, one.token) for one in resolved.refused}
        refused_again(raw, why, keys=place.as_sealed)
    put_aside(raw, place.batch, place.file, _notes(resolved, again=bool(place.replayed)))
    counts = Counts(
        whole, resolved.created, resolved.updated, resolved.merged, resolved.duplicates + gone, len(resolved.refused)
    )
    raw.execute(
        "insert into collect_importchunk (batch, file, number, part, rows, created, updated, merged, duplicates,"
        " quarantined, seconds) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            place.batch, place.file, place.number, place.part, counts.rows, counts.created, counts.updated, counts.merged,
            counts.duplicates, counts.quarantined, time.monotonic() - began,
        ),
    )  # fmt: skip
    return counts


def _count_apart(resolved: Resolved, apart: Sequence[tuple[UUID, UUID]]) -> None:
    """Whoever an exact key names, and who may not be joined to them, is a customer of their own."""
    if not apart:
        return
    left, links = {frozenset(pair) for pair in apart}, defaultdict[UUID, list[frozenset[UUID]]](list)
    for subject, other in resolved.links:
        links[subject].append(frozenset((subject, other)))
    new = {UUID(bytes=row.draft.subject) for row in resolved.kept if row.draft.new_subject and row.draft.subject}
    alone = sum(1 for subject in new if links.get(subject) and left.issuperset(links[subject]))
    resolved.created, resolved.merged = resolved.created + alone, resolved.merged - alone


def _unlawful(raw: Connection[Any], prepared: Prepared, admission: Admission) -> dict[int, str]:
    """Law packs under which these terms are refused, with the policy: rows under them are quarantined.

    Raises:
        CollectionRefused: the house or the actor's own state refuses, whatever the law of the row.
    """
    facts = admission.facts(raw)
    found: dict[int, str] = {}
    for packs in {row.draft.packs for row in prepared.rows}:
        answer = admission.verdict(packs, facts)
        if answer.answer == "denied":
            house = admission.verdict(0, facts)
            if house.answer == "denied":
                raise CollectionRefused(house.policy)
            found[packs] = answer.policy
    return found


def _say_later(raw: Connection[Any], later: dict[bytes, datetime]) -> None:
    raw.execute(
        "update record r set said_at = n.said_at from unnest(%b::bytea[], %b::timestamptz[]) as n (token, said_at)"
        " join source_key k on k.token = n.token where r.subject = k.subject and r.id = k.record",
        (list(later), list(later.values())),
    )


def _write_states(raw: Connection[Any], known: dict[bytes, Known]) -> None:
    changed = changed_states(known)
    if not changed:
        return
    raw.execute(
        "update subject_state s set packs = n.packs, age = n.age, kind = n.kind, consents = n.consents::jsonb"
        " from unnest(%s::uuid[], %s::smallint[], %s::smallint[], %s::smallint[], %s::text[])"
        " as n (subject, packs, age, kind, consents) where s.subject = n.subject",
        (
            [UUID(bytes=subject) for subject, _ in changed],
            [held.packs for _, held in changed],
            [held.age for _, held in changed],
            [held.kind for _, held in changed],
            [orjson.dumps(held.consents).decode() for _, held in changed],
        ),
    )


def _write_consents(raw: Connection[Any], resolved: Resolved, place: Place, by: UUID) -> None:
    ids = new_ids(len(resolved.said))
    statements = [
        Statement(UUID(bytes=id), UUID(bytes=subject), said)
        for id, (subject, said) in zip(ids, resolved.said, strict=True)
    ]
    record_statements(raw, statements, notice=place.notice, way=place.way, by=by, batch=place.batch)


def _still_refused(raw: Connection[Any], prepared: Prepared, replayed: tuple[UUID, ...]) -> Prepared:
    """Without rows that, since they were read, another replay has brought in, or somebody has let go or erased."""
    asked = [replayed[row.line - 1] for row in prepared.rows]
    found = raw.execute(
        "select id from collect_quarantined where id = any (%s) and settled is null", (asked,)
    ).fetchall()
    still = {row[0] for row in found}
    return replace(prepared, rows=[row for row in prepared.rows if replayed[row.line - 1] in still])


def _came_in(prepared: Prepared, resolved: Resolved, replayed: tuple[UUID, ...]) -> list[UUID]:
    refused = {refusal.line for refusal in resolved.refused}
    return [replayed[row.line - 1] for row in prepared.rows if row.line not in refused]


def _notes(resolved: Resolved, *, again: bool) -> Iterator[Note]:
    """Lines for the quarantine; what is refused ``again`` stands there already."""
    for refusal in resolved.refused if not again else ():
        yield Note(refusal.line, "", refusal.reason, refusal.raw, refusal.token)
    for row in resolved.kept:
        for name in row.invalid:
            yield Note(row.line, name, INVALID_VALUE, None)
    for row in resolved.not_widened:
        yield Note(row.line, "", CONSENT_NOT_WIDENED, None)


__all__ = ["CollectionRefused", "Counts", "Place", "write_chunk"]
