"""Age bands of the young, kept current: what policies read of an age is a band, never a date in clear.

Once a day the birth dates of those under eighteen are compared with the day, through the gate as linkage does: nothing is
shown, and each look stands in the ledger. Bands go up only; whoever may not be looked at (restricted, objected) stays young.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.govern.laws import AGE_BANDS, age_band
from kehu.govern.parts import retried
from kehu.guard.gate.read import PROFILE_KINDS, Opened, Options, gate
from kehu.guard.staff.actions import owner_actor

_ADULT: Final = AGE_BANDS.index("adult")
_YOUNG: Final = """
select min(subject::text)::uuid from subject_state where age between 1 and %s and not hidden group by customer order by 1
"""
_WRITE: Final = """
with n as (select * from unnest(%s::uuid[], %s::smallint[]) as n (subject, age)), held as (
    select s.subject from subject_state s join n using (subject) order by s.subject for no key update of s
)
update subject_state s set age = n.age from n join held using (subject)
where s.subject = n.subject and s.age between 1 and n.age - 1
"""


def refresh_ages(on: date | None = None) -> int:
    """Bring the bands of everybody under eighteen to a day (today, UTC); returns how many origin subjects grew older."""
    today = on or datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(_YOUNG, [_ADULT - 1])
        young = [row[0] for row in cursor.fetchall()]
    grown = 0
    options: Options = {"fields": ["birth_date"], "use": "link", "kinds": PROFILE_KINDS}
    for chunk in gate().stream(young, actor=owner_actor(), purpose="accuracy", **options):
        bands = _bands(chunk, today)
        grown += retried(functools.partial(_write, bands)) if bands else 0
    return grown


def _bands(opened: Iterable[Opened], today: date) -> dict[UUID, int]:
    """The band of each origin subject whose birth date is readable; of several dates the youngest counts."""
    found: dict[UUID, int] = {}
    for one in opened:
        for said in one.contributions:
            try:
                born = date.fromisoformat(str(said.normal or said.given))
            except ValueError:
                continue
            band = AGE_BANDS.index(age_band(born, today))
            if band:
                found[said.subject] = min(band, found.get(said.subject, band))
    return found


def _write(bands: dict[UUID, int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [list(bands), list(bands.values())])
        return int(cursor.rowcount)
