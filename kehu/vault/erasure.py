"""Taking a person out of the vault: what is read before, what goes, and the keyed hashes that keep them from returning.

The destruction of the key is the erasure; rows are deleted besides (docs/decisions/0004). Nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.vault.tokens import Tokens

TABLES: Final = ("facet", "record", "record_repeat", "source_key", "identity_key", "subject_state", "subject_key")


@dataclass(frozen=True, slots=True)
class SealedFacet:
    """One ciphertext and the provenance of its record."""

    subject: UUID
    record: UUID
    category: int
    version: int
    sealed: bytes = field(repr=False)
    kind: int
    channel: int
    controller: int
    basis: int
    notice: int


def lock_subjects(connection: Connection[Any], subjects: Sequence[UUID]) -> None:
    """Hold state and key of these origin subjects until the transaction ends; waits for reads in flight."""
    for table in ("subject_state", "subject_key"):
        connection.execute(
            f"select 1 from {table} where subject = any (%s) order by subject for update", (list(subjects),)
        )


def sealed_facets(connection: Connection[Any], subjects: Sequence[UUID]) -> list[SealedFacet]:
    """Every ciphertext of these origin subjects."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "select f.subject, f.record, f.category, f.version, f.sealed, r.kind, r.channel, r.controller, r.basis,"
            " r.notice from facet f join record r on r.subject = f.subject and r.id = f.record"
            " where f.subject = any (%s) order by f.subject, f.record, f.category",
            (list(subjects),),
        )
        return [SealedFacet(*row) for row in cursor]


def count_rows(connection: Connection[Any], subjects: Sequence[UUID]) -> dict[str, int]:
    """Rows of each of the vault's tables."""
    asked = ", ".join(f"(select count(*) from {table} where subject = any (%(who)s))" for table in TABLES)
    row = connection.execute(f"select {asked}", {"who": list(subjects)}).fetchone()
    assert row is not None
    return dict(zip(TABLES, (int(count) for count in row), strict=True))


def tombstone_tokens(connection: Connection[Any], tokens: Tokens, subjects: Sequence[UUID]) -> list[bytes]:
    """Keyed hashes of the subjects' ids and of every key a record of theirs came under."""
    rows = connection.execute("select token from source_key where subject = any (%s)", (list(subjects),)).fetchall()
    return sorted({tokens.subject(subject.bytes) for subject in subjects} | {bytes(row[0]) for row in rows})


def write_tombstones(
    connection: Connection[Any], tombstones: Iterable[bytes], certificate: UUID, *, until: date
) -> None:
    """Keep the keyed hashes of somebody erased until a day. One that stands already stays as it is."""
    connection.execute(
        "insert into tombstone (token, certificate, until) select t, %s, %s from unnest(%s::bytea[]) as u (t)"
        " on conflict (token) do nothing",
        (certificate, until, list(tombstones)),
    )


def destroy(connection: Connection[Any], subjects: Sequence[UUID]) -> dict[str, int]:
    """Delete everything of these origin subjects, the keys (and ledger salts) last; returns rows by table."""
    gone: dict[str, int] = {}
    for table in TABLES:
        gone[table] = connection.execute(f"delete from {table} where subject = any (%s)", (list(subjects),)).rowcount
    return gone


@dataclass(frozen=True, slots=True)
class Suppressions:
    """Addresses that must not be written to again, as keyed hashes: for which purposes, or for any sale; until when."""

    tokens: tuple[int, ...] = field(repr=False)
    purposes: tuple[int, ...]
    opted_out: bool
    until: date


def write_suppressions(connection: Connection[Any], kept: Suppressions, certificate: UUID) -> int:
    """Keep keyed hashes of addresses that must not be written to again; what stands under the certificate only grows.

    An address that another erasure keeps, too, stands once for each: each has its own end.
    """
    if not kept.tokens or not (kept.purposes or kept.opted_out):
        return 0
    connection.execute(
        "insert into suppression (token, purposes, opted_out, certificate, until)"
        " select t, %(purposes)s::smallint[], %(out)s, %(certificate)s, %(until)s from unnest(%(tokens)s::bigint[]) as u (t)"
        " on conflict (token, certificate) do update set opted_out = suppression.opted_out or excluded.opted_out,"
        " until = greatest(suppression.until, excluded.until), purposes = array(select distinct p from"
        " unnest(suppression.purposes || excluded.purposes) as v (p) order by p)",
        {
            "tokens": sorted(set(kept.tokens)), "purposes": sorted(kept.purposes), "out": kept.opted_out,
            "certificate": certificate, "until": kept.until,
        },
    )  # fmt: skip
    return len(set(kept.tokens))


def suppressions_of(connection: Connection[Any], certificate: UUID) -> Suppressions | None:
    """What an erasure keeps from being written to, as it stands; None where nothing does."""
    rows = connection.execute(
        "select token, purposes, opted_out, until from suppression where certificate = %s order by token",
        (certificate,),
    ).fetchall()
    if not rows:
        return None
    purposes = {purpose for row in rows for purpose in row[1]}
    return Suppressions(
        tuple(row[0] for row in rows), tuple(sorted(purposes)), any(row[2] for row in rows), max(row[3] for row in rows)
    )


def suppressed(connection: Connection[Any], tokens: Iterable[int]) -> dict[int, tuple[list[int], bool]]:
    """Of these search tokens, those that stand for a suppressed address: purposes objected to, opted out of sale."""
    if connection.execute("select 1 from suppression limit 1").fetchone() is None:
        return {}
    rows = connection.execute(
        "select token, coalesce(array_agg(distinct p) filter (where p is not null), '{}'), bool_or(opted_out)"
        " from suppression left join lateral unnest(purposes) as u (p) on true where token = any (%s) group by token",
        (sorted(set(tokens)),),
    ).fetchall()
    return {int(row[0]): (list(row[1]), bool(row[2])) for row in rows}
