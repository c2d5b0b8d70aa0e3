"""Who calls: a bearer token, its one purpose, and how often it may ask."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer

from kehu.doors.api.answers import Busy
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.scope import require_reading, require_scope
from kehu.guard.staff.actions import actor_of_token

_TOKEN: Final = re.compile(r"kehu_[A-Za-z0-9_-]{43}")
_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """The credential of a request, the purpose it is bound to, and what it asks for: an act, and on whom."""

    actor: Actor
    purpose: str
    act: str | None
    subject: UUID | None

    def claim(self, purpose: str | None) -> str:
        """The purpose of this request: the token's, which whoever names one must name.

        Raises:
            Refused: another purpose than the token's; that it was asked for is recorded.
        """
        if purpose is not None:
            require_scope(self.actor, purpose, act=self.act, subject=self.subject)
        return self.purpose


class Bearer(HttpBearer):
    """Tokens as ``kehu token issue`` makes them; ``X-Kehu-Purpose``, where it stands, must be the token's.

    ``act`` is what the operation does, in the ledger's words: so a refusal is recorded as what was asked.
    """

    def __init__(self, act: str | None = None) -> None:
        super().__init__()
        self._act = act

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller.

        Raises:
            AuthenticationError: no token of ours.
            TokenRefused: unknown, expired or revoked.
            Busy: asked too often.
            Refused: for another purpose; or a token for a recipient outside, and no question to the gate.
        """
        if not _TOKEN.fullmatch(token):
            raise AuthenticationError
        actor = actor_of_token(token)
        assert actor.purpose is not None
        limiter.take(actor.credential)
        place = request.resolver_match
        caller = Caller(actor, actor.purpose, self._act, place.kwargs.get("subject") if place else None)
        caller.claim(request.headers.get("X-Kehu-Purpose"))
        require_reading(actor, act=self._act, subject=caller.subject)
        return caller


class Limiter:
    """A bucket of requests per credential, refilled at ``API_RATE`` a second; each web process has its own."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[UUID, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, credential: UUID) -> None:
        """Take one request.

        Raises:
            Busy: the bucket is empty.
        """
        rate = settings.API_RATE
        if rate <= 0:
            return
        now, most = time.monotonic(), max(1.0, rate * settings.API_BURST)  # else a slow rate would let nobody in, ever
        with self._lock:
            held, then = self._buckets.pop(credential, (most, now))
            held = min(most, held + (now - then) * rate)
            self._buckets[credential] = (held - 1 if held >= 1 else held, now)  # a refused one takes nothing
            while len(self._buckets) > _KEPT:
                self._buckets.popitem(last=False)
        if held < 1:
            raise Busy(max(1, round((1 - held) / rate)))


limiter: Final = Limiter()


def caller_of(request: HttpRequest) -> Caller:
    """The caller that :class:`Bearer` found."""
    found = getattr(request, "auth", None)
    assert isinstance(found, Caller)
    return found
