"""A consent that was signed on paper: its form scanned, drawn anew, and sealed with it as its proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from kehu.govern.models import Notice
from kehu.govern.parts import held_now
from kehu.govern.slugs import LANGUAGES, PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.serve.counter.consents import stricter_since
from kehu.serve.counter.entries import EntryRefused, offered
from kehu.serve.rights.clocks import OLDEST
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.evidence import PAPER, Evidence


@dataclass(frozen=True, slots=True)
class Form:
    """A signed form: for which purpose, when, in which language, under which notice, its scan, and where the paper lies."""

    purpose: str
    signed: date
    language: str
    notice: int
    scan: bytes = field(repr=False)
    reference: str = field(default="", repr=False)


def notices() -> list[Notice]:
    """Wordings that a form may have had, the newest first."""
    return list(Notice.objects.filter(in_force_from__lte=timezone.now()).order_by("-in_force_from", "-version"))


def record_form(subject: UUID, form: Form, *, actor: Actor) -> UUID:
    """Record the consent on a form; returns its id. It stands from now on, as said on the day it was signed.

    Raises:
        Refused: the role may not.
        UnknownSubject: not here.
        EntryRefused: something is unknown, or lies in the future; they have said otherwise since (``said-later``).
        ScanRefused: no scan that is kept.
    """
    notice = next((one for one in notices() if one.id == form.notice), None)
    if notice is None:
        raise EntryRefused("no-notice")
    if form.purpose not in {one.purpose for one in offered(notice)}:
        raise EntryRefused("unknown-purpose")
    if form.language not in LANGUAGES:
        raise EntryRefused("no-language")
    if not OLDEST.date() <= form.signed <= timezone.localdate():
        raise EntryRefused("unreadable")
    if not form.scan:
        raise EntryRefused("no-scan")
    # of a day nobody knows the hour: a no of the same day, of whoever takes the form in, stands
    said_at = datetime.combine(form.signed, time(), timezone.get_current_timezone())
    purpose = PURPOSES[form.purpose]
    proof = Evidence(PAPER, form.scan, form.reference).checked()  # takes seconds, which nobody is held for
    with transaction.atomic():
        if stricter_since(held_now(subject).whole, purpose, said_at):
            raise EntryRefused("said-later")
        rows = actions.give(
            subject, purpose, actor=actor, kind="general", until=None, notice=f"{notice.name}@{notice.version}", by_subject=None,
            evidence=proof, language=form.language, said_at=said_at,
        )  # fmt: skip
    return _newest(rows, form.purpose)


def _newest(rows: list[dict[str, Any]], purpose: str) -> UUID:
    return next(UUID(str(row["id"])) for row in rows if row["purpose"] == purpose and row["proof"] == PAPER)
