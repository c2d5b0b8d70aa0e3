"""A token's one purpose, and what a token for a recipient outside may do: refusals stand in the ledger."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.ledger.record import record_act

OUT_OF_SCOPE: Final = "house.scope"
OUTSIDE: Final = "house.outside"
_OUTSIDE_MAY: Final = frozenset({"find", "read", "list", "explain", "match"})


def require_scope(actor: Actor, purpose: str, *, act: str | None, subject: UUID | None = None) -> None:
    """Let on whoever's credential is bound to no purpose, or to this one.

    A refusal is recorded as ``act`` on ``subject`` under the purpose that was named (none, if there is no such purpose);
    nothing is opened. ``act`` is None for what leaves no row when it is allowed, either.

    Raises:
        Refused: the token is for another purpose.
    """
    if actor.purpose in (None, purpose):
        return
    if act is not None:
        with transaction.atomic():
            record_act(act, subject, actor=actor, purpose=PURPOSES.get(purpose), refused_by=OUT_OF_SCOPE)
    raise Refused(OUT_OF_SCOPE)


def require_reading(actor: Actor, *, act: str | None, subject: UUID | None = None) -> None:
    """Let on whoever's answers stay in the house; of those whose answers leave it, only who asks the gate.

    What the gate does not decide (a list of consents, the ledger, a file) it cannot answer for to a recipient either.

    Raises:
        Refused: a token for a recipient outside, and another act; recorded as :func:`require_scope` does.
    """
    if actor.outside is None or act in _OUTSIDE_MAY:
        return
    if act is not None:
        with transaction.atomic():
            record_act(act, subject, actor=actor, purpose=PURPOSES.get(actor.purpose or ""), refused_by=OUTSIDE)
    raise Refused(OUTSIDE)
