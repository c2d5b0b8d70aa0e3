"""A question on the customer's own phone: a link of one use for a quarter of an hour; its digest is kept, its secret is not."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from kehu.govern.models import Channel
from kehu.govern.parts import UnknownSubject, part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.serve.counter.entries import KIND, WAYS, Entry, EntryRefused, keep, shown_of
from kehu.serve.counter.models import Asked
from kehu.vault.ids import new_id

LASTS: Final = timedelta(minutes=15)
_KEPT: Final = timedelta(days=1)
_BYTES: Final = 24


class LinkOver(LookupError):
    """No such link, or it is over: answered, expired, or its customer is not here any more. Which is not said."""


def hand_over(channel: Channel, *, subject: UUID | None = None, name: str = "", actor: Actor) -> str:
    """Make a link; returns its secret, this once.

    Raises:
        Refused: the role may not record what somebody allows.
        UnknownSubject: not here.
        EntryRefused: the channel is no counter.
    """
    require_act("consent", actor)
    if channel.kind != KIND:
        raise EntryRefused("no-counter")
    if subject is not None:
        part_of(subject, whole=False)
    secret, now = secrets.token_urlsafe(_BYTES), timezone.now()
    Asked.objects.create(
        id=new_id(), digest=_digest(secret), channel=channel.id, subject=subject, name=name, by=actor.staff, at=now,
        expires_at=now + LASTS,
    )  # fmt: skip
    return secret


def question(secret: str) -> Asked:
    """The question behind a link.

    Raises:
        LinkOver: there is none any more.
    """
    held = Asked.objects.filter(digest=_digest(secret), answered_at=None, expires_at__gt=timezone.now()).first()
    if held is None:
        raise LinkOver
    if held.subject is not None:  # an erasure takes the link along; an import that is taken back leaves it
        with _over_without_them():
            part_of(held.subject, whole=False)
    return held


def answer(secret: str, said: Mapping[str, str], consents: Sequence[str], *, language: str) -> None:
    """Keep what the customer said; the link is over with that.

    Raises:
        LinkOver: there is none any more, or another answer came first.
        EntryRefused: a purpose that was not asked about.
        InboxFull: too much waits already.
    """
    asked = question(secret)
    if consents:
        notice, versions = shown_of(said, consents)
        blank = Entry(asked.id, timezone.now(), {}, way=WAYS[1], subject=asked.subject, name=asked.name)
        entry = replace(
            blank, consents=tuple(dict.fromkeys(consents)), versions=versions, notice=notice, language=language
        )
        channel = Channel.objects.get(id=asked.channel)
        with _over_without_them():
            new = keep(channel, entry, by=asked.by)
        if not new:  # the same link is the same message: the first answer counts
            raise LinkOver
    # after it is durable: a crash between the two leaves a link whose second answer is no news
    if not Asked.objects.filter(id=asked.id, answered_at=None).update(answered_at=timezone.now()):
        raise LinkOver


def forget_asked() -> int:
    """Delete links that have been over for a day; returns how many."""
    return Asked.objects.filter(expires_at__lt=timezone.now() - _KEPT).delete()[0]


@contextmanager
def _over_without_them() -> Iterator[None]:
    try:
        yield
    except UnknownSubject:
        raise LinkOver from None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
