"""How a customer may be written to, as they see and set it: medium by topic, each yes or no."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from kehu.govern.slugs import MEDIA
from kehu.govern.subscriptions import standing
from kehu.govern.topics import Topic, load_topics
from kehu.guard.guests.credentials import Guest
from kehu.serve.portal.allowed import GuardianNeeded, needs_guardian
from kehu.serve.rights.consents.channels import set_subscription

_OFF: Final = ("unsubscribed", "suppressed")


@dataclass(frozen=True, slots=True)
class Preference:
    """One medium of one topic: whether a message may come, and the last word said (``none``: nobody asked yet)."""

    medium: str
    topic: str
    on: bool
    status: str

    @property
    def key(self) -> str:
        """``medium:topic``."""
        return f"{self.medium}:{self.topic}"


def preferences(guest: Guest) -> list[tuple[Topic, list[Preference]]]:
    """Every topic with every medium. A marketing topic is on where they subscribed, a service topic unless they said no.

    Raises:
        UnknownSubject: not here any more.
    """
    said = {(one.medium, one.topic): one.status for one in standing(guest.subject, whole=False)}
    found = []
    for topic in load_topics().values():
        row = []
        for medium in MEDIA:
            status = said.get((medium, topic.slug), "none")
            on = status not in _OFF if topic.kind == "service" else status == "subscribed"
            row.append(Preference(medium, topic.slug, on, status))
        found.append((topic, row))
    return found


def set_preferences(
    guest: Guest, wanted: Collection[str], *, language: str, shown: Collection[str] | None = None
) -> int:
    """Have exactly these (``medium:topic``) on and every other off; returns how many changed. Acts on the next message.

    ``shown``: what was on when they chose. What they left as they saw it stays as it is by now: a page that was open while
    they stopped something elsewhere starts nothing again.

    Raises:
        GuardianNeeded: too young to subscribe to marketing alone; all else is done, for no guardian holds up an opt-out.
        ValueError: no such medium or topic.
        Refused: the sign-in has ended.
    """
    held = preferences(guest)
    topics = {topic.slug: topic.kind for topic, _ in held}
    now = {one.key: one for _, row in held for one in row}
    if not set(wanted) <= set(now):
        raise ValueError("preference: a medium and a topic")
    seen = {key for key, one in now.items() if one.on} if shown is None else shown
    changed = [one for key, one in now.items() if (key in wanted) not in (key in seen, one.on)]
    marketing = [one for one in changed if not one.on and topics[one.topic] == "marketing"]
    barred = marketing if marketing and needs_guardian(guest) else []
    with transaction.atomic():
        for one in changed:
            if one not in barred:
                status = "unsubscribed" if one.on else "subscribed"
                set_subscription(guest.subject, one.medium, one.topic, status, actor=guest.actor, language=language)
    if barred:
        raise GuardianNeeded("marketing")
    return len(changed)


def stop_all(guest: Guest, *, language: str) -> int:
    """No marketing by any medium any more: one press. Returns how many were on.

    Raises:
        Refused: the sign-in has ended.
    """
    kept = {one.key for topic, row in preferences(guest) for one in row if topic.kind == "service" and one.on}
    return set_preferences(guest, kept, language=language)
