"""The register of incidents, and how far one reached: whose data an account used in a time, told from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.inquiries import Question, inquire
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import Sealed, make_key, open_texts, seal_under
from kehu.serve.rights.models import Incident
from kehu.serve.rights.office import require
from kehu.vault.ids import new_id


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
        ValueError: the company cannot have learned of it in the future; a window that ends before it begins.
    """
    require("incident", actor)
    now = timezone.now()
    if aware_at is not None and aware_at > now:
        raise ValueError("aware: lies in the future")
    if window.since and window.until and window.until <= window.since:
        raise ValueError("until: lies before since")
    with transaction.atomic():
        return enter_incident(window=window, text=text, actor=actor, aware_at=aware_at or now)


def enter_incident(*, window: Window, text: str, actor: Actor, aware_at: datetime) -> UUID:
    """Write an incident that an act of somebody's brought to light, whatever their role, in the caller's transaction."""
    id = new_id()
    make_key(id)
    Incident.objects.create(
        id=id, aware_at=aware_at, opened_by=actor.staff, account=window.account, since=window.since,
        until=window.until, text=seal_under(id, text, place=id) if text else None,
    )  # fmt: skip
    record_act("incident", None, actor=actor, detail=id)
    return id


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
    return [
        {
            "id": str(row.id),
            "aware_at": row.aware_at.isoformat(),
            "opened_at": row.opened_at.isoformat(),
            "account": str(row.account) if row.account else None,
            "since": row.since.isoformat() if row.since else None,
            "until": row.until.isoformat() if row.until else None,
            "text": opened.get(row.id),
            "due": row.due.isoformat() if row.due else None,
            "clock": None,
        }
        for row in rows
    ]


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
