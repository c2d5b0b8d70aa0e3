"""What an import said of consents, taken back with it: policies read what still stands, as if it had never come.

A refusal leaves with the rows that said it, and so does a consent. What others said stays: a withdrawal acts on all for
ever, a consent given since or before counts, of statements of other imports the strictest. A yes that came beside a
stricter statement and did not count (:attr:`~kehu.govern.models.Consent.narrowed`) does not count without it either:
nobody showed that the same person gave both, and an undo widens nothing (RULES, "merge").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.covers import CONSENT, own_word, with_own
from kehu.govern.imported import RANK, Packed, covered

_COVERS: Final = 6  # entries of a consent that stands for another origin subject's, the last being what it covers
_WITHDRAWN: Final = "withdrawn"
_UNKNOWN: Final = RANK["unknown"]

_DUE: Final = """
select distinct subject, purpose from govern_consent where batch = %s and taken_back_at is null order by 1, 2 limit %s
"""
_MARK: Final = """
update govern_consent c set taken_back_at = clock_timestamp() from unnest(%s::uuid[], %s::smallint[]) as t (subject, purpose)
where c.subject = t.subject and c.purpose = t.purpose and c.batch = %s and c.taken_back_at is null
"""
_HAND: Final = """
update govern_consent c set batch = t.batch from unnest(%s::uuid[], %s::uuid[]) as t (subject, batch)
where c.subject = t.subject and c.batch = %s and c.taken_back_at is null and (c.status = 'refused'
    or not exists (select 1 from record r where r.subject = c.subject and r.batch = %s))
"""
_SAID: Final = """
select c.subject, c.purpose, c.status, c.kind, c.until, c.purpose_version, c.batch is not null, c.narrowed,
    c.by_subject is not null or c.guardian <> '', c.id, c.follows
from govern_consent c join unnest(%s::uuid[], %s::smallint[]) as t (subject, purpose) using (subject, purpose)
where c.taken_back_at is null and c.event = '' and c.status <> 'requested' order by c.recorded_at, c.id
"""
# Another record of the customer under which a no was said to us, and no yes since.
_REFUSED_BESIDE: Final = """
select exists (select 1 from subject_state s join subject_state o on o.customer = s.customer and o.subject <> s.subject
    join govern_consent c on c.subject = o.subject where s.subject = %(subject)s and c.purpose = %(purpose)s
    and c.status = 'refused' and c.event = '' and c.batch is null and not exists (select 1 from subject_state m
        join govern_consent g on g.subject = m.subject where m.customer = s.customer and g.purpose = c.purpose
        and g.status = 'given' and g.event = '' and g.batch is null and g.recorded_at > c.recorded_at))
"""


@dataclass(frozen=True, slots=True)
class _Said:
    """A statement that stands; ``imported`` ones never widen what stood before them."""

    status: str
    kind: str
    until: datetime | None
    version: int
    imported: bool
    narrowed: bool
    by_guardian: bool
    id: UUID
    follows: UUID | None

    def packed(self) -> Packed:
        return [
            self.status,
            self.kind + ("*" if self.by_guardian else ""),
            self.until.timestamp() if self.until else None,
            self.version,
        ]


def take_back_statements(connection: Connection[Any], batch: UUID, *, limit: int) -> int:
    """Take a step of an import's statements back, in the caller's transaction; returns how many there were: 0, all is done."""
    due: list[tuple[UUID, int]] = connection.execute(_DUE, (batch, limit)).fetchall()
    if not due:
        return 0
    subjects, purposes = [one for one, _ in due], [purpose for _, purpose in due]
    held = _lock(connection, subjects)
    stood = _said(connection, subjects, purposes)
    connection.execute(_MARK, (subjects, purposes, batch))
    said = _said(connection, subjects, purposes)
    changed: dict[UUID, dict[str, Packed]] = {}
    for subject, purpose in due:
        before = changed.get(subject, held.get(subject))
        key = str(purpose)
        if before is None or key not in before:
            continue
        own = _standing(stood.get((subject, purpose), ()))
        if _refused_under_another(connection, subject, key, before[key], own):
            continue
        after = _recomputed(connection, subject, key, before[key], _standing(said.get((subject, purpose), ())))
        changed[subject] = {name: packed for name, packed in before.items() if name != key} | (
            {key: after} if after is not None else {}
        )
    _write(connection, {one: packed for one, packed in changed.items() if packed != held[one]})
    return len(due)


def hand_statements(connection: Connection[Any], batch: UUID, to: Mapping[UUID, UUID]) -> None:
    """Let another import have said what this one said of subjects whose rows it brought, too, in the caller's transaction.

    Where rows of a subject go nobody knows which of them said it: a no stays all the same, the rest is taken back with them.
    """
    if to:
        connection.execute(_HAND, (list(to), list(to.values()), batch, batch))


def forget_statements(connection: Connection[Any], batch: UUID) -> int:
    """Erase the statements of an import that was taken back, in the caller's transaction; returns how many."""
    return connection.execute(
        "delete from govern_consent where batch = %s and taken_back_at is not null", (batch,)
    ).rowcount


def _said(
    connection: Connection[Any], subjects: list[UUID], purposes: list[int]
) -> dict[tuple[UUID, int], list[_Said]]:
    found: dict[tuple[UUID, int], list[_Said]] = {}
    for subject, purpose, *rest in connection.execute(_SAID, (subjects, purposes)).fetchall():
        found.setdefault((subject, purpose), []).append(_Said(*rest))
    return found


def _refused_under_another(
    connection: Connection[Any], subject: UUID, key: str, now: Packed, own: Packed | None
) -> bool:
    """Whether a no stands here that this record did not say by itself: it stays, as a withdrawal does."""
    if now[0] != "refused" or len(now) == _COVERS:
        return False
    if own is None or own[0] != "refused":
        return True
    found = connection.execute(_REFUSED_BESIDE, {"subject": subject, "purpose": int(key)}).fetchone()
    return found is not None and bool(found[0])


def _standing(said: Iterable[_Said]) -> Packed | None:
    """What these statements of one origin subject come to, in the order in which they were recorded."""
    packed: Packed | None = None
    given = list[UUID]()
    for one in said:
        if one.status == "invalid" and one.follows in given[:-1]:
            continue  # found of an older consent: the newer one stays
        if one.status == "given":
            given.append(one.id)
        said_to_us = not one.imported
        if packed is None or said_to_us or (not one.narrowed and RANK[one.status] < RANK.get(str(packed[0]), _UNKNOWN)):
            packed = one.packed()
    return packed


def _recomputed(
    connection: Connection[Any], subject: UUID, key: str, now: Packed, standing: Packed | None
) -> Packed | None:
    """What stands in ``subject_state`` for one purpose, with what is left of the subject's own statements."""
    if now[0] == _WITHDRAWN:
        return now
    if len(now) == _COVERS:
        below = own_word(now, CONSENT)
        return now if below is not None and below[0] == _WITHDRAWN else with_own(now, standing, CONSENT)
    cover = covered(now)
    if cover is None:
        return standing
    if standing is not None and standing[0] != "given":
        return [*standing, cover]
    return with_own(cover, standing, CONSENT) if _still_covers(connection, subject, key, cover) else standing


def _still_covers(connection: Connection[Any], subject: UUID, key: str, cover: Packed) -> bool:
    """Whether the consent that stood for this one, too, is still given by the same certain part."""
    found = connection.execute(
        "select a.consents -> %s from subject_state s join subject_state a using (core)"
        " where s.subject = %s and a.subject = %s and not a.hidden",
        (key, subject, cover[4]),
    ).fetchone()
    return found is not None and _read(found[0])[:4] == cover[:4]


def _lock(connection: Connection[Any], subjects: list[UUID]) -> dict[UUID, dict[str, Packed]]:
    """Lock rows in the order of subjects, as reads do."""
    rows = connection.execute(
        "select subject, consents from subject_state where subject = any (%s) order by subject for no key update",
        (subjects,),
    ).fetchall()
    return {subject: _read(consents) for subject, consents in rows}


def _read(value: Any) -> Any:
    """Django's connection hands jsonb out as text."""
    return json.loads(value) if isinstance(value, str) else value if value is not None else []


def _write(connection: Connection[Any], changed: Mapping[UUID, Mapping[str, Packed]]) -> None:
    if changed:
        connection.execute(
            "update subject_state s set consents = n.consents::jsonb from unnest(%s::uuid[], %s::text[])"
            " as n (subject, consents) where s.subject = n.subject",
            (list(changed), [json.dumps(packed) for packed in changed.values()]),
        )
