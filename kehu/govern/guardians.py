"""Who stands behind a child: a guardian does as long as some consent of theirs stands within the child's certain part."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection as django_connection
from psycopg import Connection

from kehu.govern.parts import UnknownSubject, hold, retried
from kehu.govern.separate import SEPARATE_STANDS
from kehu.host.each import each

# of a row s of subject_state. A consent stands by its own row and, where it is none apart, by the word that policies read:
# what withdrew it may be a row that an un-merge took to another customer, while the word stayed.
_STANDS: Final = f"""exists (select 1 from govern_consent g join subject_state a on a.subject = g.subject
    where a.customer = s.customer and a.core = s.core and (g.by_subject is not null or g.guardian <> '')
        and g.status = 'given' and (g.until is null or g.until > clock_timestamp())
        and (g.event <> '' and {SEPARATE_STANDS}
            or g.event = '' and coalesce(s.consents -> g.purpose::text ->> 0, '') = 'given')
        and not exists (select 1 from govern_consent w join subject_state b on b.subject = w.subject
            where b.customer = s.customer and b.core = s.core and w.purpose = g.purpose and w.taken_back_at is null
                and (w.status in ('withdrawn', 'refused') and w.event = '' and w.recorded_at > g.recorded_at
                    or w.status in ('withdrawn', 'invalid') and w.follows = g.id)))"""


def leave_without_guardian(connection: Connection[Any], subjects: Sequence[UUID]) -> None:
    """Let no guardian stand behind these where no consent of one does any more; their words are written already."""
    connection.execute(
        f"update subject_state s set guardian = false where s.subject = any (%s) and s.guardian and not {_STANDS}",
        (list(subjects),),
    )


def end_guardians() -> int:
    """Where no consent of a guardian stands any more, let none stand behind the child; returns of how many.

    Its day has come, or an older program left them there.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """
    with django_connection.cursor() as cursor:
        cursor.execute(
            f"select distinct s.core from subject_state s where s.guardian and not s.hidden and not {_STANDS}", ()
        )
        found = [row[0] for row in cursor.fetchall()]
    return each(lambda core: retried(functools.partial(_end_guardian, core)), found)


def _end_guardian(core: UUID) -> None:
    try:
        leave_without_guardian(django_connection.connection, hold(core).part)
    except UnknownSubject:  # gone meanwhile
        return
