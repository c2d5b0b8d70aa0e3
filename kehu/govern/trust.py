"""How far each channel is trusted beside the others: a small number, the same for all until somebody says otherwise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from django.db import connection

from kehu.govern.models import Channel

LEAST: Final = -9
MOST: Final = 9
_SECONDS: Final = 5.0
"""A change acts on what is worked out after so long: asked for each customer, it would cost more than all else."""
_held: dict[str, tuple[float, dict[int, int]]] = {}


def trust() -> Mapping[int, int]:
    """The trust of each channel that has one of its own; any other has 0."""
    name, now = str(connection.settings_dict["NAME"]), time.monotonic()
    known = _held.get(name)
    if known is None or now - known[0] > _SECONDS:
        known = _held[name] = (now, dict(Channel.objects.exclude(trust=0).values_list("id", "trust")))
    return known[1]


def forget() -> None:
    """Ask anew next time: this process has changed it."""
    _held.clear()
