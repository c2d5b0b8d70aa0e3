"""Ends that come by themselves: a hold whose day has come, and what no law keeps of a residue any longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import Connection

from kehu.govern import states as subject_states
from kehu.govern.parts import UnknownSubject
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.residue import forget_residue, reseal_part
from kehu.guard.staff.actions import owner_actor
from kehu.guard.tombstones import forget_ended
from kehu.host.each import each
from kehu.serve.rights.erasing.stays import has_ended, set_next, still_kept
from kehu.serve.rights.models import Erasure

_NEVER: Final = date.max.isoformat()


def end_holds() -> int:
    """Let states whose end has passed act no more; returns on how many customers.

    Raises:
        Exception: the first that failed, once all others have ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct e.subject from govern_stateentry e join subject_state s using (subject)"
            " where e.until <= clock_timestamp() and e.ended_at is null and (s.held or s.held_categories <> 0)"
        )
        subjects = [row[0] for row in cursor.fetchall()]
    return each(_refresh, subjects)


def _refresh(subject: UUID) -> None:
    try:
        subject_states.refresh(subject)
    except UnknownSubject:  # gone meanwhile
        return


def end_residues(today: date | None = None) -> int:
    """Re-seal under a fresh key what is still kept of each residue; the last item takes key, paper and tombstone along.

    What the home has noted beside the database ends with the tombstones. The certificate stays: it names nobody. One residue
    that fails does not keep the others from ending. Returns how many changed.

    Raises:
        Exception: the first that failed, once all others have ended.
    """
    today = today or datetime.now(UTC).date()
    done = Erasure.objects.filter(state="done").exclude(residue=None).only("id", "certificate").order_by("id")
    due = [row.id for row in done.iterator() if _over(row, today)]
    try:
        return each(lambda one: end_residue(one, today), due)
    finally:
        forget_ended(installation().home, today)


def end_residue(id: UUID, today: date) -> None:
    """Take out of one residue what has ended."""
    with transaction.atomic():
        record_act("erase", None, actor=owner_actor(), detail=id)
    with transaction.atomic():
        _end(Erasure.objects.select_for_update().get(id=id), today)


def _end(row: Erasure, today: date) -> None:
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    lines = (row.certificate or {}).get("residue", [])
    if all(has_ended(line, today) for line in lines):
        forget_residue(raw, row.id)
        row.residue = None
    else:
        days: dict[str, str] = {}
        row.residue = reseal_part(raw, row.id, bytes(row.residue or b""), keep=_kept_under(lines, today, days))
        set_next(lines, days)
    for line in lines:
        if has_ended(line, today):
            line["ended"] = True
    # whoever's it is: an older program gave what two erasures kept the certificate of the first and the end of the second
    raw.execute("delete from suppression where until <= %s", (today,))
    raw.execute("delete from tombstone where certificate = %s and until <= %s", (row.id, today))
    row.save(update_fields=["residue", "certificate"])


def _over(row: Erasure, today: date) -> bool:
    """Whether something of it has ended that was not taken out yet: a line, or a record of one."""
    return any(
        not line.get("ended") and (has_ended(line, today) or date.fromisoformat(line.get("next", _NEVER)) <= today)
        for line in (row.certificate or {}).get("residue", [])
    )


def _kept_under(lines: Sequence[dict[str, Any]], today: date, days: dict[str, str]) -> Callable[[str, Any], bool]:
    """Says of a row of the paper whether it stays, and notes for each item the first day on which one of these goes."""

    def keep(part: str, row: Any) -> bool:
        stays = still_kept(part, row, lines, today)
        for key, day in stays.items():
            if day:
                days[key] = min(day, days.get(key, day))
        return bool(stays)

    return keep
