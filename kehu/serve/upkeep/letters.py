"""Letters that ask a customer to look: worded here, looked at before they go, sent once for each task.

A service message: it needs no subscription, but who said no to such messages, or is suppressed, gets none; the gate is asked.
A crash between letter and note sends it again under the same Message-ID (decision 0041).
"""

from __future__ import annotations

import functools
import logging
import re
import smtplib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection
from django.db.models import BooleanField, F, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.host.mail import OutboxClosed, named
from kehu.refine.clean.status import INVALID
from kehu.refine.survive import survive
from kehu.serve.sources.letters import spoken
from kehu.serve.upkeep.confirming import PURPOSE
from kehu.serve.upkeep.models import Policy, Task
from kehu.serve.upkeep.policies import MOST_AT_ONCE as MADE_AT_ONCE
from kehu.serve.upkeep.queue import HERE

_log = logging.getLogger("kehu.upkeep")
_FILE: Final = Path(__file__).with_name("letters.toml")
TOPIC: Final = "service-news"
MOST_AT_ONCE: Final = 2 * MADE_AT_ONCE
"""Letters that a run tries for each policy that asks by mail: what waits grows less, whatever the policies make."""
_LINK: Final = re.compile(r"(?i)\b(?:https?://|www\.)\S+")
_MARKETING: Final = re.compile(
    r"(?i)<|%|\b(?:offer|discount|sale|coupon|voucher|free|buy|promo|deal|newsletter)\b|优惠|折扣|促销|特价|购买|優惠|促銷|特價|購買"
)
_RULE: Final = "\n\n" + "—" * 20 + "\n\n"
_PARTS: Final = """
select n.subject, n.customer, n.core, c.name,
    array(select s.subject from subject_state s where s.customer = n.customer and s.core = n.core and not s.hidden)
from subject_state n join govern_controller c on c.id = n.controller where n.subject = any (%s) and not n.hidden
    and not n.deceased
"""
_ALIVE: Final = RawSQL(
    "exists (select 1 from subject_state s where s.subject = upkeep_task.subject and not s.deceased)",
    [],
    BooleanField(),
)


class NotPlain(ValueError):
    """A letter with a link that is not the portal's, with markup, or with words of a sale."""


@dataclass(slots=True)
class Sent:
    """What a run did: letters that went, customers whom the gate or the lack of an address kept from it, failures."""

    mailed: int = 0
    left_out: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A task to write of, the origin subjects of whoever it asks (a certain part), and the house that asks them."""

    task: Task
    part: frozenset[UUID]
    house: str


def letter(name: str, *, house: str, language: str) -> tuple[str, str]:
    """Subject and text for a field, in a language or in all; a house may be named like a sale (Best Buy).

    Raises:
        NotPlain: the words of this installation are none of such a letter.
    """
    held, field = _words(), installation().rules.dictionary.field(name)
    said = [language] if language in LANGUAGES else list(LANGUAGES)
    parts = []
    for one in said:
        named, label = house if house not in ("", "main") else held["house"][one], field.label(one)
        require_plain(held["text"][one].format(house="", field=label))
        lines = [held["text"][one].format(house=named, field=label)]
        if settings.PORTAL_URL:
            lines.append(f"{held['where'][one]} {settings.PORTAL_URL}")
        require_plain("\n".join([held["subject"][one], *lines[1:], held["nothing"][one]]))
        parts.append("\n\n".join([*lines, held["nothing"][one]]))
    return " · ".join(held["subject"][one] for one in said), _RULE.join(parts) + "\n"


def require_plain(text: str) -> None:
    """Let on a text without marketing: no link but the portal's, no markup, no word of a sale.

    Raises:
        NotPlain: it is none.
    """
    if any(link != settings.PORTAL_URL for link in _LINK.findall(text)):
        raise NotPlain("link")
    if _MARKETING.search(_LINK.sub("", text)):
        raise NotPlain("words")


def send(*, actor: Actor) -> Sent:
    """Write to the customers of tasks that are asked by mail and were not yet; each once.

    Raises:
        Refused: the role may not.
        NotPlain: see there.
    """
    require_act("verify-task", actor)
    sent = Sent()
    untried = F("tried_at").asc(nulls_first=True)  # first; whom no letter reached keeps nobody from theirs
    waiting = _unasked().order_by(untried, "due", "id")
    asked = _asked(list(waiting[: at_most()]))
    try:
        with get_connection() as mail:
            for customer, of in asked.items():
                # asked for one by one: a run takes minutes, and who says no meanwhile is not written to
                opened = gate().open(
                    [customer], actor=actor, purpose=PURPOSE, fields=["email"], use="contact", kinds=PROFILE_KINDS,
                    medium="email", topic=TOPIC,
                )  # fmt: skip
                if not all(_write(one, to, mail, sent) for one in opened for to in of):
                    break
    except (smtplib.SMTPException, OSError) as away:
        _log.warning("verify.mail.away", extra={"failure": type(away).__name__})
        sent.failed += 1
    return sent


def at_most() -> int:
    """How many letters a run tries now."""
    return MOST_AT_ONCE * max(1, Policy.objects.filter(retired_at=None, way="mail").count())


def to_go() -> int:
    """How many letters are still to go to somebody who is here, those that reached nobody among them."""
    return _unasked().filter(HERE).count()


def never_tried() -> int:
    """How many letters no run has come to yet, of those to somebody who is here."""
    return _unasked().filter(HERE, tried_at=None).count()


def _unasked() -> QuerySet[Task]:
    known = list(installation().rules.dictionary.fields)  # of a field that is gone nobody can be asked
    return Task.objects.filter(state="open", way="mail", asked_at=None, field__in=known)


def _asked(waiting: Sequence[Task]) -> dict[UUID, list[_Asked]]:
    """Whom to write to by customer: each certain part once a run, for the first of its tasks."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [[one.subject for one in waiting]])
        here = {subject: row for subject, *row in cursor.fetchall()}
    found: dict[UUID, list[_Asked]] = {}
    written: set[UUID] = set()
    for task in waiting:
        if task.subject not in here:
            _tried(task)
            continue
        customer, core, house, part = here[task.subject]
        if core not in written:
            written.add(core)
            found.setdefault(customer, []).append(_Asked(task, frozenset(part), house))
    return found


def _write(one: Opened, to: _Asked, mail: Any, sent: Sent) -> bool:
    """Write one letter, where its question still waits; False: none goes just now."""
    # answered, taken in hand or reported dead meanwhile
    if not Task.objects.filter(_ALIVE, id=to.task.id, state="open").exists():
        return True
    # who is joined by linkage alone may be somebody else: nobody is asked about what came of another
    kept = survive(said for said in one.contributions if said.subject in to.part).get("email")
    if kept is None or kept.said.answer != "clear" or kept.said.status == INVALID or not kept.said.normal:
        _tried(to.task)
        sent.left_out += 1
        return True
    subject, text = letter(to.task.field, house=to.house, language=spoken(""))
    try:
        name = named("verify", to.task.id)
        EmailMessage(subject, text, to=[kept.said.normal], connection=mail, headers=name).send()
    except smtplib.SMTPRecipientsRefused:
        _tried(to.task)
        sent.left_out += 1
    except (smtplib.SMTPException, OSError, OutboxClosed) as away:
        _log.warning("verify.mail.failed", extra={"failure": type(away).__name__})
        if isinstance(away, smtplib.SMTPResponseException):  # said of this letter: others go first next time
            _tried(to.task)
        sent.failed += 1
        return False
    else:
        Task.objects.filter(id=to.task.id).update(asked_at=timezone.now())
        sent.mailed += 1
    return True


def _tried(task: Task) -> None:
    Task.objects.filter(id=task.id).update(tried_at=timezone.now())


@functools.cache
def _words() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    if any(set(LANGUAGES) - set(one) for one in found.values()):
        raise ValueError("letters of verification: a language is missing")
    return found
