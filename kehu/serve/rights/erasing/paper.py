"""The rows of the registers that go into the residue: proof of consent, the request itself, what a hold stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from kehu.govern.models import Consent, StateEntry, Subscription
from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.residue import Paper
from kehu.guard.texts import Sealed
from kehu.serve.rights.erasing.stays import categories_of
from kehu.serve.rights.models import Erasure, Request

_PROVES: Final = ("given", "withdrawn", "refused")


def paper_of(row: Erasure, part: Sequence[UUID], states: Sequence[StateEntry]) -> Paper:
    """Everything of the registers that stays for a while, with the sealed texts that belong to it."""
    paper = Paper()
    asked = {
        "item": "request", "right": "erase", "subjects": [str(one) for one in part], "by": str(row.by),
        "unconfirmed": list(row.unconfirmed), "asked_at": row.asked_at.isoformat(),
    }  # fmt: skip
    first = UUID(row.subjects[0])  # it was asked for by that id, and the reason lies under its key
    reason = Sealed(first, row.id, bytes(row.reason)) if row.reason is not None and first in part else None
    paper.add("requests", asked, reason=reason)
    for request in Request.objects.filter(subject__in=part).order_by("received_at"):
        _add_request(paper, request)
    for consent in Consent.objects.filter(subject__in=part, status__in=_PROVES).order_by("recorded_at"):
        _add_consent(paper, consent)
    for said in Subscription.objects.filter(subject__in=part).order_by("recorded_at"):
        _add_subscription(paper, said)
    for state in states:
        if state.kind == "hold":
            _add_hold(paper, state)
    return paper


def _add_request(paper: Paper, request: Request) -> None:
    texts = {
        name: Sealed(request.id, request.id, bytes(body))
        for name in ("text", "answer")
        if (body := getattr(request, name)) is not None
    }
    paper.add(
        "requests",
        {
            "item": "request", "id": str(request.id), "right": request.right, "state": request.state,
            "received_at": request.received_at.isoformat(),
            "answered_at": request.answered_at.isoformat() if request.answered_at else None,
        },
        **texts,
    )  # fmt: skip


def _add_consent(paper: Paper, consent: Consent) -> None:
    proof = Sealed(consent.subject, consent.id, bytes(consent.evidence)) if consent.evidence is not None else None
    paper.add(
        "consents",
        {
            "item": "consent", "id": str(consent.id), "purpose": name_of(PURPOSES, consent.purpose),
            "purpose_version": consent.purpose_version, "status": consent.status, "kind": consent.kind,
            "at": consent.at.isoformat() if consent.at else None, "notice": consent.notice, "way": consent.way,
            "until": consent.until.isoformat() if consent.until else None, "language": consent.language,
            "event": consent.event, "recipient": consent.recipient, "country": consent.country, "fields": consent.fields,
            "guardian": consent.guardian, "proof": consent.proof,
        },
        evidence=proof,
    )  # fmt: skip


def _add_subscription(paper: Paper, said: Subscription) -> None:
    proof = Sealed(said.subject, said.id, bytes(said.evidence)) if said.evidence is not None else None
    paper.add(
        "subscriptions",
        {
            "item": "consent", "id": str(said.id), "medium": said.medium, "topic": said.topic, "status": said.status,
            "ground": said.ground, "at": said.at.isoformat(), "way": said.way, "notice": said.notice,
        },
        evidence=proof,
    )  # fmt: skip


def _add_hold(paper: Paper, state: StateEntry) -> None:
    reason = Sealed(state.subject, state.id, bytes(state.reason)) if state.reason is not None else None
    for category in categories_of(state.categories):
        row = {"item": f"hold:{category}", "since": state.since.isoformat(), "by": str(state.by)}
        paper.add("holds", row, reason=reason)
