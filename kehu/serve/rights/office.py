"""Who may carry a right out: the office's roles as ``rights-request``; a customer for themselves (the guard binds them)."""

from __future__ import annotations

from typing import Final

from kehu.govern.slugs import CUSTOMER, PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.standing import require_standing

PURPOSE: Final = "rights-request"
PURPOSE_ID: Final = PURPOSES[PURPOSE]
_ANY_TOKEN: Final = frozenset({"consent", "subscribe", "optout", "deceased", "incident"})


def require(act: str, actor: Actor) -> None:
    """Let on whoever's role may do this act; a token must be one for ``rights-request`` where the act is done as that.

    Raises:
        Refused: the role, agreement or training, or the token's purpose.
    """
    require_act(act, actor)
    if actor.role != CUSTOMER:
        require_standing(actor)
    if act not in _ANY_TOKEN and actor.purpose not in (None, PURPOSE):
        raise Refused("house.scope")


def recorded_as(actor: Actor, purpose: int) -> int:
    """The purpose an act on a consent stands under in the ledger: the consent's own; a customer's always as theirs."""
    return PURPOSE_ID if actor.role == CUSTOMER else purpose
