"""Suppression and do-not-call lists: brought in as a file, kept as keyed hashes, in force at once on whoever is here.

An address of the file is kept nowhere: what is kept tells whether one that comes later is the same, and nothing else.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import Connection

from kehu.collect.readers import Batch, open_source
from kehu.govern.consent import retried
from kehu.govern.slugs import PURPOSES
from kehu.govern.subscriptions import suppress_all
from kehu.govern.topics import topic_named
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.suppress import topics_of
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act, record_acts
from kehu.refine.clean import VALID, exact_key
from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.phones import normal_phone
from kehu.serve.rights.office import require
from kehu.vault import do_not_contact
from kehu.vault.ids import new_id
from kehu.vault.plans import by_index
from kehu.vault.settling import settle_index

MEDIA: Final = {"email": ("email",), "phone": ("sms", "phone")}
"""By which media an address of a kind is written to."""
_LONGEST: Final = 40
_AT_ONCE: Final = 200
"""Customers stopped in one transaction. Each looks its word up among those of all, so that more cost by the square."""
_KNOWN: Final = """
select distinct r.subject from unnest(%(tokens)s::bigint[]) as t (token) cross join lateral (
    select x.subject from record x where x.tokens @> array[t.token] and not x.hidden) r order by 1
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


@dataclass(frozen=True, slots=True)
class List:
    """A list that is here."""

    name: str
    addresses: int
    since: datetime


def bring(
    path: Path,
    name: str,
    *,
    actor: Actor,
    medium: str = "",
    topic: str = "",
    country: str = "",
    progress: Callable[[int], None] | None = None,
) -> Brought:
    """Bring a list in: every cell that is an email address or phone number counts. It acts on the next message.

    Args:
        path: a file of any kind that an import reads.
        name: of the list, as it is named beside whatever it stops.
        actor: who brings it.
        medium: one medium alone; empty: each by which such an address is written to.
        topic: one topic alone; empty: everything that is advertising.
        country: of numbers without a country; empty: only those that name one count.
        progress: called with how many rows are done.
    Raises:
        Refused: the role may not.
        UnreadableSource: the file cannot be read.
        ValueError: no such medium or topic, or no name.
    """
    require("subscribe", actor)
    if not 0 < len(name.strip()) <= _LONGEST or medium not in ("", *(one for held in MEDIA.values() for one in held)):
        raise ValueError(f"list: a name of 1 to {_LONGEST} characters; medium: email, sms or phone")
    if topic:
        topic_named(topic)
    with transaction.atomic():
        record_act("subscribe", None, actor=actor)
    rows = addresses = new = unread = 0
    customers: set[UUID] = set()
    for batch in open_source(path, header=False).batches():
        found = _addresses(batch, country or None)
        rows += batch.frame.height + len(batch.bad)
        unread += batch.frame.height + len(batch.bad) - found.rows
        for kind, tokens in found.tokens.items():
            media = [one for one in MEDIA[kind] if medium in ("", one)]
            if not media or not tokens:
                continue
            addresses += len(tokens)
            with transaction.atomic():
                new += do_not_contact.keep(_raw(), tokens, media, topic, name.strip())
            customers |= _stop(tokens, media, topic, name.strip(), actor)
        if progress:
            progress(rows)
    return Brought(rows, addresses, new, unread, len(customers))


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


def _addresses(batch: Batch, country: str | None) -> _Found:
    """Tokens of the addresses of a batch, by kind, and how many rows held one."""
    search = installation().tokens.search
    found: dict[str, set[int]] = {kind: set() for kind in MEDIA}
    rows = 0
    for row in batch.frame.drop("line").iter_rows():
        held = False
        for kind, normal in _normal((cell for cell in row if cell is not None), country):
            found[kind].add(search(kind, "exact", exact_key(normal, kind)))
            held = True
        rows += held
    return _Found(found, rows)


def _normal(cells: Iterable[str], country: str | None) -> Iterable[tuple[str, str]]:
    for cell in cells:
        if "@" in cell:
            address = normal_email(cell)
            if address is not None:
                yield "email", address
            continue
        number, status = normal_phone(cell, country)
        if number is not None and status == VALID:
            yield "phone", number


def _stop(tokens: set[int], media: Sequence[str], topic: str, name: str, actor: Actor) -> set[UUID]:
    """Suppress whoever is here with one of these addresses; returns whom, by origin subject."""
    keys = list(itertools.product(media, topics_of(topic)))
    purpose = PURPOSES["rights-request"] if actor.purpose else None

    def stop(share: Sequence[UUID]) -> list[UUID]:
        with by_index(_raw()):
            found = suppress_all(share, keys, way=name, recorded_by=actor.staff, ids=iter(new_id, None))
        if found:
            record_acts("subscribe", found, actor=actor, purpose=purpose)
        return found

    settle_index(_raw())  # each look-up reads all that is not settled, and there are thousands
    with transaction.atomic(), by_index(_raw()):
        here = [subject for (subject,) in _raw().execute(_KNOWN, {"tokens": sorted(tokens)}).fetchall()]
    shares = (here[start : start + _AT_ONCE] for start in range(0, len(here), _AT_ONCE))
    return {subject for share in shares for subject in retried(functools.partial(stop, share))}


def _raw() -> Connection[Any]:
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    return raw
