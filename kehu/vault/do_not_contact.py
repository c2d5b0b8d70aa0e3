"""Addresses that a list says are not to be written to: keyed hashes, of nobody in particular, so that no erasure lifts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection


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


def lists(connection: Connection[Any]) -> list[tuple[str, int, datetime]]:
    """Each list with how many addresses stand on it, and since when."""
    rows = connection.execute(
        "select list, count(distinct token), min(since) from do_not_contact group by list order by list"
    ).fetchall()
    return [(str(name), int(count), since) for name, count, since in rows]
