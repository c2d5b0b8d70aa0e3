"""Channels that send by themselves, one package each: how it is spoken to (``answer``) and what it says (``read``).

A new one is a package here with a ``KIND`` in its ``__init__``; it is found by being here, and nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson

MOST_BODY: Final = (4 << 20) + (128 << 10)
"""Bytes of a request's body, unpacked as well as packed: 4 MB of messages, and the one with which a client sees that it is full."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire. Names of headers are lower-case; ``path`` has no trailing slash."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a reader knows of its channel: our fields and purposes by the sender's words for them.

    ``told``: whether everybody was told by a notice and no consent is the ground, so that what came before counts.
    """

    fields: Mapping[str, str]
    consents: Mapping[str, str]
    residence: str
    told: bool = False


@dataclass(slots=True)
class Brought:
    """One row that a message becomes.

    Attributes:
        kind: ``customers``, ``organisations``, ``orders`` or ``interactions``.
        values: our fields as given; what is absent is left out.
        own: the message's id, by which an event is told from another.
        residence: a country, else "".
        consents: purpose to yes or no, as the person said it with this message.
        said_at: when they said it, ISO 8601.
        joins: another name of the same customer, under which they may wait.
        at: the sender's own time of what it says, ISO 8601 with a zone; None: as it came. What it said later counts.
        message: its place among the messages of its request.
    """

    kind: str
    values: dict[str, str]
    own: str
    residence: str = ""
    consents: dict[str, bool] = field(default_factory=dict)
    said_at: str | None = None
    joins: str | None = None
    at: str | None = None
    message: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks of another register than the records; a hand of that name carries it out (``inbox.hands``).

    Attributes:
        hand: its name.
        customer: the sender's id of the customer; None: it names none.
        said: what it says, for the hand.
        message: its place among the messages of its request.
        besides: parts of the message that another hand carries out: where this one is refused they do not wait with it.
        subject: who is meant, where the message says it by our own id.
    """

    hand: str
    customer: str | None
    said: Mapping[str, str] = field(repr=False)
    message: int = 0
    besides: tuple[str, ...] = ()
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that cannot be understood, with why: it goes to quarantine as it came.

    ``customer``: the sender's id of whom it is about, as far as it tells; by it an erasure finds it.
    """

    message: int
    reason: str
    customer: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Reading:
    """What the messages of a request become; ``unread`` counts names that no field has."""

    rows: list[Brought] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    refused: list[Unreadable] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)


def _as_it_was(message: Any, channel: int) -> Any:
    del channel
    return {"m": [message]}


def _whole(message: Any) -> list[Any]:
    return [message]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of channel.

    Attributes:
        name: as `kehu channel add --kind` takes it.
        prefixes: paths it answers, as whole segments.
        answer: from a request to a response; whatever it accepts is durable when it returns.
        messages: the messages of an envelope it stored, in their order.
        read: what those at the given places become.
        basis: the lawful basis that is assumed until somebody says another.
        signed: whether its sender signs with a secret that both hold (``kehu channel secret``).
        form_of_secret: lets on secrets written as this kind's are; raises ValueError with a word on how.
        mapped: whether a file says how its messages are read (``kehu channel mapping``).
        check: settings from the file's content, where they are others than a webhook's; raises SettingsRefused.
        page: where people go to it, before its id; empty: programs alone do.
        labels: what people call it, by language; without them it stands by its name.
        again: an envelope of one message that was refused, as it is read now; the second argument is the channel's id.
            Raises ValueError where it can be no message of that channel.
        apart: a message that cannot be taken in, as the messages that it is set aside as: each lies by itself.
        brings_again: whether it may bring again whatever it ever brought, as a mailbox does that is built anew. Its messages
            carry their id as ``own``; by that one that was refused stays known, whatever becomes of it in quarantine.
    """

    name: str
    prefixes: tuple[str, ...]
    answer: Callable[[Request], Response]
    messages: Callable[[Any], list[Any]]
    read: Callable[[Any, datetime, list[int], Terms], Reading]
    basis: str = "consent"
    signed: bool = False
    form_of_secret: Callable[[str], None] | None = None
    mapped: bool = False
    check: Callable[[bytes], dict[str, Any]] | None = None
    page: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    again: Callable[[Any, int], Any] = _as_it_was
    apart: Callable[[Any], list[Any]] = _whole
    brings_again: bool = False


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind of channel that is here, by name."""
    return {kind.name: kind for kind in _found()}


def kind_of_path(path: str) -> Kind | None:
    """The kind that answers a path."""
    for prefix, below, kind in _prefixes():
        if path == prefix or path.startswith(below):
            return kind
    return None


@cache
def _prefixes() -> list[tuple[str, str, Kind]]:
    return [(prefix, f"{prefix}/", kind) for kind in kinds().values() for prefix in kind.prefixes]


def _found() -> Iterator[Kind]:
    for module in pkgutil.iter_modules(__path__):
        held = importlib.import_module(f"{__name__}.{module.name}")
        yield held.KIND


def problem(status: int, code: str, message: str, *headers: tuple[str, str]) -> Response:
    """An error as senders know it: a code for programs, a sentence for people."""
    return Response(status, orjson.dumps({"code": code, "message": message}), headers)
