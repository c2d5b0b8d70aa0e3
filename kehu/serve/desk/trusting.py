"""Say how far a channel is trusted where what it brings differs from what others bring."""

from __future__ import annotations

from django.db import transaction

from kehu.govern.models import Channel
from kehu.govern.trust import LEAST, MOST, forget
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act


def set_trust(channel: int, trust: int, *, actor: Actor) -> None:
    """It counts for whatever is worked out from now on; nothing that was brought is changed.

    Raises:
        ActRefused: the role may not.
        ValueError: out of range.
        Channel.DoesNotExist: there is none.
    """
    require_act("channel", actor)
    if not LEAST <= trust <= MOST:
        raise ValueError(f"trust: {LEAST} to {MOST}")
    with transaction.atomic():
        held = Channel.objects.select_for_update().get(id=channel)
        held.trust = trust
        held.save(update_fields=["trust"])
        record_act("channel", None, actor=actor)
    forget()
