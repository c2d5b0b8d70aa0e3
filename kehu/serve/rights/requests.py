"""The register of requests: a customer exercises a right; received, confirmed, extended, answered, each by its clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from kehu.govern.deadlines import counts, extendable, stoppable
from kehu.govern.laws import add_months, stays_under
from kehu.govern.parts import part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.state import packs_of
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.texts import Sealed, destroy_keys, make_key, open_texts, seal_under
from kehu.host.each import each
from kehu.serve.rights import probable
from kehu.serve.rights.clocks import (
    EVERY_PACK,
    clock_row,
    clocks_of_request,
    due_of,
    laws_of,
    packs_of_subjects,
    require_past,
)
from kehu.serve.rights.models import OUTCOMES, RIGHTS, Request, RequestStep
from kehu.serve.rights.office import PURPOSE_ID, require
from kehu.vault.ids import new_id

OFFICE: Final = ("privacy", "legal")
"""Roles of those who look after requests."""
MOST: Final = 500
"""Answered requests of the board, the newest; of those that wait none is left out."""


class UnknownRequest(LookupError):
    """No such request."""


class AlreadyAnswered(RuntimeError):
    """The request was answered before."""


class ErasedAlready(ValueError):
    """The person was erased: no text about them is kept."""


class ClockRefused(ValueError):
    """What was asked of a clock is not to be had; ``why`` is one word.

    ``recorded``: it was before, and a law lets it be once; ``stands``: already; ``runs``: it does not stand; ``ended``: all that
    could be moved have; ``law``: see :class:`NoLawKnows`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NoLawKnows(ClockRefused):
    """No law that applies lets a clock be extended, or stopped; ``laws``: those that do."""

    def __init__(self, laws: Sequence[str]) -> None:
        super().__init__("law")
        self.laws = laws


def open_request(
    *,
    subject: UUID | None,
    right: str,
    actor: Actor,
    text: str = "",
    identity: Mapping[str, str] | None = None,
    received_at: datetime | None = None,
    id: UUID | None = None,
) -> UUID:
    """Take a request in: of a customer, or of somebody who matches none (``identity``: what they said of themselves).

    The clock of every law runs from ``received_at`` (default now). Returns the request's id: ``id``, if it was made
    beforehand, and then what comes twice (a double click) is one request.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        ValueError: no such right, neither customer nor identity, or it was received in the future, or before 1990.
    """
    require("request", actor)
    if right not in RIGHTS:
        raise ValueError(f"right: one of {', '.join(RIGHTS)}")
    if subject is None and not identity:
        raise ValueError("a request needs a customer, or what the person said of themselves")
    now = timezone.now()
    if received_at is not None:
        require_past(received_at, "received")
    with transaction.atomic():
        if id is not None:
            with connection.cursor() as cursor:  # the second waits for the first
                cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(id)])
            if Request.objects.filter(id=id).exists():
                return id
        id = id or new_id()
        packs = packs_of_subjects(part_of(subject, whole=False)) if subject is not None else EVERY_PACK
        make_key(id)
        row = Request.objects.create(
            id=id, subject=subject, right=right, received_at=received_at or now, opened_by=actor.staff, packs=packs,
            text=seal_under(id, text, place=id) if text else None,
            identity=seal_under(id, orjson.dumps(dict(identity)).decode(), place=id) if identity else None,
        )  # fmt: skip
        _write_due(row, [], now=now)
        record_act("request", subject, actor=actor, purpose=PURPOSE_ID, detail=id)
    return id


def step(id: UUID, kind: str, *, actor: Actor, reason: str = "", at: datetime | None = None) -> None:
    """Record what was done about a request's clock: ``confirm``, ``extend``, ``suspend`` or ``resume``.

    An extension and a suspension need a reason, which the person is told; an extension counts only if it is told before
    the clock that it extends has ended.

    Raises:
        Refused: the role may not.
        UnknownRequest: there is none.
        AlreadyAnswered: it was.
        NoLawKnows, ClockRefused: as they say.
        ValueError: no reason, or a time that is none of this request's.
    """
    require("request", actor)
    now = timezone.now()
    at = at or now
    with transaction.atomic():
        row = Request.objects.select_for_update().filter(id=id).first()
        if row is None:
            raise UnknownRequest(str(id))
        if row.state != "open":
            raise AlreadyAnswered(str(id))
        steps = list(row.steps.order_by("at", "id"))
        _require_step(row, steps, kind, reason=reason, at=at, now=now)
        made = RequestStep(id=new_id(), request=row, kind=kind, at=at, by=actor.staff)
        made.reason = seal_under(row.id, reason, place=made.id) if reason else None
        made.save(force_insert=True)
        _write_due(row, [*steps, made], now=now)
        record_act("request", row.subject, actor=actor, purpose=PURPOSE_ID, detail=id)


def _require_step(
    row: Request, steps: Sequence[RequestStep], kind: str, *, reason: str, at: datetime, now: datetime
) -> None:
    if not row.received_at <= at <= now or (steps and at < steps[-1].at):
        raise ValueError("at: between its receipt, or the last step, and now")
    if kind in ("extend", "suspend") and not reason.strip():
        raise ValueError("reason: the person is told why")
    done, stands = {one.kind for one in steps}, _stands(steps)
    if kind in done and kind in ("confirm", "extend"):
        raise ClockRefused("recorded")
    if kind in ("extend", "suspend"):
        before = clocks_of_request(row, steps, now=at)
        moved = extendable(before) if kind == "extend" else stoppable(before)
        if not moved:
            raise NoLawKnows(laws_of(row.packs))
        if kind == "suspend" and stands:
            raise ClockRefused("stands")
        if all(clock.overdue(at) for clock in moved):
            raise ClockRefused("ended")
    if kind == "resume" and not stands:
        raise ClockRefused("runs")


def _stands(steps: Sequence[RequestStep]) -> bool:
    last = [one.kind for one in steps if one.kind in ("suspend", "resume")]
    return bool(last) and last[-1] == "suspend"


def _write_due(row: Request, steps: Sequence[RequestStep], *, now: datetime) -> None:
    row.due = due_of(clocks_of_request(row, steps, now=now))
    row.save(update_fields=["due"])


def answer_request(id: UUID, *, outcome: str, actor: Actor, text: str = "", language: str = "en") -> None:
    """Close a request with what was done and what the person is told.

    Of parts that nobody confirmed to be theirs the person is told that they stay out, in ``language``.

    Raises:
        Refused: the role may not.
        UnknownRequest: there is none.
        AlreadyAnswered: it was.
        ErasedAlready: a text about somebody who was.
        ValueError: no such outcome.
    """
    require("request", actor)
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome: one of {', '.join(OUTCOMES)}")
    with transaction.atomic():
        row = Request.objects.select_for_update().filter(id=id).first()
        if row is None:
            raise UnknownRequest(str(id))
        if row.state != "open":
            raise AlreadyAnswered(str(id))
        out = probable.leave_out(row, by=actor.staff)
        row.state, row.answered_by, row.answered_at = outcome, actor.staff, timezone.now()
        if out:
            text = "\n\n".join(part for part in (text, probable.sentence(out, language)) if part)
        if text:
            if row.certificate is not None:
                raise ErasedAlready("text: the person was erased, no text about them is kept; answer without one")
            row.answer = seal_under(id, text, place=id)
        row.save()
        record_act("request", row.subject, actor=actor, purpose=PURPOSE_ID, detail=id)


def end_texts_of_nobody(today: date | None = None) -> int:
    """Of people who matched no customer: what they wrote, were told and said of themselves goes with its key, once the laws
    keep the record of an answered request no longer; a line without name and text is left. Returns of how many requests.

    A customer's go with the customer; whoever is none can be erased by no other way.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """
    today = today or timezone.now().date()
    texts = Q(identity__isnull=False) | Q(text__isnull=False) | Q(answer__isnull=False)
    rows = Request.objects.filter(texts, subject=None).exclude(state="open").only("id", "packs", "answered_at")
    return each(_end_texts, [row.id for row in rows.iterator() if _kept_until(row) <= today])


def _kept_until(row: Request) -> date:
    assert row.answered_at is not None  # a constraint of the table
    months = max(one.months for one in stays_under(packs_of(row.packs)) if one.what == "request")
    return add_months(row.answered_at.date(), months)


def _end_texts(id: UUID) -> None:
    with transaction.atomic():
        record_act("erase", None, actor=owner_actor(), detail=id)
        destroy_keys([id])
        RequestStep.objects.filter(request=id).update(reason=None)
        Request.objects.filter(id=id).update(identity=None, text=None, answer=None)


def assign(id: UUID, staff: UUID | None, *, actor: Actor) -> None:
    """Say who of the office looks after a request; None: nobody yet.

    Raises:
        Refused: the role may not.
        UnknownRequest: there is none.
        AlreadyAnswered: it was.
        ValueError: nobody of the office, or no longer here.
    """
    require("request", actor)
    if staff is not None and not Staff.objects.filter(id=staff, role__in=OFFICE, is_active=True).exists():
        raise ValueError("staff: somebody of the privacy or legal office")
    with transaction.atomic():
        row = Request.objects.select_for_update().filter(id=id).first()
        if row is None:
            raise UnknownRequest(str(id))
        if row.state != "open":
            raise AlreadyAnswered(str(id))
        row.assigned_to = staff
        row.save(update_fields=["assigned_to"])
        record_act("request", row.subject, actor=actor, purpose=PURPOSE_ID, detail=id)


def board(*, actor: Actor, open_only: bool = True) -> list[dict[str, Any]]:
    """Requests with their clocks and without a word of what anybody wrote, the soonest due first, then what was answered,
    the newest first; the look is recorded. Where no end is noted an older program took in what is due at once.

    Raises:
        Refused: the role may not.
    """
    require("request", actor)
    found = list(Request.objects.filter(state="open").order_by(F("due").asc(nulls_first=True), "received_at", "id"))
    if not open_only:
        found += Request.objects.exclude(state="open").order_by("-answered_at", "-id")[:MOST]
    with transaction.atomic():
        record_act("request", None, actor=actor, purpose=PURPOSE_ID)
    now, steps = timezone.now(), _steps_of(found)
    return [_row(row, {}, steps[row.id], {}, now=now) for row in found]


def listed(*, actor: Actor, subject: UUID | None = None, open_only: bool = False) -> list[dict[str, Any]]:
    """Requests, the oldest first, with their texts; that somebody read them stands in the ledger.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
    """
    require("request", actor)
    rows = Request.objects.order_by("received_at", "id")
    if subject is not None:
        rows = rows.filter(subject__in=part_of(subject, whole=False))
    if open_only:
        rows = rows.filter(state="open")
    return _rows(rows, subject, actor=actor)


def one(id: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """One request, as listed.

    Raises:
        Refused: the role may not.
    """
    require("request", actor)
    rows = list(Request.objects.filter(id=id))
    return _rows(rows, rows[0].subject if rows else None, actor=actor)


def of_subject(subject: UUID, *, actor: Actor) -> list[dict[str, Any]]:
    """Requests of one origin subject, for its export."""
    return _rows(Request.objects.filter(subject=subject).order_by("received_at"), subject, actor=actor)


def _rows(found: Iterable[Request], subject: UUID | None, *, actor: Actor) -> list[dict[str, Any]]:
    rows = list(found)
    steps = _steps_of(rows)
    places = [(row, name) for row in rows for name in ("identity", "text", "answer") if getattr(row, name) is not None]
    sealed = [Sealed(row.id, row.id, bytes(getattr(row, name))) for row, name in places]
    told = [one for held in steps.values() for one in held if one.reason is not None]
    sealed += [Sealed(one.request_id, one.id, bytes(one.reason or b"")) for one in told]
    wrote = {one.owner for one in sealed}  # in a list of all each sees it whose words are read
    whom = sorted({row.subject for row in rows if row.subject is not None and row.id in wrote})
    opened = open_texts(sealed, subject or whom or None, actor=actor, act="request", purpose=PURPOSE_ID)
    texts = _texts(places, opened[: len(places)])
    reasons = {one.id: text for one, text in zip(told, opened[len(places) :], strict=True)}
    now = timezone.now()
    return [_row(row, texts.get(row.id, {}), steps[row.id], reasons, now=now) for row in rows]


def _steps_of(rows: Sequence[Request]) -> defaultdict[UUID, list[RequestStep]]:
    steps: defaultdict[UUID, list[RequestStep]] = defaultdict(list)
    for one in RequestStep.objects.filter(request__in=[row.id for row in rows]).order_by("at", "id"):
        steps[one.request_id].append(one)
    return steps


def _texts(places: Sequence[tuple[Request, str]], opened: Sequence[str | None]) -> dict[UUID, dict[str, str | None]]:
    texts: dict[UUID, dict[str, str | None]] = {}
    for (row, name), text in zip(places, opened, strict=True):
        texts.setdefault(row.id, {})[name] = text
    return texts


def _row(
    row: Request,
    texts: Mapping[str, str | None],
    steps: Sequence[RequestStep],
    reasons: Mapping[UUID, str | None],
    *,
    now: datetime,
) -> dict[str, Any]:
    identity = texts.get("identity")
    clocks = clocks_of_request(row, steps, now=now)
    counting, due = counts(clocks), due_of(clocks)
    return {
        "id": str(row.id),
        "subject": str(row.subject) if row.subject else None,
        "right": row.right,
        "state": row.state,
        "received_at": row.received_at.isoformat(),
        "assigned_to": str(row.assigned_to) if row.assigned_to else None,
        "due": due.isoformat() if due else None,
        "overdue": row.state == "open" and any(clock.overdue(now) for clock in clocks),
        "laws": laws_of(row.packs),
        "clock": clock_row(counting, now=now) if counting else None,
        "clocks": [clock_row(clock, now=now) for clock in clocks],
        "steps": [{"kind": one.kind, "at": one.at.isoformat(), "reason": reasons.get(one.id)} for one in steps],
        "identity": orjson.loads(identity) if identity else None,
        "text": texts.get("text"),
        "answer": texts.get("answer"),
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        "certificate": str(row.certificate) if row.certificate else None,
    }
