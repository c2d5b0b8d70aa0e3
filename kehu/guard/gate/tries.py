"""How often an answer may be wrong: five times an hour on one customer, twenty times an hour for one member of staff.

A try is taken before anything is compared and counts as wrong until it is known to be right, so that neither many tries
at once nor a process that is killed between the two gains one. It stands in the database and survives a restart. The
customer's own way in counts its own tries (:mod:`kehu.guard.guests.codes`): nobody is locked out of it from here.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.ledger.record import record_act
from kehu.vault.ids import new_id

MOST_WRONG: Final = 5
"""Wrong answers on one customer within an hour, whoever gave them."""
MOST_WRONG_OF_ONE: Final = 20
"""Wrong answers of one member of staff within an hour, on whomever."""
LIMIT: Final = "house.match-limit"
RIGHT, NOTHING_COMPARED = 1, 2

# whoever merges or splits the customer meanwhile: tries stand by origin subject, and count for whose they are now
_COUNT: Final = """
select count(*) filter (where s.customer = %(customer)s), count(*) filter (where g.human = %(human)s)
from gate_comparison g join subject_state s using (subject)
where g.outcome = 0 and g.at > clock_timestamp() - interval '1 hour' and (s.customer = %(customer)s or g.human = %(human)s)
"""


def take_try(subject: UUID, *, actor: Actor, purpose: int) -> UUID:
    """Take one try and return its id; of the tries of the last hour none is left where it refuses.

    Raises:
        UnknownSubject: not here.
        Refused: too many wrong answers; that it was asked for stands in the ledger.
    """
    taken = _take(subject, actor.human)
    if taken is None:
        with transaction.atomic():
            record_act("match", subject, actor=actor, purpose=purpose, refused_by=LIMIT)
        raise Refused(LIMIT)
    return taken


def settle_try(taken: UUID, outcome: int) -> None:
    """Say what became of a try: ``RIGHT`` or ``NOTHING_COMPARED``; one that was wrong is left as it is."""
    with connection.cursor() as cursor:
        cursor.execute("update gate_comparison set outcome = %s where id = %s", [outcome, taken])


def _take(subject: UUID, human: UUID) -> UUID | None:
    id = new_id()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select customer from subject_state where subject = %s and not hidden", [subject])
        row = cursor.fetchone()
        if row is None:
            raise UnknownSubject(str(subject))
        for held in (f"match:{row[0]}", f"match:{human}"):  # always in this order: nobody waits for each other
            cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [held])
        cursor.execute("delete from gate_comparison where at < clock_timestamp() - interval '1 hour'")
        cursor.execute(_COUNT, {"customer": row[0], "human": human})
        of_customer, of_human = cursor.fetchone()
        if of_customer >= MOST_WRONG or of_human >= MOST_WRONG_OF_ONE:
            return None
        cursor.execute("insert into gate_comparison (id, subject, human) values (%s, %s, %s)", [id, subject, human])
    return id
