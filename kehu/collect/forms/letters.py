"""The letters that ask a mailbox, or a guardian, to confirm; their words stand in ``letters.toml``.

Nothing of what was sent stands in them: whoever gets one that they did not ask for learns nothing of anybody.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Final
from uuid import UUID

from django.core.mail import EmailMessage

from kehu.collect.forms.showing import Shown
from kehu.govern.slugs import LANGUAGES
from kehu.host.mail import named

_FILE: Final = Path(__file__).with_name("letters.toml")


def send(waiting: UUID, shown: Shown, *, to: str, language: str, link: str, guardian: bool) -> None:
    """Send one for what waits; raises what the mail server's absence raises, so that the job is done again.

    Done again after a crash the letter has the name it had: without it nobody could confirm, twice it can be told.
    """
    words = _words()["guardian" if guardian else "confirm"]
    said = language if language in words else "en"
    told = {"title": shown.definition.text("title", said), "house": shown.controller, "link": link}
    subject = " ".join(words[said]["subject"].format(**told).split())  # one line, whatever a title holds
    text = words[said]["text"].format(**told)
    EmailMessage(subject, text, to=[to], headers=named("confirm", waiting)).send()


@functools.cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    if any(set(LANGUAGES) - set(one) for one in found.values()):
        raise ValueError("letters of forms: a language is missing")
    return found
