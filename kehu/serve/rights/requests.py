"""The register of requests: a customer exercises a right; received, listed, answered. Clocks come with the law packs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from kehu.govern.consent import part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import Sealed, make_key, open_texts, seal_under
from kehu.serve.rights.models import OUTCOMES, RIGHTS, Request
from kehu.serve.rights.office import PURPOSE_ID, require
from kehu.vault.ids import new_id


class UnknownRequest(LookupError):
    """No such request."""


class AlreadyAnswered(RuntimeError):
    """The request was answered before."""


def open_request(
    *,
    subject: UUID | None,
    right: str,
    actor: Actor,
    text: str = "",
    identity: Mapping[str, str] | None = None,
    received_at: datetime | None = None,
) -> UUID:
    """Take a request in: of a customer, or of somebody who matches none (``identity``: what they said of themselves).

    The clock of every law runs from ``received_at`` (default now). Returns the request's id.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        ValueError: no such right, neither customer nor identity, or it was received in the future.
    """
    require("request", actor)
    if right not in RIGHTS:
        raise ValueError(f"right: one of {', '.join(RIGHTS)}")
    if subject is None and not identity:
        raise ValueError("a request needs a customer, or what the person said of themselves")
    now = timezone.now()
    if received_at is not None and received_at > now:
        raise ValueError("received: lies in the future")
    with transaction.atomic():
        id = new_id()
        if subject is not None:
            part_of(subject, whole=False)
        make_key(id)
        Request.objects.create(
            id=id, subject=subject, right=right, received_at=received_at or now, opened_by=actor.staff,
            text=seal_under(id, text, place=id) if text else None,
            identity=seal_under(id, orjson.dumps(dict(identity)).decode(), place=id) if identity else None,
        )  # fmt: skip
        record_act("request", subject, actor=actor, purpose=PURPOSE_ID, detail=id)
    return id


def answer_request(id: UUID, *, outcome: str, actor: Actor, text: str = "") -> None:
    """Close a request with what was done and what the person is told.

    Raises:
        Refused: the role may not.
        UnknownRequest: there is none.
        AlreadyAnswered: it was.
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
        row.state, row.answered_by, row.answered_at = outcome, actor.staff, timezone.now()
        if text:
            if row.certificate is not None:
                raise ValueError("the person was erased: no text about them is kept")
            row.answer = seal_under(id, text, place=id)
        row.save()
        record_act("request", row.subject, actor=actor, purpose=PURPOSE_ID, detail=id)


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
    places = [(row, name) for row in rows for name in ("identity", "text", "answer") if getattr(row, name) is not None]
    sealed = [Sealed(row.id, row.id, bytes(getattr(row, name))) for row, name in places]
    texts = _texts(places, open_texts(sealed, subject, actor=actor, act="request", purpose=PURPOSE_ID))
    return [_row(row, texts.get(row.id, {})) for row in rows]


def _texts(places: Sequence[tuple[Request, str]], opened: Sequence[str | None]) -> dict[UUID, dict[str, str | None]]:
    texts: dict[UUID, dict[str, str | None]] = {}
    for (row, name), text in zip(places, opened, strict=True):
        texts.setdefault(row.id, {})[name] = text
    return texts


def _row(row: Request, texts: Mapping[str, str | None]) -> dict[str, Any]:
    identity = texts.get("identity")
    return {
        "id": str(row.id),
        "subject": str(row.subject) if row.subject else None,
        "right": row.right,
        "state": row.state,
        "received_at": row.received_at.isoformat(),
        "due": row.due.isoformat() if row.due else None,
        "clock": None,
        "identity": orjson.loads(identity) if identity else None,
        "text": texts.get("text"),
        "answer": texts.get("answer"),
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        "certificate": str(row.certificate) if row.certificate else None,
    }
