"""The register of incidents, the clocks of their reports, and how far one reached, told from the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.govern.packs import FACTS, PACKS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.state import bits_of
from kehu.guard.ledger.inquiries import Question, inquire
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import Sealed, TextTooLong, make_key, open_texts, seal_under
from kehu.serve.rights.clocks import OLDEST, clock_row, clocks_of_incident, laws_of, next_due, require_past, state_of
from kehu.serve.rights.models import Incident
from kehu.serve.rights.office import require
from kehu.vault.ids import new_id


@dataclass(frozen=True, slots=True)
class Learned:
    """What became known of an incident; None: nothing new. ``facts``: yes or no to words of ``packs.FACTS``.

    ``forget``: what had been noted by mistake and is not known: ``persons``, ``handled``, ``told``, or such a word.
    """

    laws: Sequence[str] | None = None
    persons: int | None = None
    facts: Mapping[str, bool] | None = None
    handled_at: datetime | None = None
    told_at: datetime | None = None
    forget: frozenset[str] = frozenset()


LONGEST_TEXT: Final = 20_000  # characters
_FORGET: Final = {"persons": "persons", "handled": "handled_at", "told": "told_at"}


class UnknownIncident(LookupError):
    """No such incident."""


@dataclass(frozen=True, slots=True)
class Window:
    """An account (or every one) in a time."""

    account: UUID | None
    since: datetime | None
    until: datetime | None


def open_incident(*, window: Window, text: str, actor: Actor, aware_at: datetime | None = None) -> UUID:
    """Put an incident into the register; returns its id.

    Raises:
        Refused: the role may not.
        TextTooLong: see there.
        ValueError: the company cannot have learned of it in the future, nor before 1990; a window that ends before it begins.
    """
    require("incident", actor)
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise TextTooLong(LONGEST_TEXT, len(text))
    now = timezone.now()
    for name, at in (("aware", aware_at), ("since", window.since)):
        if at is not None:
            require_past(at, name)
    if window.until and window.until <= (window.since or OLDEST):
        raise ValueError("until: lies before since")
    with transaction.atomic():
        return enter_incident(window=window, text=text, actor=actor, aware_at=aware_at or now)


def enter_incident(
    *, window: Window, text: str, actor: Actor, aware_at: datetime, learned: Learned | None = None
) -> UUID:
    """Write an incident that an act of somebody's brought to light, whatever their role, in the caller's transaction.

    ``learned``: what is known of it from the start.
    """
    id = new_id()
    make_key(id)
    row = Incident.objects.create(
        id=id, aware_at=aware_at, opened_by=actor.staff, account=window.account, since=window.since,
        until=window.until, text=seal_under(id, text, place=id) if text else None,
    )  # fmt: skip
    if learned is not None:
        row.packs = row.packs if learned.laws is None else bits_of(frozenset(learned.laws))
        row.persons, row.facts = learned.persons, dict(learned.facts or {})
    _write_due(row)
    record_act("incident", None, actor=actor, detail=id)
    return id


def assess(id: UUID, learned: Learned, *, actor: Actor) -> None:
    """Record what became known: under which laws, how many people, and the facts that clocks ask for.

    Raises:
        Refused: the role may not.
        UnknownIncident: there is none.
        ValueError: a law or fact that there is not, a number below 0, or a time in the future or before awareness.
    """
    require("incident", actor)
    laws, facts = learned.laws, dict(learned.facts or {})
    if laws is not None and (not laws or not set(laws) <= set(PACKS)):
        raise ValueError(f"law: one of {', '.join(PACKS)}")
    if not set(facts) <= set(FACTS):
        raise ValueError(f"fact: one of {', '.join(FACTS)}")
    if not learned.forget <= {*_FORGET, *FACTS}:
        raise ValueError(f"not known: {', '.join([*_FORGET, *FACTS])}")
    if learned.persons is not None and learned.persons < 0:
        raise ValueError("persons: 0 or more")
    with transaction.atomic():
        row = _locked(id)
        for word, name in _FORGET.items():
            if word in learned.forget:
                setattr(row, name, None)
        for name, at in (("handled_at", learned.handled_at), ("told_at", learned.told_at)):
            if at is not None:
                setattr(row, name, _past(row, at, name))
        row.packs = row.packs if laws is None else bits_of(frozenset(laws))
        row.persons = row.persons if learned.persons is None else learned.persons
        row.facts = {name: so for name, so in row.facts.items() if name not in learned.forget} | facts
        _write_due(row)
        record_act("incident", None, actor=actor, detail=id)


def report_made(id: UUID, clock: str, *, actor: Actor, at: datetime | None = None) -> None:
    """Record that what a clock (``EU.authority``) asks for was done.

    Raises:
        Refused: the role may not.
        UnknownIncident: there is none.
        ValueError: no such clock runs, it was done before, or a time in the future or before awareness.
    """
    require("incident", actor)
    with transaction.atomic():
        row = _locked(id)
        running = [f"{one.law}.{one.row}" for one in clocks_of_incident(row)]
        if clock not in running:
            raise ValueError(f"clock: one of {', '.join(running)}")
        if clock in row.done:
            raise ValueError("clock: it was done before")
        row.done = {**row.done, clock: _past(row, at or timezone.now(), "at").isoformat()}
        _write_due(row)
        record_act("incident", None, actor=actor, detail=id)


def take_report_back(id: UUID, clock: str, *, actor: Actor) -> None:
    """What a clock asks for was noted as done by mistake: it runs again from where it ran, overdue where its end has come.

    When it was noted as made stays with the incident, with who took it back and when.

    Raises:
        Refused: the role may not.
        UnknownIncident: there is none.
        ValueError: it was not noted.
    """
    require("incident", actor)
    with transaction.atomic():
        row = _locked(id)
        if clock not in row.done:
            raise ValueError("clock: none was noted as done there")
        gone = {"clock": clock, "noted": row.done[clock], "by": str(actor.staff), "at": timezone.now().isoformat()}
        row.taken_back = [*row.taken_back, gone]
        row.done = {name: at for name, at in row.done.items() if name != clock}
        _write_due(row)
        record_act("incident", None, actor=actor, detail=id)


def noted_reports(id: UUID) -> frozenset[str]:
    """The clocks of an incident whose report somebody noted as made."""
    return frozenset(Incident.objects.values_list("done", flat=True).get(id=id))


def _locked(id: UUID) -> Incident:
    row = Incident.objects.select_for_update().filter(id=id).first()
    if row is None:
        raise UnknownIncident(str(id))
    return row


def _past(row: Incident, at: datetime, name: str) -> datetime:
    if not row.aware_at <= at <= timezone.now():
        raise ValueError(f"{name.removesuffix('_at')}: between awareness and now")
    return at


def _write_due(row: Incident) -> None:
    row.due = next_due(clocks_of_incident(row))
    row.save()


def listed(*, actor: Actor, id: UUID | None = None) -> list[dict[str, Any]]:
    """Incidents, the newest first, with their texts and clocks.

    Raises:
        Refused: the role may not.
        UnknownIncident: there is none of that id.
    """
    require("incident", actor)
    rows = list(Incident.objects.filter(**({"id": id} if id else {})).order_by("-aware_at"))
    if id is not None and not rows:
        raise UnknownIncident(str(id))
    with_text = [row for row in rows if row.text is not None]
    sealed = [Sealed(row.id, row.id, bytes(row.text or b"")) for row in with_text]
    opened = dict(
        zip((row.id for row in with_text), open_texts(sealed, None, actor=actor, act="incident"), strict=True)
    )
    now = timezone.now()
    return [_row(row, opened.get(row.id), now=now) for row in rows]


def board(*, actor: Actor) -> list[dict[str, Any]]:
    """Incidents with their clocks and without their texts, the newest first; the look is recorded.

    Raises:
        Refused: the role may not.
    """
    require("incident", actor)
    with transaction.atomic():
        record_act("incident", None, actor=actor)
    now = timezone.now()
    return [_row(row, None, now=now) for row in Incident.objects.order_by("-aware_at")]


def _row(row: Incident, text: str | None, *, now: datetime) -> dict[str, Any]:
    clocks = clocks_of_incident(row)
    due = next_due(clocks)
    states = {clock: state_of(clock, now=now) for clock in clocks}
    waiting = [clock for clock in clocks if states[clock] not in ("done", "timely")]
    return {
        "id": str(row.id),
        "aware_at": row.aware_at.isoformat(),
        "opened_at": row.opened_at.isoformat(),
        "account": str(row.account) if row.account else None,
        "since": row.since.isoformat() if row.since else None,
        "until": row.until.isoformat() if row.until else None,
        "text": text,
        "due": due.isoformat() if due else None,
        "overdue": "overdue" in states.values(),
        "laws": laws_of(row.packs),
        "wrong_merge": row.report is not None,
        "persons": row.persons,
        "facts": dict(row.facts),
        "handled_at": row.handled_at.isoformat() if row.handled_at else None,
        "told_at": row.told_at.isoformat() if row.told_at else None,
        "taken_back": list(row.taken_back),
        "clock": clock_row(waiting[0], now=now) if waiting else None,
        "clocks": [clock_row(clock, now=now) for clock in clocks],
    }


def window_of(id: UUID) -> Window:
    """The account and time an incident is about.

    Raises:
        UnknownIncident: there is none of that id.
    """
    row = Incident.objects.filter(id=id).first()
    if row is None:
        raise UnknownIncident(str(id))
    return Window(row.account, row.since, row.until)


def reach(window: Window, *, actor: Actor, incident: UUID | None = None) -> dict[str, Any]:
    """The blast radius: rows, uses, fields and jurisdictions; and between how many and how many different customers.

    ``uses`` counts a subject once a row. It is the ledger's own count and stays the same after an erasure; how many
    different subjects those were is known only of those who are still here, so ``subjects`` has two ends.

    Raises:
        Refused: the role may not.
    """
    require("incident", actor)
    found = inquire(Question(human=window.account, since=window.since, until=window.until))
    with transaction.atomic():
        record_act("incident", None, actor=actor, detail=incident)
    return found.radius()
