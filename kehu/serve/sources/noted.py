"""What was noted by hand of whom nobody wrote to by mail: that they were told by post or otherwise, or need not be; and taking
it back where it was a mistake. What was noted stays, with when and by whom it was taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.models import Informed
from kehu.govern.parts import UnknownSubject
from kehu.govern.sources import Mark, marks
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_act
from kehu.serve.rights.office import PURPOSE_ID, require
from kehu.serve.sources.untold import part_named

_LOOKED_AT: Final = 1_000  # newest rows of which the acts are listed: of each customer one for each source
# what was noted of one certain part at one moment; who is parted since stands in two lines
_NOTED: Final = f"""
select (array_agg(i.id order by i.id))[1], s.core, i.at, i.way, i.excuse, i.reason, i.taken_back_at,
    array_agg(distinct i.source::int)
from (select x.* from govern_informed x where x.way <> 'email' order by x.at desc limit {_LOOKED_AT}) i
    join subject_state s on s.subject = i.subject and not s.hidden
group by s.core, i.at, i.by, i.way, i.excuse, i.reason, i.taken_back_at order by i.at desc, s.core limit %s
"""
# of the same part, moment and hand, where nothing later told them of that source
_TO_UNTELL: Final = """
select i.id, i.subject, i.source, exists (select 1 from govern_informed l where l.subject = i.subject
    and l.source = i.source and l.taken_back_at is null and l.at > i.at) as later
from govern_informed n join govern_informed i on i.at = n.at and i.by = n.by and i.way = n.way and i.excuse = n.excuse
    join subject_state s on s.subject = i.subject and s.core = %(core)s and not s.hidden
where n.id = %(note)s and i.taken_back_at is null
"""
# each waits for the day that it had
_UNTELL: Final = """
with n as (
    select * from unnest(%s::uuid[], %s::smallint[]) as n (subject, source)
), still as (
    select s.subject, jsonb_object_agg(x.key, case when exists (select 1 from n where n.subject = s.subject
        and n.source::text = x.key) then x.value - 'told' else x.value end) as of_them
    from subject_state s, jsonb_each(s.supplied -> 'of') x where s.subject in (select subject from n) group by s.subject
)
update subject_state s set supplied = s.supplied || jsonb_build_object('of', t.of_them),
    inform_by = (select min((x.value ->> 'by')::date) from jsonb_each(t.of_them) x where x.value ->> 'told' is null)
from still t where s.subject = t.subject
"""


class NothingNoted(LookupError):
    """Nothing of the kind stands: it was taken back before, or the person is not here any more."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What was noted of a certain part at one moment; ``id`` names it. ``excuse`` and ``reason``: why they need not be told."""

    id: UUID
    customer: UUID
    at: datetime
    way: str
    excuse: str
    reason: str
    taken_back_at: datetime | None
    marks: tuple[Mark, ...]


def noted(*, actor: Actor, limit: int) -> list[Noted]:
    """What was noted last, the newest first, with what was taken back.

    Raises:
        Refused: the role may not tell people.
    """
    require("inform", actor)
    with connection.cursor() as cursor:
        cursor.execute(_NOTED, [limit])
        rows = cursor.fetchall()
    known = marks() if rows else {}
    return [
        Noted(id, part, at, way, excuse, reason, taken, tuple(known[one] for one in sources if one in known))
        for id, part, at, way, excuse, reason, taken, sources in rows
    ]


def take_back(note: UUID, *, actor: Actor) -> UUID:
    """Take back what was noted by mistake (``id`` of :class:`Noted`): who it was of waits to be told again, by the day they had.

    Of what they were told later they stay told. Returns the certain part that it was of.

    Raises:
        Refused: the role may not.
        NothingNoted: see there.
    """
    require("inform", actor)
    with transaction.atomic():
        row = Informed.objects.exclude(way="email").filter(id=note, taken_back_at=None).first()
        if row is None:
            raise NothingNoted(str(note))
        try:
            return _take_back(row.id, part_named(row.subject), actor)
        except UnknownSubject:
            raise NothingNoted(str(note)) from None


def take_back_last(subject: UUID, *, actor: Actor) -> UUID:
    """The same of what was noted last of the certain part of an id.

    Raises:
        As :func:`take_back`.
        UnknownSubject: not here.
    """
    require("inform", actor)
    part = part_named(subject)
    with connection.cursor() as cursor:
        cursor.execute(
            "select i.id from govern_informed i join subject_state s on s.subject = i.subject and s.core = %s"
            " where i.way <> 'email' and i.taken_back_at is null order by i.at desc, i.id limit 1",
            [part],
        )
        found = cursor.fetchone()
    if found is None:
        raise NothingNoted(str(subject))
    return take_back(found[0], actor=actor)


def _take_back(note: UUID, part: UUID, actor: Actor) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute(
            "select 1 from subject_state where core = %s and customer = (select x.customer from subject_state x"
            " where x.subject = %s) order by subject for no key update",
            [part, part],
        )
        cursor.execute(_TO_UNTELL, {"note": note, "core": part})
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
        if not rows:  # somebody else was faster
            raise NothingNoted(str(note))
        again = [(subject, source) for _, subject, source, later in rows if not later]
        if again:
            cursor.execute(_UNTELL, [list(column) for column in zip(*again, strict=True)])
    taken = Informed.objects.filter(id__in=[id for id, *_ in rows])
    taken.update(taken_back_at=timezone.now(), taken_back_by=actor.human)
    record_act("inform", part, actor=actor, purpose=PURPOSE_ID)
    return part
