"""What nobody has mended in time is erased: the raw row goes, where it stood and why stays."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from kehu.collect.models import Quarantined
from kehu.collect.quarantine.mending import forget
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.record import record_act
from kehu.vault.ids import first_id

DAYS: Final = 30
_STEP: Final = 2_000


def kept_days() -> int:
    """Days that a refused row waits to be mended: ``KEHU_QUARANTINE_DAYS``, else 30; at least one."""
    told = os.environ.get("KEHU_QUARANTINE_DAYS", "")
    return max(1, int(told)) if told.isdigit() else DAYS


def forget_old(*, actor: Actor) -> int:
    """Erase what has waited longer; returns how many rows. In the ledger."""
    end, count = first_id(timezone.now() - timedelta(days=kept_days())), 0
    due = Quarantined.objects.filter(id__lt=end, accepted=False, settled=None)
    while ids := list(due.values_list("id", flat=True)[:_STEP]):
        with transaction.atomic():
            record_act("erase", None, actor=actor)
            forget(ids)
        count += len(ids)
    return count
