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
from django.utils import timezone

from kehu.govern.models import Controller
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
from kehu.serve.upkeep.models import Task
from kehu.serve.upkeep.queue import current_customers

_log = logging.getLogger("kehu.upkeep")
_FILE: Final = Path(__file__).with_name("letters.toml")
TOPIC: Final = "service-news"
MOST_AT_ONCE: Final = 200
_LINK: Final = re.compile(r"(?i)\b(?:https?://|www\.)\S+")
_MARKETING: Final = re.compile(
    r"(?i)<|%|\b(?:offer|discount|sale|coupon|voucher|free|buy|promo|deal|newsletter)\b|优惠|折扣|促销|特价|购买|優惠|促銷|特價|購買"
)
_RULE: Final = "\n\n" + "—" * 20 + "\n\n"


class NotPlain(ValueError):
    """A letter with a link that is not the portal's, with markup, or with words of a sale."""


@dataclass(slots=True)
class Sent:
    """What a run did: letters that went, customers whom the gate or the lack of an address kept from it, failures."""

    mailed: int = 0
    left_out: int = 0
    failed: int = 0


def letter(name: str, *, house: str, language: str) -> tuple[str, str]:
    """Subject and text for a field, in a language or in all.

    Raises:
        NotPlain: the words of this installation are none of such a letter.
    """
    held, field = _words(), installation().rules.dictionary.field(name)
    said = [language] if language in LANGUAGES else list(LANGUAGES)
    parts = []
    for one in said:
        named = house if house not in ("", "main") else held["house"][one]
        lines = [held["text"][one].format(house=named, field=field.label(one))]
        if settings.PORTAL_URL:
            lines.append(f"{held['where'][one]} {settings.PORTAL_URL}")
        parts.append("\n\n".join([*lines, held["nothing"][one]]))
    subject, text = " · ".join(held["subject"][one] for one in said), _RULE.join(parts) + "\n"
    require_plain(subject + "\n" + text)
    return subject, text


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
    sent, tasks = Sent(), dict[UUID, Task]()
    waiting = list(Task.objects.filter(state="open", way="mail", asked_at=None).order_by("due", "id")[:MOST_AT_ONCE])
    customers = current_customers([one.subject for one in waiting])
    for one in waiting:
        if one.subject in customers:
            tasks.setdefault(customers[one.subject], one)
    houses = dict(Controller.objects.values_list("id", "name"))
    try:
        with get_connection() as mail:
            for opened in gate().stream(
                tasks, actor=actor, purpose=PURPOSE, fields=["email"], use="contact", kinds=PROFILE_KINDS,
                medium="email", topic=TOPIC,
            ):  # fmt: skip
                _write(opened, tasks, mail, sent, house=next(iter(houses.values()), ""))
    except (smtplib.SMTPException, OSError) as away:
        _log.warning("verify.mail.away", extra={"failure": type(away).__name__})
        sent.failed += 1
    return sent


def _write(opened: Sequence[Opened], tasks: dict[UUID, Task], mail: Any, sent: Sent, *, house: str) -> None:
    for one in opened:
        task = tasks.get(one.customer)
        kept = survive(one.contributions).get("email")
        if (
            task is None
            or kept is None
            or kept.said.answer != "clear"
            or kept.said.status == INVALID
            or not kept.said.normal
        ):
            sent.left_out += 1
            continue
        subject, text = letter(task.field, house=house, language=spoken(""))
        try:
            name = named("verify", task.id)
            EmailMessage(subject, text, to=[kept.said.normal], connection=mail, headers=name).send()
        except smtplib.SMTPRecipientsRefused:
            sent.left_out += 1
        except (smtplib.SMTPException, OSError, OutboxClosed) as away:
            _log.warning("verify.mail.failed", extra={"failure": type(away).__name__})
            sent.failed += 1
            return
        else:
            Task.objects.filter(id=task.id).update(asked_at=timezone.now())
            sent.mailed += 1


@functools.cache
def _words() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    if any(set(LANGUAGES) - set(one) for one in found.values()):
        raise ValueError("letters of verification: a language is missing")
    return found
