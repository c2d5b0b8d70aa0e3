"""An erasure that an older copy of the database does not know of: written down again, and what stayed then is sealed again.

The certificate lies beside the database (:mod:`kehu.guard.tombstones`). It says which categories a hold kept, and until when;
what a law keeps is told by each record's own day, as at the erasure. A hold that stands in the copy was released before, unless
the certificate names what it keeps. The line of an older program has no certificate: then laws and the holds of the copy say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from psycopg import Connection

from kehu.govern import states as subject_states
from kehu.govern.models import StateEntry
from kehu.guard import residue
from kehu.guard.staff.actions import ensure_owner
from kehu.guard.tombstones import Noted
from kehu.serve.rights.erasing.ending import end_residue
from kehu.serve.rights.erasing.erasure import certificate_of, close, finished
from kehu.serve.rights.erasing.paper import paper_of
from kehu.serve.rights.erasing.stays import bit_of, decide, has_ended, still_kept
from kehu.serve.rights.models import Erasure, Request


class ErasureRegister:
    """What the home's file of erasures asks of the register (:class:`kehu.guard.tombstones.Register`)."""

    def document(self, certificate: UUID) -> dict[str, Any] | None:
        """The certificate of one that is done; None where it is not here."""
        row = finished(certificate)
        return row.certificate if row is not None else None

    def seal_again(self, connection: Connection[Any], one: Noted, part: Sequence[UUID]) -> None:
        """Write it down as done and seal what stays of these origin subjects; nothing where the copy has it done."""
        if finished(one.certificate) is not None:
            return
        row = _row(one, part)
        stood = subject_states.states_on(_customer(connection, part))
        lines = one.document["residue"] if one.document is not None else None
        decided = decide(part, stood if lines is None else _holds(lines))
        paper = paper_of(row, part, [state for state in stood if state.categories & _bits(decided.holds)])
        if lines is not None:
            _leave_out_ended(paper, lines)
        body, _ = residue.reseal(connection, row.id, part, paper, keeps=decided.keeps, lenient=True)
        Request.objects.filter(subject__in=part).update(certificate=row.id)
        close(row, one.document or certificate_of(connection, row, decided.close(), erased={}, keys=len(part)), body)

    def let_go(self, certificate: UUID, days: Mapping[str, str]) -> None:
        """Take it out as of the day on which somebody said so; who did stands in rows of the ledger that the copy lacks."""
        with transaction.atomic():
            row = Erasure.objects.select_for_update().filter(id=certificate, state="done").exclude(residue=None).first()
            lines = (row.certificate or {}).get("residue", []) if row is not None else []
            kept = [line for line in lines if line.get("review") and line["what"] in days]
            if row is None or not kept:
                return
            for line in kept:
                line |= {"until": days[line["what"]], "review": False}
            row.save(update_fields=["certificate"])
        end_residue(certificate, datetime.now(UTC).date())


def _row(one: Noted, part: Sequence[UUID]) -> Erasure:
    """The copy's row of it, where it waited then; else one that the owner answers for, as who asked is not known."""
    found = Erasure.objects.select_for_update().filter(id=one.certificate).first()
    if found is not None:
        return found
    row = Erasure.objects.create(
        id=one.certificate, state="begun", subjects=[str(subject) for subject in part], by=ensure_owner().id
    )
    row.asked_at = datetime.fromisoformat(one.document["asked_at"]) if one.document is not None else timezone.now()
    return row


def _customer(connection: Connection[Any], part: Sequence[UUID]) -> list[UUID]:
    """Everybody of their customers; also of those whose import was taken back, whom nobody else finds."""
    rows = connection.execute(
        "select s.subject from subject_state s where s.customer in (select n.customer from subject_state n"
        " where n.subject = any (%s)) order by s.subject",
        (list(part),),
    ).fetchall()
    return [row[0] for row in rows]


def _holds(lines: Sequence[Mapping[str, Any]]) -> list[StateEntry]:
    """The holds that a certificate's lines tell of, as far as they have not ended."""
    today = datetime.now(UTC).date()
    return [
        StateEntry(kind="hold", categories=bit_of(line["what"]), since=timezone.now(), until=_end_of(line))
        for line in lines
        if line["why"] == "hold" and not has_ended(line, today)
    ]


def _end_of(line: Mapping[str, Any]) -> datetime | None:
    return None if line.get("review") else datetime.combine(date.fromisoformat(line["until"]), time.min, UTC)


def _bits(holds: Sequence[StateEntry]) -> int:
    bits = 0
    for hold in holds:
        bits |= hold.categories
    return bits


def _leave_out_ended(paper: residue.Paper, lines: Sequence[Mapping[str, Any]]) -> None:
    today = datetime.now(UTC).date()
    paper.rows = {
        part: [row for row in rows if still_kept(part, row, lines, today)] for part, rows in paper.rows.items()
    }
