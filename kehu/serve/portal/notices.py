"""What a customer is told when a notice or a purpose changes: what is different from what they know, until they have seen it.

Where a use rests on their consent and became wider, they are asked again (PIPL 14); of every other change they are told
(PIPL 17, GDPR 13(3)). No message is sent for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from kehu.govern import notices, register
from kehu.govern.models import Change, Consent, Notice, NoticeSeen
from kehu.govern.notices import CoverDifference, cover_differences, covers_of
from kehu.govern.parts import part_of
from kehu.govern.slugs import PURPOSES
from kehu.govern.widening import Difference, differences
from kehu.guard.gate.acts import require_act
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.serve.portal.allowed import last_said
from kehu.vault.ids import new_id

_RIGHTS: Final = PURPOSES["rights-request"]
# the newest version of the notice that something of the customer's came under
_CAME_UNDER: Final = """
select max(n.version) from record r join govern_notice n on n.id = r.notice
where r.subject = any (%s) and not r.hidden and n.name = %s and n.version <= %s
"""


@dataclass(frozen=True, slots=True)
class News:
    """A notice that is in force and that the customer has not seen, and the one they know."""

    current: Notice
    known: Notice


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A use that became wider since the customer allowed it: their permission does not cover it any more."""

    purpose: str
    since: datetime
    differences: tuple[Difference, ...]


def news(guest: Guest) -> News | None:
    """The version in force where the customer knows an older one; None: they know it, or came under none.

    Raises:
        UnknownSubject: not here any more.
    """
    current = notices.current().filter(name=notices.NAME).first()
    if current is None:
        return None
    part = part_of(guest.subject, whole=False)
    with connection.cursor() as cursor:
        cursor.execute(_CAME_UNDER, [part, current.name, current.version])
        [came_under] = cursor.fetchone()
    own = Notice.objects.filter(name=current.name, version__lte=current.version)
    seen = own.filter(noticeseen__subject__in=part).values_list("version", flat=True)
    # what they are asked they have not read yet
    said = Consent.objects.filter(subject__in=part, status__in=("given", "refused"))
    agreed = own.filter(id__in=said.values("notice")).values_list("version", flat=True)
    newest = max([came_under or 0, *seen, *agreed])
    if newest in (0, current.version):
        return None
    return News(current, own.get(version=newest))


def covered_otherwise(old: Notice, new: Notice) -> tuple[CoverDifference, ...]:
    """What a newer notice covers that the older did not, or otherwise."""
    return cover_differences(covers_of(old), covers_of(new))


def mark_seen(guest: Guest, version: int) -> None:
    """Note that the customer has seen a version of the notice; a version they know already is noted once.

    Raises:
        Notice.DoesNotExist: it is not in force.
        Refused: the sign-in has ended.
    """
    require_act("portal", guest.actor)
    notice = notices.current().get(name=notices.NAME, version=version)
    with transaction.atomic():
        _, made = NoticeSeen.objects.get_or_create(subject=guest.subject, notice=notice, defaults={"id": new_id()})
        if made:
            record_act("portal", guest.subject, actor=guest.actor, purpose=_RIGHTS)


def asked_again(guest: Guest) -> list[AskedAgain]:
    """Uses that rest on consent, were allowed in an older version, and reach further in the one in force.

    Raises:
        UnknownSubject: not here any more.
    """
    last = last_said(part_of(guest.subject, whole=False))
    found = []
    for slug, purpose in installation().rules.purposes.items():
        said = last.get(purpose.id)
        if said is None or said.status != "given" or said.purpose_version >= purpose.version:
            continue
        versions = [one for one in register.changes("purpose", slug) if _was_in_force(one)]
        now = next(
            (one for one in versions if (one.version, one.revision) == (purpose.version, purpose.revision)), None
        )
        then = next((one for one in versions if one.version == said.purpose_version), None)
        if now is None or then is None:
            continue
        found.append(AskedAgain(slug, _began(versions, purpose.version), differences(then.content, now.content)))
    return found


def _was_in_force(change: Change) -> bool:
    return change.shipped or any(step.kind == "approved" for step in change.steps.all())


def _began(versions: Iterable[Change], version: int) -> datetime:
    """When a version came in force first."""
    moments = [
        next((step.at for step in one.steps.all() if step.kind == "approved"), one.proposed_at)
        for one in versions
        if one.version == version
    ]
    return min(moments)
