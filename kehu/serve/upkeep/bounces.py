"""What did not arrive: noted by value, unopened, for every customer who has it; policies then have it verified.

A report of a mail server is believed only so far that a contact point is relied on less and somebody looks at it: anybody
can write such a report, so nothing is ever removed by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from kehu.collect.inbox.hands import Errand
from kehu.govern.parts import UnknownSubject, part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import owner_actor
from kehu.refine.clean import clean_value
from kehu.refine.tokens import tokens_of
from kehu.serve.upkeep.models import EVENTS, WITHOUT_VALUE, Confirmation, ContactEvent, Policy, Task
from kehu.serve.upkeep.policies import concerns, make_task
from kehu.vault.ids import new_id

BOUNCES: Final = ("hard-bounce", "soft-bounce", "returned-post", "failed-delivery")
FIELDS_OF: Final = {
    "hard-bounce": ("email",), "soft-bounce": ("email",), "returned-post": ("address", "delivery_address", "street"),
    "failed-delivery": ("address", "delivery_address", "street", "phone", "email"), "failed-call": ("phone", "landline"),
    "delivered": ("email", "address", "delivery_address", "street", "phone", "landline"),
}  # fmt: skip
"""Of which contact points each kind is noted; an address that is held in parts goes by its street."""
_MOST: Final = 50  # customers who share one contact point and are noted
_WITHIN: Final = timedelta(days=180)  # bounces that count together


class NotAContact(ValueError):
    """No such kind of event, or none of that field; or the value is no valid form."""


@dataclass(frozen=True, slots=True)
class Noted:
    """How many customers it was noted for, and how many tasks came of it."""

    customers: int
    tasks: int


def note_by_value(
    kind: str, name: str, value: str, *, actor: Actor, at: datetime | None = None, report: str = ""
) -> Noted:
    """Note an event of whoever has this value; found by the blind index, nothing is opened. That nobody has it tells
    something, too (this person is no customer), so it stands in the ledger as well.

    ``report``: the sender's own name of it, so that the same report twice is one.

    Raises:
        Refused: the role may not, or agreement or training has lapsed.
        NotAContact: see there.
    """
    require_act("bounce", actor)
    require_standing(actor)
    subjects, token = _carriers(kind, name, value)
    if not subjects:
        with transaction.atomic():
            record_act("bounce", None, actor=actor)
    return _note(kind, name, subjects, token, actor=actor, at=at, report=report)


def _carriers(kind: str, name: str, value: str) -> tuple[list[UUID], int]:
    """Whoever has this value, by an origin subject each, and its token.

    Raises:
        NotAContact: see there.
    """
    _require(kind, name)
    held = installation().rules.dictionary.field(name)
    normal, _ = clean_value(name, value, held.type)
    tokens = tokens_of(name, normal or value.strip()).every
    if normal is None or not tokens:
        raise NotAContact(name)
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct on (s.customer) s.subject from record r join subject_state s using (subject)"
            " where r.tokens @> array[%s]::bigint[] and not r.hidden and not s.hidden order by s.customer, r.id desc limit %s",
            [tokens[0], _MOST],
        )
        return [row[0] for row in cursor.fetchall()], tokens[0]


def note_of(
    kind: str, name: str, subject: UUID, *, actor: Actor, at: datetime | None = None, report: str = ""
) -> Noted:
    """Note an event of one customer's contact point, whichever value counts (post that came back, a call).

    Raises:
        Refused: the role may not, or agreement or training has lapsed.
        UnknownSubject: not here.
        NotAContact: see there.
    """
    require_act("bounce", actor)
    require_standing(actor)
    _require(kind, name)
    with connection.cursor() as cursor:
        cursor.execute("select 1 from subject_state where subject = %s and not hidden", [subject])
        if cursor.fetchone() is None:
            raise UnknownSubject(str(subject))
    return _note(kind, name, [subject], None, actor=actor, at=at, report=report)


def take_errand(errand: Errand) -> str | None:
    """A mailbox brought a report that a letter did not arrive, of the day that the report names."""
    actor = errand.actor if errand.actor.role in ACTS["bounce"] else owner_actor()
    said = errand.asked.said
    try:
        subjects, token = _carriers(said["kind"], "email", said["to"])
    except NotAContact:
        return "message_names_nobody"
    at = min(datetime.fromisoformat(said["at"]), timezone.now())
    _note(said["kind"], "email", subjects, token, actor=actor, at=at, report=said["own"])
    return None


def _require(kind: str, name: str) -> None:
    if kind not in EVENTS or name not in FIELDS_OF[kind]:
        raise NotAContact(kind)


def _note(
    kind: str, name: str, subjects: Iterable[UUID], token: int | None, *, actor: Actor, at: datetime | None, report: str
) -> Noted:
    when = at or timezone.now()
    noted = tasks = 0
    for subject in sorted(subjects, key=lambda one: one.int):  # as reads lock them
        said = f"{kind}\x1f{name}\x1f{subject}\x1f{report or f'{when.isoformat()}{new_id()}'}"
        with transaction.atomic():
            key = installation().tokens.content(said.encode())
            if ContactEvent.objects.filter(key=key).exists():
                continue
            record_act("bounce", subject, actor=actor)  # holds the subject
            ContactEvent.objects.create(
                id=new_id(), subject=subject, field=name, token=token, kind=kind, at=when, key=key
            )
            noted += 1
            tasks += _verify(subject, name, token, by=actor.human)
    return Noted(noted, tasks)


def _verify(subject: UUID, name: str, token: int | None, *, by: UUID) -> int:
    """Have it verified, where a policy says so after so many bounces since somebody last confirmed it, or tried to."""
    policies = Policy.objects.filter(field=name, retired_at=None).exclude(bounces=None)
    if not policies:
        return 0
    part = part_of(subject, whole=True)  # whichever of a customer's records carries the value
    confirmed = Confirmation.objects.filter(subject__in=part, field=name).aggregate(last=Max("at"))["last"]
    tried = Task.objects.filter(subject__in=part, field=name, outcome__in=WITHOUT_VALUE).aggregate(last=Max("done_at"))
    since = max(one for one in (datetime.now(UTC) - _WITHIN, confirmed, tried["last"]) if one is not None)
    rows = ContactEvent.objects.filter(subject__in=part, field=name, kind__in=BOUNCES, at__gte=since)
    count = rows.filter(token=token).count() if token is not None else rows.count()
    due = [one for one in policies if count >= (one.bounces or 0) and concerns(one, part)]
    return sum(make_task(subject, policy=one, why="bounces", by=by) for one in due)
