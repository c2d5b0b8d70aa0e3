"""A customer's permissions one by one: what they said, what became of it, how often it was used; and how they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from kehu.govern.consent import NothingToWithdraw, notice_in_force
from kehu.govern.models import Consent, Notice
from kehu.govern.notices import current as current_notices
from kehu.govern.parts import part_of
from kehu.govern.separate import Terms
from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.acts import require_act
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.serve.portal.allowed import GuardianNeeded, ReadOtherwise, needs_guardian, read_now
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.receipts import receipt_of
from kehu.serve.rights.consents.statements import Became, became, statements_of
from kehu.serve.rights.consents.used import Used, used_of

_RIGHTS: Final = PURPOSES["rights-request"]


class NotYours(LookupError):
    """No such statement, or not one of this customer's certain part."""


@dataclass(frozen=True, slots=True)
class Held:
    """A statement, what became of it, and how often it was used."""

    became: Became
    used: Used

    @property
    def row(self) -> Consent:
        """The statement itself."""
        return self.became.row

    @property
    def purpose(self) -> str:
        """Its purpose's slug."""
        return name_of(PURPOSES, self.became.row.purpose)


@dataclass(frozen=True, slots=True)
class Permissions:
    """What waits for an answer, what stands, and what was before; each the newest first."""

    asked: tuple[Held, ...]
    standing: tuple[Held, ...]
    earlier: tuple[Held, ...]


def permissions(guest: Guest) -> Permissions:
    """Everything the customer said of purposes; that they read how often it was used stands in the ledger.

    Raises:
        UnknownSubject: not here any more.
        Refused: the sign-in has ended.
    """
    part = part_of(guest.subject, whole=False)
    found = became(statements_of(part))
    with transaction.atomic():
        record_act("read-ledger", guest.subject, actor=guest.actor, purpose=_RIGHTS)
    used = used_of(found, part)
    held = [Held(one, used[one.row.id]) for one in reversed(found) if _told_by_itself(one, found)]
    return Permissions(
        asked=tuple(one for one in held if one.became.state == "requested"),
        standing=tuple(one for one in held if one.became.in_force),
        earlier=tuple(one for one in held if one.became.state != "requested" and not one.became.in_force),
    )


def _told_by_itself(one: Became, found: Sequence[Became]) -> bool:
    """What ended a permission is told with it, and a request with its answer."""
    if one.row.status == "given" or one.state == "requested":
        return True
    ended = {other.ended_at for other in found if other.row.status == "given"}
    return one.state != "answered" and one.row.recorded_at not in ended


def open_requests(guest: Guest) -> int:
    """How many permissions the customer is asked for and has not answered."""
    found = became(statements_of(part_of(guest.subject, whole=False)))
    return sum(one.state == "requested" for one in found)


def receipt_for(guest: Guest, consent: UUID) -> dict[str, Any]:
    """The receipt of one of the customer's own statements; the look stands in the ledger.

    Raises:
        NotYours: it is none of theirs.
        Refused: the sign-in has ended.
    """
    require_act("consent", guest.actor)
    row, part = _own(guest, consent)
    with transaction.atomic():
        record_act("list", guest.subject, actor=guest.actor, purpose=_RIGHTS, detail=row.id)
    return receipt_of(row, part, own=True)


def withdraw(guest: Guest, consent: UUID) -> None:
    """Take one permission back: a separate one alone, another with all that rests on its purpose. Acts on the next read.

    What is withdrawn already is no failure: it is stopped.

    Raises:
        NotYours: it is none of theirs.
        Refused: the sign-in has ended.
    """
    row, _ = _own(guest, consent)
    try:
        actions.withdraw(guest.subject, row.purpose, actor=guest.actor, only=row.id if row.event else None)
    except NothingToWithdraw:
        return


def asked(guest: Guest, request: UUID) -> Consent:
    """The request, alone, as long as it is not answered.

    Raises:
        NotYours: it is none, none of theirs, or answered by now.
    """
    _, part = _own(guest, request)
    found = next((one for one in became(statements_of(part)) if one.row.id == request), None)
    if found is None or found.state != "requested":
        raise NotYours(str(request))
    return found.row


def wording_of(row: Consent) -> Notice:
    """What an answer to a request counts under: the version in force of the notice under which it was asked."""
    asked_under = Notice.objects.filter(id=row.notice).first() if row.notice else None
    newest = current_notices().filter(name=asked_under.name).first() if asked_under else None
    return newest or notice_in_force()


def covers_now(row: Consent) -> str:
    """What a yes to a request is to, in one word: the notice and the version of the use that are in force."""
    return read_now(installation().rules.purposes[name_of(PURPOSES, row.purpose)].version, wording_of(row))


def answer(guest: Guest, request: UUID, *, yes: bool, language: str, read: str = "") -> None:
    """Answer a request: one press either way. ``read``: what they had before them, as :func:`covers_now` told it.

    Raises:
        NotYours: it is none, none of theirs, or answered by now.
        GuardianNeeded: too young to say yes alone.
        ReadOtherwise: a yes to what is not in force any more.
        Refused: the sign-in has ended.
    """
    row = asked(guest, request)
    fields = tuple(row.fields) if row.fields is not None else None
    terms = Terms(row.event, row.recipient, row.country, fields) if row.event else None
    if not yes:
        actions.refuse(guest.subject, row.purpose, actor=guest.actor, terms=terms, language=language, follows=row.id)
        return
    if needs_guardian(guest):
        raise GuardianNeeded(name_of(PURPOSES, row.purpose))
    if read != covers_now(row):
        raise ReadOtherwise
    wording = wording_of(row)
    actions.give(
        guest.subject, row.purpose, actor=guest.actor, kind=row.kind, until=None, by_subject=None,
        notice=f"{wording.name}@{wording.version}",
        language=language, terms=terms, follows=row.id,
    )  # fmt: skip


def _own(guest: Guest, consent: UUID) -> tuple[Consent, Sequence[UUID]]:
    part = part_of(guest.subject, whole=False)
    row = Consent.objects.filter(id=consent, subject__in=part).first()
    if row is None:
        raise NotYours(str(consent))
    return row, part
