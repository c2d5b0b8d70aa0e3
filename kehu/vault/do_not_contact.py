"""Addresses that a list says are not to be written to: keyed hashes, of nobody in particular, so that no erasure lifts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

LOOKED_AT: Final = 100_000
"""Entries of a list that are counted; an address has one by each medium."""
# names from one to the next in the index, or all entries would be read for them
_LISTS: Final = """
with recursive names as (
    (select list from do_not_contact order by list limit 1)
    union all
    select (select d.list from do_not_contact d where d.list > n.list order by d.list limit 1) from names n
        where n.list is not null)
select n.list, x.addresses, x.since, x.entries > %s from names n cross join lateral (
    select count(distinct e.token) as addresses, min(e.since) as since, count(*) as entries from (
        select d.token, d.since from do_not_contact d where d.list = n.list limit 1 + %s) e) x
where n.list is not null order by 1
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says of an address. ``topic`` empty: everything that is advertising."""

    medium: str
    topic: str
    list: str
    since: datetime


def keep(connection: Connection[Any], tokens: Iterable[int], media: Sequence[str], topic: str, list_: str) -> int:
    """Put addresses on a list; returns how many entries are new. What stands on it already keeps its day."""
    wanted = sorted(set(tokens))
    return connection.execute(
        "insert into do_not_contact (token, medium, topic, list) select t, m, %s, %s from unnest(%s::bigint[]) as u (t),"
        " unnest(%s::text[]) as v (m) on conflict do nothing",
        (topic, list_, wanted, list(media)),
    ).rowcount


def listed(connection: Connection[Any], tokens: Iterable[int]) -> dict[int, list[Listed]]:
    """Of these search tokens, those that stand on lists, with what each says, the first that did so first."""
    if connection.execute("select 1 from do_not_contact limit 1").fetchone() is None:
        return {}
    found: dict[int, list[Listed]] = {}
    for token, medium, topic, name, since in connection.execute(
        "select token, medium, topic, list, since from do_not_contact where token = any (%s) order by since, list",
        (sorted(set(tokens)),),
    ).fetchall():
        found.setdefault(int(token), []).append(Listed(medium, topic, name, since))
    return found


def forget(connection: Connection[Any], list_: str) -> int:
    """Take a list away; returns how many entries it had. What it stopped stays stopped: only customers lift that."""
    return connection.execute("delete from do_not_contact where list = %s", (list_,)).rowcount


def lists(connection: Connection[Any]) -> list[tuple[str, int, datetime, bool]]:
    """Each list with how many addresses stand on it, since when, and whether it has more entries than are looked at.

    One of a whole country has millions: of so long a one :data:`LOOKED_AT` entries are counted, and it has at least so many.
    """
    rows = connection.execute(_LISTS, (LOOKED_AT, LOOKED_AT)).fetchall()
    return [(str(name), int(count), since, bool(more)) for name, count, since, more in rows]
