"""Age bands as people say them of themselves, where no birth date does; and of whom another's birth date said them, once parted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection
from psycopg import Connection

from kehu.govern.laws import AGE_BANDS
from kehu.govern.parts import hold, retried

_PARTED: Final = """
update subject_state s set age = least(s.age, s.freed_from), freed_from = null, freed_by = null
where s.subject = any (%s) and exists (select 1 from unnest(s.freed_by) as b (subject)
    where not exists (select 1 from subject_state f where f.subject = b.subject and f.core = s.core))
"""


def judge_parted(connection: Connection[Any], subjects: Sequence[UUID]) -> None:
    """Let origin subjects be as young as before where a date put right on somebody had made them older who is another now.

    Called by the log of links in its transaction, with the rows locked and ``core`` written anew; who has grown since is looked
    at by the day's end.
    """
    if subjects:
        connection.execute(_PARTED, (list(subjects),))


def declare_young(subject: UUID, band: str) -> None:
    """Let a band of the young stand on a customer of whom no younger one does; acts on the next read.

    Who says they are too young is believed; a birth date that comes later may say so more exactly, never older than it is.

    Raises:
        UnknownSubject: not here.
        ValueError: no band of the young.
    """
    number = AGE_BANDS.index(band)
    if not 0 < number < AGE_BANDS.index("adult"):
        raise ValueError(f"band: one of {', '.join(AGE_BANDS[1:-1])}")

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "update subject_state set age = least(nullif(age, 0), %(n)s), young = least(nullif(young, 0), %(n)s)"
                " where subject in (select s.subject from subject_state s where s.subject = any (%(part)s)"
                " order by s.subject for no key update) and (age = 0 or age > %(n)s or young = 0 or young > %(n)s)",
                {"n": number, "part": hold(subject).part},
            )

    retried(work)
