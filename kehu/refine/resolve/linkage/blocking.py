"""Candidate pairs: records that share a key under some rule, within a budget of pairs.

A key that very many records share (a postcode, a common name) says little and would square the work. Each rule may
propose so many pairs; its largest blocks are left to the other rules. No rule depends on a data set.
"""

from __future__ import annotations

from typing import Final

import duckdb

from kehu.refine.resolve.compare.features import Features, Kind

# Strictest first. A word is a feature column, or SQL over one; `{first}` and `{last}` are the sounds of the name.
_PERSON_RULES: Final = (
    "national_id",
    "name, birth",
    "email",
    "phone",
    "tokens, postal",
    "{first}, {last}",
    "tokens",
    "{last}, birth",
    "{first}, birth",
    "birth, postal",
    "{last}, birth[1:4], {first}[1:1]",
    "{last}, postal",
    "{first}, postal",
    "{last}[1:4], birth[1:4], {first}[1:2]",
    "{first}, birth[5:8], birth[1:3]",
    "house_number, street",
    "street, postal",
    "birth, locality",
    "mailbox",
    "birth, birth_place",
    "{last}, birth_place",
    "postal, birth_place, occupation",
    "birth",
    "{last}, birth[5:8]",
    "tokens[1:6], birth[1:4]",
    "{last}, locality",
    "street, {first}",
    "locality, {first}, region",
    "birth[1:4], birth_place, occupation",
    "{first}, birth_place, birth[1:4]",
    "{first}, birth_place, occupation",
    "{first}, birth[1:4], occupation",
    "{last}, {first}[1:1]",
    "postal, birth_place",
    "{last}, occupation",
    "{first}, birth_place",
    "birth[1:4], birth_place",
    "{last}[1:4], birth_place",
    "postal",
    "{first}, {last}[1:3]",
    "{first}, {last}[-3:]",
)
_ORGANISATION_RULES: Final = (
    "registration_number",
    "name",
    "tokens",
    "phone",
    "email",
    "name_s[1:8], postal",
    "name_s[1:5], locality",
    "house_number, street, postal",
    "name_s[1:6]",
)
PAIRS_PER_RECORD: Final = 10
ALL_PAIRS_UP_TO: Final = 12  # so few records are all compared with each other
LEAST_BUDGET: Final = 4_000_000
LARGEST_BLOCK: Final = 400


def rules_of(kind: Kind, *, wide: bool) -> list[list[str]]:
    """The columns, or parts of them in SQL, that records share under each rule, strictest first."""
    sounds = {"first": "first_s", "last": "last_s"} if wide else {"first": "first", "last": "last"}
    rules = _PERSON_RULES if kind == "person" else _ORGANISATION_RULES
    return [rule.format_map(sounds).split(", ") for rule in rules]


def keys_sql(features: Features, kind: Kind) -> list[str]:
    """The key of a record under each rule as SQL; null where it lacks a column."""
    keys = []
    for number, parts in enumerate(rules_of(kind, wide=features.wide)):
        if {part.split("[")[0] for part in parts} <= features.columns:
            present = " AND ".join(f"{part} IS NOT NULL" for part in parts)
            keys.append(f"CASE WHEN {present} THEN hash({number}, {', '.join(parts)}) END")
    return keys


def block(connection: duckdb.DuckDBPyConnection, features: Features, kind: Kind) -> int:
    """Make table `block` (key, id) from table `feature`; returns the most pairs it can propose, doubles counted."""
    connection.execute("CREATE OR REPLACE TABLE block (key UBIGINT, id INTEGER)")
    if (few := len(features.records)) <= ALL_PAIRS_UP_TO:
        connection.execute("INSERT INTO block SELECT 0, id FROM feature")
        return few * (few - 1) // 2
    keys = keys_sql(features, kind)
    budget = max(LEAST_BUDGET, PAIRS_PER_RECORD * len(features.records))
    total = 0
    for number, key in enumerate(keys):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS SELECT {key} AS key, id FROM feature")
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE sized AS SELECT key, count(*) AS size FROM keyed WHERE key IS NOT NULL "
            f"GROUP BY key HAVING size BETWEEN 2 AND {LARGEST_BLOCK}"
        )
        # What strict rules leave over goes to the looser ones.
        largest, pairs = _largest_block(connection, (budget - total) // (len(keys) - number))
        total += pairs
        connection.execute(
            "INSERT INTO block SELECT key, id FROM keyed SEMI JOIN (FROM sized WHERE size <= ?) USING (key)", [largest]
        )
    connection.execute("DROP TABLE IF EXISTS keyed; DROP TABLE IF EXISTS sized")
    return total


def _largest_block(connection: duckdb.DuckDBPyConnection, allowance: int) -> tuple[int, int]:
    """The size up to which all blocks of `sized` together stay within the allowance, and their pairs."""
    [(largest, pairs)] = connection.execute(
        "SELECT max(size), max(pairs) FROM ("
        "SELECT size, sum(count(*) * size * (size - 1) // 2) OVER (ORDER BY size) AS pairs FROM sized GROUP BY size"
        ") WHERE pairs <= ?",
        [max(allowance, 0)],
    ).fetchall()
    return int(largest or 0), int(pairs or 0)


def propose(connection: duckdb.DuckDBPyConnection, part: int, parts: int) -> None:
    """Make table `pair` (match_key, join_key_l, join_key_r): one share of the distinct candidate pairs, l before r."""
    connection.execute(
        "CREATE OR REPLACE TABLE pair AS SELECT DISTINCT '0' AS match_key, l.id AS join_key_l, r.id AS join_key_r "
        "FROM block AS l JOIN block AS r ON l.key = r.key AND l.id < r.id WHERE l.id % ? = ?",
        [parts, part],
    )
