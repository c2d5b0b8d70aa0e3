"""Scanning everybody's free text: one stream through the gate as ``accuracy``, use ``measure``; what stays are counts and kinds.

One scan at a time, page by page; a killed one is marked as failed by the next. Nothing that was read is kept, nor logged.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.dictionary import Dictionary
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import EVENT_KINDS, PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.refine.alone import SCANNING
from kehu.refine.classify import names
from kehu.refine.classify.kinds import KINDS
from kehu.refine.classify.models import DONE, FAILED, OPEN, RUNNING, WITHIN, Finding, Scan, Sighting
from kehu.refine.classify.scan import Scanner
from kehu.refine.quality.people import count_people, people
from kehu.vault.ids import new_id

PURPOSE: Final = "accuracy"
USE: Final = "measure"
_KINDS: Final = (*PROFILE_KINDS, *EVENT_KINDS)
"""Also whoever is known by events alone: a shop or a mailbox may come before the file of customers."""
Progress = Callable[[float], None]
Found = tuple[int, str, str]
"""Channel, field, kind."""

_FREE_TYPES: Final = frozenset({"text"})
_SEEN: Final = 5
"""Customers kept of each finding, to be looked at before somebody decides."""
_OF_PLACES: Final = frozenset(
    {"place", "organisation", "person"} | {name for name, kind in KINDS.items() if kind.level == 4 and not kind.field}
)
"""In a part of an address: names, and words, for streets and towns are called after all sorts of things."""
_OWN: Final[dict[str, frozenset[str]]] = {
    "occupation": frozenset({"organisation"}),
    "employer": frozenset({"organisation", "place", "person"}),
    "birth_place": _OF_PLACES,
    **dict.fromkeys(("house_number", "unit", "locality", "region", "district"), _OF_PLACES),
}
"""What a field is there for is no finding in it."""


class ScanRuns(RuntimeError):
    """Another scan is going on."""


class _Tally:
    """Texts by source and field, and finds in them."""

    def __init__(self, scanner: Scanner, fields: frozenset[str]) -> None:
        self.scanner, self.fields = scanner, fields
        self.texts, self.found = Counter[tuple[int, str]](), Counter[Found]()
        self.seen: dict[Found, list[UUID]] = {}
        self.left_out = 0

    def look(self, one: Opened) -> None:
        """Look at all texts of a customer."""
        self.left_out += not one.decision.finds
        for held in one.contributions:
            text = held.given or held.normal
            if held.answer != "clear" or held.field not in self.fields or not text:
                continue
            self.texts[held.channel, held.field] += 1
            for kind in self.scanner.kinds(text):
                if kind not in _OWN.get(held.field, ()):
                    self._count((held.channel, held.field, kind), one.customer)

    def _count(self, what: Found, customer: UUID) -> None:
        self.found[what] += 1
        kept = self.seen.setdefault(what, [])
        if len(kept) < _SEEN and customer not in kept:
            kept.append(customer)


def free_fields() -> tuple[str, ...]:
    """The fields of free text that purpose accuracy covers."""
    least = installation().rules.purposes[PURPOSE].least
    return tuple(
        name for name, field in Dictionary.load().fields.items() if field.type in _FREE_TYPES and name in least
    )


def scan(*, actor: Actor, progress: Progress | None = None) -> Scan:
    """Look at everybody's free text now; returns the scan.

    Args:
        progress: called with the share done (0 to 1).
    Raises:
        Refused: the role may not.
        ScanRuns: another one is going on.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    require_act("classify", actor)
    with _alone():
        one = Scan.objects.create(
            id=new_id(), staff=actor.human, models_used=names.installed(), total=count_people(_KINDS)
        )
        try:
            _keep(one, _looked(one, actor, progress or (lambda _share: None)), actor)
        except BaseException:
            Scan.objects.filter(id=one.id).update(state=FAILED, ended_at=timezone.now())
            raise
    one.refresh_from_db()
    return one


def _looked(one: Scan, actor: Actor, progress: Progress) -> _Tally:
    fields = free_fields()
    tally = _Tally(Scanner(), frozenset(fields))
    done = 0
    for page in people(_KINDS):
        asked = [facts.customer for facts in page]
        for opened in gate().stream(
            asked, actor=actor, purpose=PURPOSE, fields=fields, use=USE, kinds=_KINDS, detail=one.id
        ):
            for customer in opened:
                tally.look(customer)
            done += len(opened)
            Scan.objects.filter(id=one.id).update(done=done)
            progress(min(done / max(one.total, 1), 1.0))
    return tally


def _keep(one: Scan, tally: _Tally, actor: Actor) -> None:
    """Counts anew; what was decided stays decided; of findings that are gone only those that somebody decided stay."""
    fields = installation().rules.dictionary.fields
    with transaction.atomic():
        Finding.objects.filter(state__in=(OPEN, WITHIN)).exclude(
            id__in=[row.id for row in Finding.objects.all() if (row.channel, row.field, row.kind) in tally.found]
        ).delete()
        Sighting.objects.all().delete()
        here = _still_here({customer for held in tally.seen.values() for customer in held})
        for (channel, field, kind), found in tally.found.items():
            level = KINDS[kind].level
            state = OPEN if level > fields[field].level else WITHIN
            row, made = Finding.objects.get_or_create(
                channel=channel, field=field, kind=kind,
                defaults={
                    "id": new_id(), "level": level, "texts": tally.texts[channel, field], "found": found, "scan": one,
                    "state": state,
                },
            )  # fmt: skip
            if not made:
                row.texts, row.found, row.scan, row.level = tally.texts[channel, field], found, one, level
                row.state = state if row.state in (OPEN, WITHIN) else row.state
                row.save()
            kept = [subject for subject in tally.seen[channel, field, kind] if subject in here]
            Sighting.objects.bulk_create([Sighting(finding=row, subject=subject) for subject in kept])
        Scan.objects.filter(id=one.id).update(
            state=DONE, ended_at=timezone.now(), texts=tally.texts.total(), left_out=tally.left_out
        )
        record_act("classify", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=one.id)


def _still_here(subjects: set[UUID]) -> set[UUID]:
    """Those who were not erased meanwhile, held until this is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject from subject_state where subject = any (%s) and not hidden order by subject for key share",
            [sorted(subjects, key=lambda one: one.int)],
        )
        return {row[0] for row in cursor.fetchall()}


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    if not SCANNING.take():
        raise ScanRuns
    with SCANNING.released():
        Scan.objects.filter(state=RUNNING).update(state=FAILED, ended_at=timezone.now())
        yield
