"""Age bands of the young, kept current: what policies read of an age is a band, never a date in clear.

Once a day the birth dates of those under eighteen are compared with the day, through the gate as linkage does: nothing is
shown, and each look stands in the ledger. Bands go up only; whoever may not be looked at (restricted, objected) stays young.
A date that the house corrected counts instead of the wrong one, which had made a child of somebody; of others who had the same
wrong one only while they are the same customer for certain (:func:`kehu.govern.ages.judge_parted`).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.govern.laws import AGE_BANDS, age_band
from kehu.govern.parts import UnknownSubject, part_of, retried
from kehu.govern.slugs import ACTIONS, RECORD_KINDS
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, Opened, Options, gate
from kehu.guard.staff.actions import owner_actor
from kehu.refine.survive import same_text, survive

_BORN: Final = "birth_date"
_EDIT: Final = RECORD_KINDS["edit"]
_ADULT: Final = AGE_BANDS.index("adult")
_YOUNG: Final = """
select min(subject::text)::uuid from subject_state where age between 1 and %s and not hidden group by customer order by 1
"""
_LOCK: Final = "select 1 from subject_state where subject = any (%s) order by subject for no key update"
_WRITE: Final = """
update subject_state s set age = n.age, freed_by = n.by::uuid[],
    freed_from = case when n.by is not null then coalesce(nullif(n.alone, 0), s.age) end
from unnest(%s::uuid[], %s::smallint[], %s::smallint[], %s::text[]) as n (subject, age, alone, by)
where s.subject = n.subject and s.age between 1 and n.age - 1
    and not exists (select 1 from unnest(n.by::uuid[]) as b (subject) -- parted since it was looked at
        left join subject_state f on f.subject = b.subject and f.core = s.core where f.subject is null)
"""
_CORRECTED: Final = """
select e.detail from ledger_use u join ledger_entry e using (seq)
where u.subject = any (%s) and e.action = %s and e.detail = any (%s)
"""


def refresh_ages(on: date | None = None) -> int:
    """Bring the bands of everybody under eighteen to a day (today, UTC); returns how many origin subjects grew older."""
    today = on or datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(_YOUNG, [_ADULT - 1])
        young = [row[0] for row in cursor.fetchall()]
    grown = 0
    options: Options = {"fields": [_BORN], "use": "link", "kinds": PROFILE_KINDS}
    for chunk in gate().stream(young, actor=owner_actor(), purpose="accuracy", **options):
        bands = _bands(chunk, today)
        grown += retried(functools.partial(_write, bands)) if bands else 0
    return grown


@dataclass(slots=True)
class _Judged:
    """The band of an origin subject; ``alone``: as their own dates have it (0: none is readable); ``by``: whose date, put right,
    counts instead of one of theirs."""

    band: int = _ADULT
    alone: int = _ADULT
    by: set[UUID] = field(default_factory=set)


def _bands(opened: Iterable[Opened], today: date) -> dict[UUID, _Judged]:
    """The band of each origin subject whose birth date is readable; of several dates the youngest counts, or one put right."""
    held = list(opened)
    right = _put_right([said for one in held for said in one.contributions if said.kind == _EDIT])
    found: dict[UUID, _Judged] = {}
    for one in held:
        for subject, said, instead in _counting(one.contributions, right):
            if band := _band(instead or said, today):
                judged = found.setdefault(subject, _Judged())
                judged.band, judged.alone = min(judged.band, band), min(judged.alone, _band(said, today))
                judged.by |= {instead.subject} if instead else set()
    return found


def _band(said: Contribution, today: date) -> int:
    """0: it is no date that can be read."""
    try:
        born = date.fromisoformat(str(said.normal or said.given))
    except ValueError:
        return 0
    return AGE_BANDS.index(age_band(born, today))


def _counting(
    contributions: Iterable[Contribution], right: Collection[UUID]
) -> Iterator[tuple[UUID, Contribution, Contribution | None]]:
    """What is said of each origin subject, where the house put the date right that alone; and what counts instead of it.

    One put right counts instead of the same wrong date of others of the certain part: who corrects one of them sees one customer.
    """
    by_subject: dict[UUID, list[Contribution]] = {}
    for said in contributions:
        by_subject.setdefault(said.subject, []).append(said)
    won = {subject: survive(every).get(_BORN) for subject, every in by_subject.items()} if right else {}
    put = {subject: one.said for subject, one in won.items() if one is not None and one.said.record in right}
    parts = {subject: _part(subject) for subject in put} if len(by_subject) > 1 else {}
    for subject, every in by_subject.items():
        if subject in put:
            yield subject, put[subject], None
            continue
        near = [one for one, part in parts.items() if subject in part]
        for said in every:
            wrong = (one for one in near if any(same_text(said, other) for other in by_subject[one]))
            yield subject, said, next((put[one] for one in wrong), None)


def _part(subject: UUID) -> set[UUID]:
    """The certain part of an origin subject; nobody where it has gone meanwhile."""
    with contextlib.suppress(UnknownSubject):
        return set(part_of(subject, whole=False))
    return set()


def _put_right(edits: Sequence[Contribution]) -> set[UUID]:
    """Edits that are corrections of the house, with its reason; a child who says in a talk or the portal to be grown up is none."""
    if not edits:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_CORRECTED, [[one.subject for one in edits], ACTIONS["correct"], [one.record for one in edits]])
        return {row[0] for row in cursor.fetchall()}


def _write(bands: Mapping[UUID, _Judged]) -> int:
    rows = [
        (subject, one.band, one.alone, f"{{{','.join(map(str, sorted(one.by)))}}}" if one.alone < one.band else None)
        for subject, one in bands.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(bands)])
        cursor.execute(_WRITE, [list(column) for column in zip(*rows, strict=True)])
        return int(cursor.rowcount)
