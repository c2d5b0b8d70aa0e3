"""Taking an import back: hidden in small steps, so that a crash in between is finished by asking again.

While it goes on the import is ``undone`` without a time (``undone_at``); that is noted once nothing of it is shown any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import connection as django_connection
from django.db import transaction
from django.db.models import Case, F, When
from django.utils import timezone
from psycopg import Connection

from kehu.collect.imports.repeated import Handed
from kehu.collect.imports.resolve import EVERY_PACK
from kehu.collect.models import Import, Quarantined
from kehu.govern.holders import holders
from kehu.govern.taken_back import forget_statements, take_back_statements
from kehu.guard.aside import forget_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.gate.supply import forget_supply
from kehu.guard.ledger.record import record_act
from kehu.host.each import each
from kehu.refine.resolve.review import handing_on
from kehu.vault.assignment import detach, held_by, links_after, lock, standing_links, unassign
from kehu.vault.erasure import destroy, lock_subjects
from kehu.vault.parted import Together, tell_mistake, tell_parted

_STEP: Final = 2_000
_LINKS: Final = 500
KEPT: Final = timedelta(days=30)

# What came under the same key before and is still shown is the newest again. A customer of whom events stay is known by their
# key still: who comes under it again, and their next events, are the same customer.
_FALL_BACK = """
with gone as (
    select k.token, k.subject, h.kind <= 2 and exists (select 1 from record r where r.subject = k.subject and not r.hidden)
        as stays from source_key k join record h on h.subject = k.subject and h.id = k.record
    where k.subject = any (%(subjects)s) and k.record = any (%(records)s)
), before as (
    select distinct on (g.token) g.token, r.id, r.content from gone g
        join record r on r.subject = g.subject and r.source = g.token and not r.hidden
    order by g.token, coalesce(r.said_at,
        to_timestamp(('x' || left(replace(r.id::text, '-', ''), 12))::bit(48)::bigint / 1e3)) desc, r.id desc
), kept as (
    update source_key k set record = b.id, content = b.content from before b where k.token = b.token returning k.token
), waits as (
    update source_key k set record = '00000000-0000-0000-0000-000000000000', content = '' from gone g
    where k.token = g.token and g.stays and not exists (select 1 from before b where b.token = g.token) returning k.token
)
delete from source_key k using gone g where k.token = g.token and not g.stays and not exists (select 1 from before b
    where b.token = g.token)
"""

# What was corrected of whom nothing else is here is of them alone, and stood under the terms of what leaves: it goes with it.
# Of whoever stays goes what was said of a value that leaves, unless another record says the same, or came since and may.
_EDITS_TOO: Final = """
update record e set hidden = true, batch = %(batch)s where e.subject = any (%(subjects)s) and e.kind = 5 and e.batch is null
    and not exists (select 1 from record r where r.subject = e.subject and not r.hidden and case
        when e.follows is null then r.kind <= 4 else r.id = any (e.follows) or (r.kind <= 2 and r.id > e.id) end)
"""

_HIDE = """
update subject_state s set hidden = true where s.subject = any (%(subjects)s)
    and not exists (select 1 from record r where r.subject = s.subject and not r.hidden) returning s.subject
"""

# What policies read of those who stay, as if what left had never come: laws and age in the order in which the rest came, as an
# import widens them. Of an age nobody grows younger: a band that has risen since with the days stays.
_NARROW: Final = """
with stay as (
    select r.subject, min(r.age) filter (where r.age > 0) as age, (array_agg(r.packs order by r.id))[1]
            | coalesce(bit_or(r.packs) filter (where r.packs <> %(every)s), 0::smallint) as packs,
        coalesce((array_agg(r.kind order by r.id desc) filter (where r.kind <= 2))[1], 1::smallint) as kind
    from record r where r.subject = any (%(subjects)s) and not r.hidden and r.kind <= 4
    group by r.subject having bool_and(r.packs is not null)
), gone as (
    select r.subject, min(r.age) filter (where r.age > 0) as age from record r
    where r.subject = any (%(subjects)s) and r.id = any (%(records)s) group by r.subject
)
update subject_state s set packs = stay.packs, kind = stay.kind, age = case
    when gone.age is null or s.age < gone.age then s.age
    when stay.age is null then s.young
    else greatest(least(stay.age, nullif(s.young, 0)), s.age) end
from stay join gone using (subject) where s.subject = stay.subject
"""


def take_back(
    row: Import, *, actor: Actor, until: float | None = None, after_each: Callable[[], None] = lambda: None
) -> int:
    """Hide every record of an import, but those of rows that another brought, too; returns how many are hidden.

    What was corrected since of whom nothing else is here goes with it, uncounted, and of whoever stays what the house said of a
    value that leaves.

    Args:
        until: by when to stop, on the monotonic clock; what is left is done when asked again.
        after_each: called when a step of it is done for good.
    Raises:
        ActRefused: this role may not.
    """
    require_act("collect", actor)
    require_standing(actor)
    if not is_half(row):
        _begin(row.id, actor)
    _hide_all(row.id, actor, until, after_each)
    with django_connection.cursor() as cursor:
        cursor.execute("select count(*) from record where batch = %s and hidden and kind <= 4", [row.id])
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def is_half(row: Import) -> bool:
    """Whether it is being taken back, or was when something broke off."""
    return row.state == "undone" and row.undone_at is None


def _begin(batch: UUID, actor: Actor) -> None:
    with transaction.atomic():
        record_act("undo", None, actor=actor, detail=batch)
        # first, for a channel's inbox may be writing into it: this waits, and nothing is written after it
        since = Case(When(state="undone", then=F("undone_at")))  # asked again it is not kept for longer
        Import.objects.filter(id=batch).update(state="undone", undone_at=since)


def _hide_all(batch: UUID, actor: Actor, until: float | None, after_each: Callable[[], None] = lambda: None) -> None:
    steps: list[Callable[[], int]] = [
        _Parting(batch, actor), partial(_step, batch, actor),
        partial(_take_statements_back, batch), partial(_forget_quarantined, batch),
    ]  # fmt: skip
    for step in steps:
        while step():
            after_each()
            if until is not None and time.monotonic() > until:
                return


class _Parting:
    """Steps that take an import's links back, those of some customers each. Begun anew it finds what is left."""

    def __init__(self, batch: UUID, actor: Actor) -> None:
        self._batch, self._actor = batch, actor
        self._after = UUID(int=0)

    def __call__(self) -> int:
        with transaction.atomic():
            raw: Connection[Any] = django_connection.connection
            found = links_after(raw, self._batch, self._after, limit=_LINKS)
            if found is None:
                return 0
            links, self._after = found
            were = _who_stay(raw, held_by(raw, links), self._batch)
            unassign(raw, [(link.older, link.younger) for link in links], run=self._batch, by=self._actor.staff)
            tell_mistake(were, actor=self._actor)
            return _LINKS


def _step(batch: UUID, actor: Actor) -> int:
    with transaction.atomic():
        raw: Connection[Any] = django_connection.connection
        rows = raw.execute(
            "select subject, id from record where batch = %s and not hidden limit %s", (batch, _STEP)
        ).fetchall()
        if not rows:
            return 0
        subjects = sorted({row[0] for row in rows})
        named: dict[str, Any] = {"subjects": subjects}
        lock(raw)  # first, as every writer of the log of links: nobody says meanwhile what would have to be handed on
        # in the order in which reads lock, so that none waits for the other in a circle
        raw.execute(
            "select 1 from subject_state where subject = any (%(subjects)s) order by subject for no key update", named
        )
        handed = Handed(raw, batch, subjects, [row[1] for row in rows])
        named["records"] = [row[1] for row in rows if row[1] not in handed.records]
        raw.execute(
            "update record set hidden = true where subject = any (%(subjects)s) and id = any (%(records)s)", named
        )
        raw.execute(_EDITS_TOO, {**named, "batch": batch})
        raw.execute(_FALL_BACK, named)
        raw.execute(_NARROW, {**named, "every": EVERY_PACK})
        raw.execute("delete from identity_key where subject = any (%(subjects)s) and record = any (%(records)s)", named)
        leave(raw, subjects, batch=batch, actor=actor)
        handed.join(by=actor.staff)
        forget_supply(raw, subjects)
        Import.objects.filter(id=batch).update(taken_back=F("taken_back") + len(rows))
        return len(rows)


def leave(raw: Connection[Any], subjects: Sequence[UUID], *, batch: UUID | None, actor: Actor) -> None:
    """Hide those of whom nothing is shown any more, and part them from their customers; in the caller's transaction."""
    hidden = [row[0] for row in raw.execute(_HIDE, {"subjects": subjects}).fetchall()]
    said = handing_on.said_of(hidden)
    were = _who_stay(raw, held_by(raw, standing_links(raw, hidden)), batch)
    tell_parted(detach(raw, hidden, by=actor.staff))
    handing_on.hand_on(said)
    tell_mistake(were, actor=actor)
    raw.execute("delete from source_key where subject = any (%s)", (hidden,))  # under which a customer waited


def _who_stay(raw: Connection[Any], were: Sequence[Together], batch: UUID | None) -> list[Together]:
    """Of customers that come apart, those of whom two or more are not of this import alone.

    Whoever leaves with it was found to be nobody else; of two who stay an import that is taken back had said that they are one.
    """
    ends = sorted({subject for together in were for subject in together.subjects})
    rows = raw.execute(
        "select distinct subject from record where subject = any (%s) and not hidden and kind <= 4"
        " and batch is distinct from %s",
        (ends, batch),
    ).fetchall() if ends else []  # fmt: skip
    stay = {row[0] for row in rows}
    kept = [Together([one for one in held.subjects if one in stay], held.since) for held in were]
    return [held for held in kept if len(held.subjects) > 1]


def _take_statements_back(batch: UUID) -> int:
    """After the rows themselves: what they brought is not opened a moment longer under what they said."""
    with transaction.atomic():
        return take_back_statements(django_connection.connection, batch, limit=_STEP)


def _forget_quarantined(batch: UUID) -> int:
    """What was refused goes at once: it never came in, and nobody asks for it any more."""
    with transaction.atomic():
        ids = list(Quarantined.objects.filter(batch=batch).values_list("id", flat=True)[:_STEP])
        forget_aside(django_connection.connection, ids)
        Quarantined.objects.filter(id__in=ids).delete()
        return len(ids)


def erase_taken_back(*, actor: Actor) -> int:
    """Erase imports that were taken back 30 days ago; returns how many. Under a hold a customer's records wait on.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """
    due = Import.objects.filter(state="undone", undone_at__lt=timezone.now() - KEPT).values_list("id", flat=True)
    gone: list[UUID] = []

    def erase(batch: UUID) -> None:
        _hide_all(batch, actor, None)  # what broke off of it
        while _erase_step(batch):
            pass
        if _left(batch):
            return
        with transaction.atomic():
            record_act("erase", None, actor=actor, detail=batch)
            forget_statements(django_connection.connection, batch)
            forget_aside(django_connection.connection, [batch, proof_id(batch)])
            Import.objects.filter(id=batch).update(state="erased", sealed=b"", proof=None)
        gone.append(batch)

    each(erase, list(due))
    return len(gone)


# A customer of whom nothing else is here goes whole, key and ledger salt with it; of others only these records go.
_DUE = """
select r.subject, r.id from record r join subject_state s using (subject)
where r.batch = %s and r.hidden and not s.held and s.held_categories = 0 limit %s
"""
_HELD = """
select s.subject from subject_state s where s.subject = any (%(subjects)s) and (s.held or s.held_categories <> 0)
"""
_WHOLE = """
select s.subject from subject_state s where s.subject = any (%(subjects)s) and s.hidden and not s.residue
    and not exists (select 1 from record r where r.subject = s.subject and r.id <> all (%(records)s))
"""


def _erase_step(batch: UUID) -> int:
    with transaction.atomic():
        raw: Connection[Any] = django_connection.connection
        due = raw.execute(_DUE, (batch, _STEP)).fetchall()
        lock_subjects(raw, sorted({row[0] for row in due}))
        held = raw.execute(_HELD, {"subjects": list({row[0] for row in due})}).fetchall()  # since, while this waited
        rows = [row for row in due if (row[0],) not in held]
        subjects, records = sorted({row[0] for row in rows}), [row[1] for row in rows]
        whole = [row[0] for row in raw.execute(_WHOLE, {"subjects": subjects, "records": records}).fetchall()]
        for holder in holders():  # while the records still say under which keys they came
            for subject in whole:
                holder.erase(subject)
        for table, column in (("facet", "record"), ("record_repeat", "record"), ("record", "id")):
            raw.execute(f"delete from {table} where subject = any (%s) and {column} = any (%s)", (subjects, records))
        destroy(raw, whole)
        return len(due)


def _left(batch: UUID) -> bool:
    with django_connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from record where batch = %s)", [batch])
        found = cursor.fetchone()
    return bool(found and found[0])


def proof_id(id: UUID) -> UUID:
    """The proof of an import's source is sealed under a key next to that of its settings."""
    return UUID(int=id.int ^ 1)
