"""Parts of a customer that linkage alone joined, and a request: confirmed first, and left out where nobody does so in time.

An answer acts on the certain part. What is only probable is named to the office, without a value, and asked of the person:
who names an email address, a phone number or an id number that the part carries, and the certain part does not, is joined
to it for certain, and then the answer reaches it. The office may find the same, or that it is somebody else: then the merge
was wrong and is undone. What nobody confirmed when the request is answered, or when its clock has run out, stays out, and
the answer says so: a wrong merge must not hand over or destroy another person's data.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.parts import UnknownSubject, part_of, retried
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.refine.clean import lookup_keys
from kehu.serve.rights.clocks import end_of_request
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.models import ProbablePart, Request
from kehu.serve.rights.office import PURPOSE_ID, require
from kehu.serve.rights.scope import scope_of
from kehu.vault.assignment import CONFIRMED, WHY, assign
from kehu.vault.ids import new_id

REACH: Final = ("access", "copy", "move", "erase")
"""Rights whose answer hands data over or destroys it."""
FACTS: Final = ("email", "phone", "national_id")
"""What the person may name of a part that is theirs."""
TRIES: Final = 3
LEFT_OUT: Final = {
    "zh-hans": "另有 {count} 条记录可能属于您，但在期限内未能确认，因此未包含在本次答复中。"
    "如属于您，请告知与其相符的邮箱、电话或证件号码。",
    "zh-hant": "另有 {count} 筆紀錄可能屬於您，但在期限內未能確認，因此未包含在本次答覆中。"
    "如屬於您，請告知與其相符的信箱、電話或證件號碼。",
    "en": "There may be {count} more record(s) of you. They could not be confirmed to be yours in time and are not part of this"
    " answer. If they are yours, tell us an email address, a phone number or an id number that they carry.",
}


class UnknownPart(LookupError):
    """No such part waits for this request."""


class NotTheirs(ValueError):
    """What was named is not in the part; ``left``: how often something may still be named."""

    def __init__(self, left: int) -> None:
        super().__init__("the part carries no such value")
        self.left = left


@dataclass(frozen=True, slots=True)
class Part:
    """A part that waits: its id, how many records it has, since when it was joined, how often a fact may be named for it.

    ``due``: when the request's clock ends; what is not confirmed by then stays out.
    """

    id: UUID
    state: str
    records: int
    tries_left: int
    due: datetime | None


def parts_of(request: UUID, *, actor: Actor) -> list[Part]:
    """The probable parts that a request meets, each noted the first time it is seen; none where the right needs none.

    Raises:
        Refused: the role may not.
    """
    require("request", actor)
    row = Request.objects.filter(id=request).first()
    if row is None or row.subject is None or row.right not in REACH:
        return []
    if row.state == "open":
        with suppress(UnknownSubject):  # hidden: nobody is one with them any more
            _note(row)
    held = list(ProbablePart.objects.filter(request=row).order_by("part"))
    counts, due = _records(one.part for one in held), end_of_request(row, now=timezone.now())
    tried = _tried(one.part for one in held)
    return [Part(one.part, one.state, counts.get(one.part, 0), max(0, TRIES - tried[one.part]), due) for one in held]


def name_fact(request: UUID, value: str, *, actor: Actor) -> int:
    """The person names what a part of theirs carries; returns how many parts it confirmed.

    Nothing is opened: the value is compared with the keyed index. After three that match nothing the office has to look,
    with however many requests they were named.

    Raises:
        Refused: not their request.
        UnknownPart: none waits.
        NotTheirs: no part that waits carries it.
    """
    require_act("request", actor)

    def work() -> int | None:
        row = _open(request)
        waiting = _waiting(row)
        tried = _tried((one.part for one in waiting), held=True)
        waiting = [one for one in waiting if tried[one.part] < TRIES]
        if not waiting:
            raise UnknownPart(str(request))
        # what the certain part carries, too, a whole household may carry: it shows nothing
        known = _carries(_subject(row), value)
        found = [] if known else [one for one in waiting if _carries(one.part, value)]
        for one in waiting if not found else ():
            one.tries += 1
            one.save(update_fields=["tries"])
        for one in found:
            _confirm(row, one, actor)
        record_act("request", row.subject, actor=actor, purpose=PURPOSE_ID, detail=row.id)
        return len(found) or None

    found = retried(work)
    if found is None:
        parts = ProbablePart.objects.filter(request=request, state="open").values_list("part", flat=True)
        raise NotTheirs(max((TRIES - count for count in _tried(parts).values()), default=0))
    return found


def confirm(request: UUID, part: UUID, *, actor: Actor) -> None:
    """The office finds that a part is the person's: joined for certain, and the answer reaches it.

    Raises:
        Refused: the role may not.
        UnknownPart: none of that id waits.
    """
    require("request", actor)
    require_act("review", actor)

    def work() -> None:
        row = _open(request)
        _confirm(row, _one(row, part), actor)
        record_act("review", row.subject, actor=actor, purpose=PURPOSE_ID, detail=row.id)

    retried(work)


def decline(request: UUID, part: UUID, *, actor: Actor, language: str = "en") -> UUID | None:
    """The office finds that a part is somebody else: the merge is undone; returns the incident's id, if one opened.

    Raises:
        Refused: the role may not.
        UnknownPart: none of that id waits.
    """
    require("request", actor)

    def work() -> UUID | None:
        row = _open(request)
        held = _one(row, part)
        incident = wrong_merge.part(_subject(row), part, actor=actor, language=language)
        _decided(held, "declined", actor.staff)
        return incident

    return retried(work)


def leave_out(row: Request, *, by: UUID) -> int:
    """Close what nobody confirmed, in the caller's transaction; returns how many parts stay out of the answer."""
    if row.subject is not None and row.right in REACH:
        try:
            waiting = _waiting(row)
        except UnknownSubject:  # hidden, as where their import was taken back: nobody is one with them any more
            waiting = list(ProbablePart.objects.select_for_update().filter(request=row, state="open"))
        for one in waiting:
            _decided(one, "left-out", by)
    return ProbablePart.objects.filter(request=row, state="left-out").count()


def left_out_when_over(*, now: datetime | None = None, by: UUID) -> int:
    """Close the parts of requests whose clock has run out; returns how many. The certain part is answered without them."""
    now = now or timezone.now()
    closed = 0
    for row in Request.objects.filter(state="open", due__lt=now, right__in=REACH).exclude(subject=None):
        if not _has_run_out(row, now):
            continue
        with transaction.atomic():
            before = ProbablePart.objects.filter(request=row, state="left-out").count()
            closed += leave_out(row, by=by) - before
    return closed


def _has_run_out(row: Request, now: datetime) -> bool:
    due = end_of_request(row, now=now)
    return due is not None and due < now


def sentence(count: int, language: str) -> str:
    """What the person is told of parts that stay out."""
    return LEFT_OUT.get(language, LEFT_OUT["en"]).format(count=count)


def _open(request: UUID) -> Request:
    row = Request.objects.select_for_update().filter(id=request, state="open", right__in=REACH).first()
    if row is None:
        raise UnknownPart(str(request))
    return row


def _note(row: Request) -> None:
    """Write down parts that are met for the first time; one that is no longer probable leaves."""
    now = set(scope_of(_subject(row)).unconfirmed)
    held = set(ProbablePart.objects.filter(request=row).values_list("part", flat=True))
    ProbablePart.objects.filter(request=row, state="open").exclude(part__in=now).delete()
    ProbablePart.objects.bulk_create(
        [ProbablePart(id=new_id(), request=row, part=one) for one in sorted(now - held)], ignore_conflicts=True
    )


def _waiting(row: Request) -> list[ProbablePart]:
    _note(row)
    return list(ProbablePart.objects.select_for_update().filter(request=row, state="open").order_by("part"))


def _tried(parts: Iterable[UUID], *, held: bool = False) -> dict[UUID, int]:
    """How often something was named in vain for each part, with all requests that nobody answered yet: another one gives no
    more tries. ``held``: until the transaction ends nobody else names anything for them."""
    wanted = list(parts)
    rows = ProbablePart.objects.filter(part__in=wanted, request__state="open").order_by("id")
    found = dict.fromkeys(wanted, 0)
    for one in rows.select_for_update(of=("self",)) if held else rows:
        found[one.part] += one.tries
    return found


def _one(row: Request, part: UUID) -> ProbablePart:
    found = next((one for one in _waiting(row) if one.part == part), None)
    if found is None:
        raise UnknownPart(str(part))
    return found


def _confirm(row: Request, held: ProbablePart, actor: Actor) -> None:
    connection.ensure_connection()
    left = assign(
        connection.connection, [(_subject(row), held.part)], certainty=CONFIRMED, why=WHY["request"], run=None,
        by=actor.staff,
    )  # fmt: skip
    if left:
        raise UnknownPart(str(held.part))
    _decided(held, "confirmed", actor.staff)


def _decided(held: ProbablePart, state: str, by: UUID) -> None:
    held.state, held.decided_at, held.decided_by = state, timezone.now(), by
    held.save(update_fields=["state", "decided_at", "decided_by"])


def _subject(row: Request) -> UUID:
    if row.subject is None:
        raise UnknownSubject("a request of nobody")
    return row.subject


def _carries(part: UUID, value: str) -> bool:
    """Whether a record of the part has this email address, phone number or id number, by the keyed index."""
    held = installation()
    tokens: list[int] = []
    for name in FACTS:
        kind = held.rules.dictionary.field(name).type
        tokens += [held.tokens.search(name, "exact", key) for key in lookup_keys(name, value, kind)]
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from record r where r.subject = any (%s) and not r.hidden and r.tokens && %s::bigint[])",
            [part_of(part, whole=False), tokens],
        )
        return bool(cursor.fetchone()[0])


def _records(parts: Iterable[UUID]) -> dict[UUID, int]:
    wanted = list(parts)
    with connection.cursor() as cursor:
        cursor.execute(
            "select n.subject, count(r.id) from subject_state n join subject_state s"
            " on s.customer = n.customer and s.core = n.core"
            " join record r on r.subject = s.subject and not r.hidden where n.subject = any (%s) group by 1",
            [wanted],
        )
        found: dict[UUID, Any] = dict(cursor.fetchall())
    return {one: int(count) for one, count in found.items()}
