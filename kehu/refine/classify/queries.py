"""What scans found, as counts: small ones are not told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kehu.govern.models import Channel, RaisedField
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.refine.alone import SCANNING
from kehu.refine.classify.kinds import KINDS, Kind
from kehu.refine.classify.models import FAILED, RUNNING, STATES, Finding, Scan

FEWEST: Final = 5
"""A count below this is told as fewer than that."""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding; ``found`` None: fewer than :data:`FEWEST`. ``now``: the field's level as it is."""

    id: UUID
    source: str
    field: str
    kind: Kind
    now: int
    texts: int
    found: int | None
    state: str
    reason: str
    seen: tuple[UUID, ...]


def findings(*, actor: Actor) -> list[Found]:
    """All of them: those that wait first, the highest level first.

    Raises:
        ActRefused: the role may not.
    """
    require_act("findings", actor)
    channels = dict(Channel.objects.values_list("id", "name"))
    fields = installation().rules.dictionary.fields
    rows = [
        Found(
            row.id, channels.get(row.channel, str(row.channel)), row.field, KINDS[row.kind], fields[row.field].level, row.texts,
            row.found if row.found >= FEWEST else None, row.state, row.reason, tuple(one.subject for one in row.sightings.all()),
        )
        for row in Finding.objects.prefetch_related("sightings")
        if row.kind in KINDS and row.field in fields
    ]  # fmt: skip
    return sorted(
        rows, key=lambda one: (STATES.index(one.state), -one.kind.level, one.source, one.field, one.kind.name)
    )


def last_scan(*, actor: Actor) -> Scan | None:
    """The newest scan, running or over; one whose process was killed is over, too.

    Raises:
        ActRefused: the role may not.
    """
    require_act("findings", actor)
    scan = Scan.objects.order_by("-started_at").first()
    if scan is not None and scan.state == RUNNING and not SCANNING.going_on():
        scan.state = FAILED  # whoever scanned was killed; the next one writes it down
    return scan


def raised_fields(*, actor: Actor) -> dict[str, int]:
    """Fields that stand higher than they ship, with the level.

    Raises:
        ActRefused: the role may not.
    """
    require_act("findings", actor)
    return dict(RaisedField.objects.filter(ended_at=None).order_by("field").values_list("field", "level"))
