"""Mail to a member of staff when what opens their account changes: what happened and when, never a secret or a link."""

from __future__ import annotations

import functools
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from django.core.mail import EmailMessage
from django.utils import timezone
from procrastinate.contrib.django import app

from kehu.govern.slugs import LANGUAGES
from kehu.guard.staff.models import Staff

JOB: Final = "guard:tell_of_account"
_TEXTS: Final = Path(__file__).with_name("notices.toml")
_RULE: Final = "\n\n" + "—" * 20 + "\n\n"


def tell_later(staff: UUID, what: str) -> None:
    """Have the person told, once the caller's transaction stands. ``what`` is a key of ``notices.toml``.

    Raises:
        KeyError: nothing of that name is ever told.
    """
    _texts()[what]
    # by its name: the jobs of this room import what tells of changes
    app.configure_task(JOB).defer(staff=str(staff), what=what, at=timezone.now().isoformat(timespec="minutes"))


def tell(staff: UUID, what: str, at: datetime) -> bool:
    """Write to the person, in their language or, where it is not known, in all; False where nobody is to be told."""
    person = Staff.objects.filter(id=staff, is_active=True).exclude(role="owner").first()
    if person is None:
        return False
    spoken = [person.language] if person.language in LANGUAGES else list(LANGUAGES)
    held = _texts()[what]
    subject = " · ".join(held[one][0] for one in spoken)
    moment = at.strftime("%Y-%m-%d %H:%M UTC")
    body = _RULE.join(f"{held[one][1]}\n{moment}\n\n{held[one][2]}" for one in spoken)
    EmailMessage(f"Kehu 客护: {subject}", body + "\n", to=[person.email]).send()
    return True


def kinds() -> tuple[str, ...]:
    """Everything that is told of."""
    return tuple(_texts())


@functools.cache
def _texts() -> dict[str, dict[str, tuple[str, str, str]]]:
    """What -> language -> subject, sentence, and what to do."""
    read = tomllib.loads(_TEXTS.read_text(encoding="utf-8"))
    advice = read.pop("advice")
    return {what: {one: (said[one][0], said[one][1], advice[one]) for one in LANGUAGES} for what, said in read.items()}
