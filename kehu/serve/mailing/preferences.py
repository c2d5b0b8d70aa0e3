"""What whoever holds a letter may set with its link: the letters by its medium, each on or off; an opt-out acts at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from django.db import transaction

from kehu.govern.consent import notice_in_force
from kehu.govern.parts import UnknownSubject
from kehu.govern.subscriptions import Said, SuppressedHere, say, standing
from kehu.govern.topics import Topic, load_topics
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import owner_actor
from kehu.serve.mailing.links import Letter, read
from kehu.serve.portal.allowed import too_young
from kehu.vault.ids import new_id

LINK, PRESS = "link in a letter", "one-click unsubscribe"
_OFF: Final = ("unsubscribed", "suppressed")
Outcome = Literal["saved", "guardian"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic, whether its letters come, and the last word said."""

    topic: Topic
    on: bool
    status: str


@dataclass(frozen=True, slots=True)
class Held:
    """The letters of one medium; ``gone``: nobody is behind the link any more, so nothing comes."""

    medium: str
    letters: tuple[Wanted, ...]
    gone: bool = False


def held(link: str) -> Held:
    """Which letters come.

    Raises:
        LinkRefused: no link of ours.
    """
    letter = read(link)
    try:
        return Held(letter.medium, tuple(_wanted(letter)))
    except UnknownSubject:
        return Held(letter.medium, (), gone=True)


def choose(link: str, on: Collection[str], *, language: str, shown: Collection[str] | None = None) -> Outcome:
    """Have exactly these topics on and every other off, by the link's medium; ``guardian``: too young to subscribe alone.

    Turning off is never held up by what cannot be turned on. ``shown``: what was on when they chose; what they left as they
    saw it stays as it is by now.

    Raises:
        LinkRefused: no link of ours.
    """
    letter = read(link)
    try:
        now = _wanted(letter)
        seen = {one.topic.slug for one in now if one.on} if shown is None else shown
        changed = [one for one in now if (one.topic.slug in on) not in (one.topic.slug in seen, one.on)]
        young = too_young(letter.subject)
    except UnknownSubject:
        return "saved"
    left = False
    with transaction.atomic():
        for one in changed:
            if one.on:
                _say(letter, one.topic.slug, "unsubscribed", way=LINK, language=language)
            elif young and one.topic.kind == "marketing":
                left = True
            elif one.status != "suppressed":
                _say(letter, one.topic.slug, "subscribed", way=LINK, language=language)
    return "guardian" if left else "saved"


def stop(link: str, *, language: str) -> None:
    """Stop the letters of the link's topic; again, or for somebody who is gone, it changes nothing.

    Raises:
        LinkRefused: no link of ours.
    """
    letter = read(link)
    try:
        said = {(one.medium, one.topic): one.status for one in standing(letter.subject, whole=False)}
        if said.get((letter.medium, letter.topic)) not in _OFF:
            with transaction.atomic():
                _say(letter, letter.topic, "unsubscribed", way=PRESS, language=language)
    except UnknownSubject:
        return


def _wanted(letter: Letter) -> list[Wanted]:
    # of the certain part alone, as at the portal: whom linkage joined to it may be somebody else, and a household shows one
    # member nothing of another (RULES, merge). What the stricter word of another bars is barred when something is sent
    said = {one.topic: one.status for one in standing(letter.subject, whole=False) if one.medium == letter.medium}
    found = []
    for topic in load_topics().values():
        status = said.get(topic.slug, "none")
        on = status not in _OFF if topic.kind == "service" else status == "subscribed"
        found.append(Wanted(topic, on, status))
    return found


def _say(letter: Letter, topic: str, status: str, *, way: str, language: str) -> None:
    """In the house's name: whoever presses is known by the letter alone, and no account stands behind it."""
    actor, id = owner_actor(), new_id()
    said = Said(
        status, way=way, ground="consent" if status == "subscribed" else "", language=language,
        notice=notice_in_force().id, proof="email",
    )  # fmt: skip
    try:
        say(letter.subject, letter.medium, topic, said=said, recorded_by=actor.staff, id=id)
    except SuppressedHere:  # a list said so while they chose
        return
    record_act("subscribe", letter.subject, actor=actor, detail=id)
