"""Before a restriction or an objection is lifted, whoever it protected is told (GDPR 18(3)): by letter, or as the office says.

No value stands in the letter, nor the reason, which may quote one: that is in the copy of their data (decision 0037).
"""

from __future__ import annotations

import functools
import logging
import smtplib
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

from kehu.govern.models import Controller, StateEntry
from kehu.govern.parts import part_of
from kehu.govern.slugs import LANGUAGES, PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.host.mail import OutboxClosed, named
from kehu.refine.clean.status import INVALID
from kehu.refine.survive import survive
from kehu.serve.rights.office import PURPOSE
from kehu.serve.sources.letters import spoken

Way = Literal["email", "post", "other"]
WAYS: Final[tuple[Way, ...]] = get_args(Way)
TOLD_BEFORE: Final = frozenset({"restriction", "objection"})
LONGEST_REASON: Final = 4_000
"""Characters."""
_log = logging.getLogger(__name__)
_FILE: Final = Path(__file__).with_name("lifting.toml")
_RULE: Final = "\n\n" + "—" * 20 + "\n\n"


class NotTold(RuntimeError):
    """No letter reaches the person, or none goes now; nothing was lifted."""


def require_reason(reason: str, way: str) -> None:
    """Let on who says why, and how the person is told.

    Raises:
        ValueError: no reason, too long a one, or no such way.
    """
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise ValueError(f"reason: why it is lifted, in {LONGEST_REASON} characters at most")
    if way not in WAYS:
        raise ValueError(f"told: one of {', '.join(WAYS)}")


def write_before(rows: Sequence[StateEntry], *, actor: Actor) -> None:
    """Write to everybody whom these states protect, each the certain part that one was put down for.

    A try after a failure writes the same letters under the same Message-ID (decision 0041).

    Raises:
        NotTold: somebody has no address that opens, or the mail server takes no letter.
    """
    letters = [_letter(_opened(row.subject, row.id, actor), row) for row in rows]
    try:
        for one in letters:
            one.send()
    except (smtplib.SMTPException, OSError, OutboxClosed) as away:
        _log.warning("lift.mail.failed", extra={"failure": type(away).__name__})
        raise NotTold("mail") from None


def _opened(subject: UUID, detail: UUID, actor: Actor) -> list[Opened]:
    part = part_of(subject, whole=False)
    return gate().open(
        part, actor=actor, purpose=PURPOSE, fields=["email", "language"], use="inform", kinds=PROFILE_KINDS,
        reach="origins", detail=detail,
    )  # fmt: skip


def _letter(opened: Iterable[Opened], row: StateEntry) -> EmailMessage:
    best = {name: won.said for name, won in survive([said for one in opened for said in one.contributions]).items()}
    address = best.get("email")
    if address is None or address.answer != "clear" or address.status == INVALID or not address.normal:
        raise NotTold("address")
    said = spoken(str(best["language"].normal)) if "language" in best else ""
    languages, held = [said] if said else list(LANGUAGES), _words()
    return EmailMessage(
        " · ".join(held["subject"][one] for one in languages),
        _RULE.join(_body(row, language=one) for one in languages) + "\n",
        to=[str(address.normal)],
        headers=named("lift", row.id),
    )


def _body(row: StateEntry, *, language: str) -> str:
    held = _words()
    purpose = installation().rules.purposes[name_of(PURPOSES, row.purpose)].label(language) if row.purpose else ""
    which = held["objection" if purpose else row.kind if row.kind == "restriction" else "public"][language]
    lines = [held["greeting"][language].format(house=_house(row.subject, language)), which.format(purpose=purpose)]
    where = f" {settings.PORTAL_URL}" if settings.PORTAL_URL else ""
    return "\n\n".join([*lines, held["rights"][language].format(where=where)])


def _house(subject: UUID, language: str) -> str:
    name = (
        Controller.objects.raw(
            "select c.* from govern_controller c join subject_state s on s.controller = c.id where s.subject = %s",
            [subject],
        )[0].name
    )  # fmt: skip
    return str(_words()["house"][language]) if name in ("", "main") else name


@functools.cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    if any(set(LANGUAGES) - set(text) for text in found.values()):
        raise ValueError("letters of lifting: a language is missing")
    return found
