"""A token's one purpose: whoever names another is refused, and that they asked stands in the ledger."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.ledger.record import record_act

OUT_OF_SCOPE: Final = "house.scope"


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
