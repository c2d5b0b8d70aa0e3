"""Suppression and do-not-call lists: brought in as a file, kept as keyed hashes, in force at once on whoever is here.

An address of the file is kept nowhere: what is kept tells whether one that comes later is the same, and nothing else.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from phonenumbers import SUPPORTED_REGIONS
from psycopg import Connection

from kehu.collect.readers import Batch, Source, open_source
from kehu.govern.parts import retried
from kehu.govern.slugs import PURPOSES
from kehu.govern.subscriptions import suppress_all
from kehu.govern.topics import topic_named
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.suppress import ListedOne, due, topics_of
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act, record_acts
from kehu.refine.clean import VALID, exact_key
from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.phones import normal_phone
from kehu.refine.clean.text import normal_string
from kehu.refine.derive.smallest import smallest_group
from kehu.serve.rights.office import require
from kehu.vault import do_not_contact
from kehu.vault.ids import new_id
from kehu.vault.plans import by_index
from kehu.vault.settling import settle_index

MEDIA: Final = {"email": ("email",), "phone": ("sms", "phone")}
"""By which media an address of a kind is written to."""
LONGEST: Final = 40
"""Characters of a list's name."""
_BETWEEN: Final = re.compile(r"[;,|\n；，、]")
_AT_ONCE: Final = 200
"""Customers stopped in one transaction. Each looks its word up among those of all, so that more cost by the square."""
_KNOWN: Final = """
select distinct r.subject from unnest(%(tokens)s::bigint[]) as t (token) cross join lateral (
    select x.subject from record x where x.tokens @> array[t.token] and not x.hidden) r order by 1
"""
# Of whoever subscribed to anything: each address of theirs that this list names, with the day.
_SUBSCRIBED: Final = """
select u.subject, d.medium, d.since, d.token from unnest(%(subjects)s::uuid[]) as u (subject)
    cross join lateral (select exists (select 1 from subject_state s
        join subject_state p on p.customer = s.customer and p.core = s.core
        join govern_subscription g on g.subject = p.subject
        where s.subject = u.subject and g.status = 'subscribed') as so offset 0) g
    join record r on g.so and r.subject = u.subject and not r.hidden
    join do_not_contact d on d.token = any (r.tokens) and d.medium = any (%(media)s::text[]) and d.topic = %(topic)s
        and d.list = %(list)s
"""
_SHARE: Final = """
select count(distinct customer) filter (where subject = any (%s)), count(distinct customer) from subject_state where not hidden
"""


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a file: its rows, the addresses in them, those not on a list before, rows without an address, and the
    customers here who are not written to any more."""

    rows: int = 0
    addresses: int = 0
    new: int = 0
    unread: int = 0
    customers: int = 0


NOTHING: Final = Brought()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in a file; ``tenths`` of all customers stand on it, rounded down to whole smallest groups of them: an exact
    number, before anything stands in anybody's log, would tell of one address whether it is a customer's."""

    rows: int
    addresses: int
    unread: int
    tenths: int


@dataclass(frozen=True, slots=True)
class List:
    """A list that is here. ``more``: it has more entries than were counted, so at least so many addresses."""

    name: str
    addresses: int
    since: datetime
    more: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """What a list says.

    Attributes:
        name: of the list, as it is named beside whatever it stops.
        medium: one medium alone; empty: each by which such an address is written to.
        topic: one topic alone; empty: everything that is advertising.
        country: of numbers without a country; empty: only those that name one count.
    """

    name: str
    medium: str = ""
    topic: str = ""
    country: str = ""

    def checked(self) -> Scope:
        """The same, its name without blanks around it.

        Raises:
            ValueError: no such medium, topic or country, or no name.
        """
        name = self.name.strip()
        if not 0 < len(name) <= LONGEST or any(unicodedata.category(one) == "Cc" for one in name):
            raise ValueError(f"list: a name of 1 to {LONGEST} characters, none of them a control character")
        if self.medium not in ("", *(one for held in MEDIA.values() for one in held)):
            raise ValueError("medium: email, sms or phone")
        if self.topic:
            topic_named(self.topic)
        if self.country not in ("", *SUPPORTED_REGIONS):
            raise ValueError("country: two letters, as in ISO 3166")
        return replace(self, name=name)

    def media(self, kind: str) -> list[str]:
        """By which of an address of this kind nothing more goes."""
        return [one for one in MEDIA[kind] if self.medium in ("", one)]


def bring(
    path: Path, name: str, *, actor: Actor, progress: Callable[[int], None] | None = None, **scope: str
) -> Brought:
    """Bring a list in from a file of any kind that an import reads: every cell that is an email address or phone number counts.

    Args:
        scope: medium, topic and country, as of :class:`Scope`.
        progress: called with how many rows are done.
    Raises:
        Refused: the role may not.
        UnreadableSource: the file cannot be read.
        ValueError: no such medium, topic or country, or no name.
    """
    told = Scope(name, **scope).checked()
    source = open_source(path, header=False)
    return bring_from(source, told, actor=actor, told=lambda _, done: progress(done.rows) if progress else None)


def bring_from(
    source: Source,
    scope: Scope,
    *,
    actor: Actor,
    skip: int = 0,
    before: Brought = NOTHING,
    told: Callable[[int, Brought], None],
) -> Brought:
    """Bring a list in: it acts on the next message. A batch done again changes nothing.

    Args:
        skip: batches that are in force already; ``before``: what became of them.
        told: called after each batch with how many are in force, and what became of all.
    Raises:
        Refused: the role may not.
    """
    require("subscribe", actor)
    with transaction.atomic():
        record_act("subscribe", None, actor=actor)
    done, everybody = before, set[UUID]()
    for number, batch in enumerate(source.batches(), 1):
        if number <= skip:
            continue
        found = _addresses(batch, scope.country or None)
        addresses = new = 0
        customers = set[UUID]()
        for kind, tokens in found.tokens.items():
            media = scope.media(kind)
            if not media or not tokens:
                continue
            addresses += len(tokens)
            with transaction.atomic():
                new += do_not_contact.keep(_raw(), tokens, media, scope.topic, scope.name)
            customers |= _stop(tokens, media, scope, actor)
        done = Brought(
            done.rows + found.of, done.addresses + addresses, done.new + new, done.unread + found.of - found.rows,
            done.customers + len(customers - everybody),
        )  # fmt: skip
        everybody |= customers
        told(number, done)
    return done


def look(source: Source, scope: Scope, *, actor: Actor, told: Callable[[int], None]) -> Seen:
    """What a list would come to, before it acts; that somebody looked stands in the ledger.

    Args:
        told: called after each batch with how many rows were looked at.
    Raises:
        Refused: the role may not.
    """
    require("subscribe", actor)
    with transaction.atomic():
        record_act("subscribe", None, actor=actor)
    settle_index(_raw())
    rows = addresses = unread = 0
    here = set[UUID]()
    for batch in source.batches():
        found = _addresses(batch, scope.country or None)
        rows, unread = rows + found.of, unread + found.of - found.rows
        for kind, tokens in found.tokens.items():
            if scope.media(kind) and tokens:
                addresses += len(tokens)
                here.update(_known(tokens))
        told(rows)
    share, everybody = _raw().execute(_SHARE, [list(here)]).fetchone() or (0, 0)
    share -= share % smallest_group()
    return Seen(rows, addresses, unread, 10 * share // max(1, everybody))


def lists(*, actor: Actor) -> list[List]:
    """The lists that are here.

    Raises:
        Refused: the role may not.
    """
    require("subscribe", actor)
    connection.ensure_connection()
    return [List(*one) for one in do_not_contact.lists(_raw())]


@dataclass(frozen=True, slots=True)
class _Found:
    tokens: dict[str, set[int]]
    rows: int
    of: int


def _addresses(batch: Batch, country: str | None) -> _Found:
    """Tokens of the addresses of a batch, by kind, how many rows held one, and of how many."""
    search = installation().tokens.search
    found: dict[str, set[int]] = {kind: set() for kind in MEDIA}
    rows = 0
    for row in batch.frame.drop("line").iter_rows():
        held = False
        for kind, normal in _normal((cell for cell in row if cell is not None), country):
            found[kind].add(search(kind, "exact", exact_key(normal, kind)))
            held = True
        rows += held
    return _Found(found, rows, batch.frame.height + len(batch.bad))


def _normal(cells: Iterable[str], country: str | None) -> Iterator[tuple[str, str]]:
    """The addresses in these cells, each with its kind; in one cell there may be several, and each of them counts."""
    for cell in cells:
        for part in _BETWEEN.split(cell):
            yield from _within(normal_string(part), country)


def _within(part: str, country: str | None) -> list[tuple[str, str]]:
    """A stroke stands between two addresses or in the middle of a number (0755/83766666), blanks between two by email."""
    whole = _read(part, country)
    if whole is not None and (whole[0] == "email" or "/" not in part):
        return [whole]
    pieces = [piece for one in part.split("/") for piece in (one.split() if "@" in one else [one])]
    found = [read for piece in pieces if (read := _read(piece, country)) is not None] if len(pieces) > 1 else []
    return found if whole is None or len(found) == len(pieces) else [whole]


def _read(text: str, country: str | None) -> tuple[str, str] | None:
    if "@" in text:
        address = normal_email(text.strip())
        return ("email", address) if address is not None else None
    number, status = normal_phone(text.strip(), country)
    return ("phone", number) if number is not None and status == VALID else None


def _stop(tokens: set[int], media: Sequence[str], scope: Scope, actor: Actor) -> set[UUID]:
    """Suppress whoever is here with one of these addresses; returns whom, by origin subject."""
    keys = list(itertools.product(media, topics_of(scope.topic)))
    purpose = PURPOSES["rights-request"] if actor.purpose else None

    def stop(share: Sequence[UUID]) -> list[UUID]:
        with by_index(_raw()):
            found = suppress_all(
                share, keys, way=scope.name, recorded_by=actor.staff, ids=iter(new_id, None),
                spared=_spared(share, media, scope),
            )  # fmt: skip
        if found:
            record_acts("subscribe", found, actor=actor, purpose=purpose)
        return found

    settle_index(_raw())  # each look-up reads all that is not settled, and there are thousands
    here = _known(tokens)
    shares = (here[start : start + _AT_ONCE] for start in range(0, len(here), _AT_ONCE))
    return {subject for share in shares for subject in retried(functools.partial(stop, share))}


def _spared(share: Sequence[UUID], media: Sequence[str], scope: Scope) -> set[tuple[UUID, str]]:
    """Who subscribed, and to what, after this list named their address: said again, it is nothing new of them."""
    asked = {"subjects": list(share), "media": list(media), "topic": scope.topic, "list": scope.name}
    said = [
        ListedOne(subject, f"{medium}:{topic}", scope.name, since, token)
        for subject, medium, since, token in _raw().execute(_SUBSCRIBED, asked).fetchall()
        for topic in topics_of(scope.topic)
    ]
    return {(one.subject, one.key) for one in said} - {(one, key) for one, key, _ in due(_raw(), said)}


def _known(tokens: set[int]) -> list[UUID]:
    """The origin subjects that are here with one of these addresses, in order."""
    with transaction.atomic(), by_index(_raw()):
        return [subject for (subject,) in _raw().execute(_KNOWN, {"tokens": sorted(tokens)}).fetchall()]


def _raw() -> Connection[Any]:
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    return raw
