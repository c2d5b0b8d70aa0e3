"""Holds: what must not be deleted for a while, and why. A hold permits nothing; its end lets a waiting erasure run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from kehu.govern.consent import UnknownSubject, part_of
from kehu.govern.slugs import CATEGORIES
from kehu.guard.gate.actor import Actor
from kehu.serve.rights import actions
from kehu.serve.rights.erasure import Outcome, finish, unfinished_of
from kehu.serve.rights.stays import bit_of


def hold(
    subject: UUID, *, actor: Actor, reason: str, categories: Sequence[str] = (), until: datetime | None = None
) -> list[dict[str, Any]]:
    """Bar the deletion of a customer, or of some categories, until a moment or for good; returns the states in force.

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        ValueError: no reason, no such category, or an end in the past.
    """
    if not reason.strip():
        raise ValueError("reason: a hold needs one")
    bits = _bits(categories)
    if until is not None and until <= timezone.now():
        raise ValueError("until: lies in the past")
    actions.enter_state(subject, "hold", actor=actor, act="hold", reason=reason, categories=bits, until=until)
    return actions.states(subject, actor=actor)


def release(
    subject: UUID, *, actor: Actor, categories: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], Outcome | None]:
    """End the holds on a customer (or on these categories); an erasure that waited on them runs now, by itself.

    Returns the states still in force, and what became of that erasure.

    Raises:
        Refused: the role, or the token's purpose.
        UnknownSubject: not here.
        NotInForce: there is no such hold.
        ValueError: no such category.
    """
    customer = part_of(subject, whole=True)
    actions.lift_state(subject, "hold", actor=actor, act="hold", categories=_bits(categories) or None)
    waiting = unfinished_of(customer)
    outcome = finish(waiting) if waiting is not None else None
    try:
        return actions.states(subject, actor=actor), outcome
    except UnknownSubject:  # the erasure ran
        return [], outcome


def _bits(categories: Sequence[str]) -> int:
    if not set(categories) <= set(CATEGORIES):
        raise ValueError(f"category: one of {', '.join(CATEGORIES)}")
    return sum(bit_of(category) for category in set(categories))
