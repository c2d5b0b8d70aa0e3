"""Consents of a customer: give, withdraw, list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from kehu.doors.api.callers import Bearer, caller_of
from kehu.doors.api.schemas import ConsentAsked, Consents, WithdrawalAsked
from kehu.govern.separate import Terms
from kehu.govern.slugs import PURPOSES
from kehu.serve.rights.consents import actions

router = Router(tags=["consents"])


def _purpose(slug: str) -> int:
    if slug not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    return PURPOSES[slug]


@router.get(
    "/subjects/{uuid:subject}/consents", auth=Bearer("list"), response=Consents, summary="Everything the customer said"
)
def list_(request: HttpRequest, subject: UUID) -> Any:
    """Newest first; the look is recorded."""
    return {"consents": actions.list_consents(subject, actor=caller_of(request).actor)}


@router.post(
    "/subjects/{uuid:subject}/consents",
    auth=Bearer("consent"),
    response={201: Consents},
    summary="Record a consent given now",
)
def give(request: HttpRequest, subject: UUID, asked: ConsentAsked) -> Any:
    """Under the notice in force; it acts on the next read."""
    named = asked.separate
    terms = (
        Terms(named.event, named.recipient, named.country, tuple(named.fields) if named.fields else None)
        if named
        else None
    )
    given = actions.give(
        subject, _purpose(asked.purpose), actor=caller_of(request).actor, kind=asked.kind, until=asked.until, notice=asked.notice,
        by_subject=asked.by, terms=terms,
    )  # fmt: skip
    return Status(201, {"consents": given})


@router.post(
    "/subjects/{uuid:subject}/consents/withdrawals",
    auth=Bearer("consent"),
    response={201: Consents},
    summary="Take a consent back",
)
def withdraw(request: HttpRequest, subject: UUID, asked: WithdrawalAsked) -> Any:
    """It acts on the next read of every purpose that rests on it. 409 where nothing is in force."""
    taken = actions.withdraw(subject, _purpose(asked.purpose), actor=caller_of(request).actor, only=asked.only)
    return Status(201, {"consents": taken})
