"""What a worker of Spark does in a linkage: from Arrow batches to Arrow batches, in memory only.

Each runs the very functions and SQL of the linkage in one process, in a DuckDB of its own that spills nowhere. What is
said of a key holds within a partition: all who stand under it are in one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import duckdb
import polars as pl
import pyarrow as pa

from kehu.refine.resolve.compare.conditions import ALIASED
from kehu.refine.resolve.compare.features import Kind, fold_many, in_foreign_letters
from kehu.refine.resolve.compare.guards import Guards
from kehu.refine.resolve.compare.model import Model
from kehu.refine.resolve.compare.whole import everything
from kehu.refine.resolve.linkage.blocking import LARGEST_BLOCK
from kehu.refine.resolve.linkage.edges import at_most_sql, edges_sql, heavy_sql, weight_sql
from kehu.refine.resolve.linkage.link import connect

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator

WORKER_MEMORY: Final = "1GB"  # of DuckDB
STANDS: Final = "rule smallint, key bigint, id bigint"
"""Schema: who stands under which key of which rule."""
EDGE: Final = "l bigint, r bigint, weight double, sure boolean, household boolean, shown boolean, never boolean"
"""Schema: :class:`kehu.refine.resolve.linkage.edges.Weighed`."""
FOREIGN: Final = "foreign_letters"
"""Column: whether the name of a record is in other letters than Latin ones."""


def folded(batches: Iterator[pa.RecordBatch], kind: Kind) -> Iterator[pa.RecordBatch]:
    """Every feature there is of each record, by its number, and :data:`FOREIGN`."""
    every = sorted(everything(kind, wide=True).columns - {"id"})
    for batch in batches:
        records = pl.DataFrame(pl.from_arrow(pa.table(batch)))
        features = fold_many(records.drop("id"), kind, wide=True)
        cells = [features[name] if name in features.columns else pl.lit(None, pl.String).alias(name) for name in every]
        foreign = in_foreign_letters(features).alias(FOREIGN)
        yield from records.select("id", foreign, *cells).to_arrow().to_batches()


def keyed(batches: Iterator[pa.RecordBatch], keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The keys of each record; ``keys``: of :func:`kehu.refine.resolve.linkage.blocking.keys_sql`."""
    query = " UNION ALL ".join(
        f"SELECT {rule}::SMALLINT AS rule, {_signed(key)} AS key, id FROM batch WHERE key IS NOT NULL"
        for rule, key in enumerate(keys)
    )
    with _worker() as connection:
        for batch in batches:
            connection.register("batch", pa.table(batch))
            yield from _answered(connection, query)
            connection.unregister("batch")


def sized(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Who shares a key with others, and with how many; not where they are very many."""
    with _worker() as connection:
        if (table := _whole(batches)) is not None:
            connection.register("batch", table)
            yield from _answered(
                connection,
                "SELECT rule, key, id, size FROM batch JOIN (SELECT rule, key, count(*) AS size FROM batch GROUP BY ALL"
                f" HAVING size BETWEEN 2 AND {LARGEST_BLOCK}) USING (rule, key)",
            )


def edge_statements(model: Model, held: Guards, keys: Sequence[str]) -> tuple[str, ...]:
    """What finds the edges among records in table `batch`: each there once for each of its keys that are worth their pairs.

    Which these are is in `kept`, a bit for each rule.
    """
    weights = at_most_sql(model, *ALIASED), weight_sql(model, *ALIASED)
    held_keys = ", ".join(
        f"CASE WHEN kept >> {rule} & 1 = 1 THEN {_signed(key)} END AS key_{rule}" for rule, key in enumerate(keys)
    )
    first = " ".join(f"WHEN l.key_{rule} = r.key_{rule} THEN {rule}" for rule in range(len(keys)))
    return (
        "CREATE TABLE feature AS SELECT DISTINCT ON (id) * EXCLUDE (rule, key) FROM batch",
        "CREATE VIEW weighable AS FROM feature",
        f"CREATE TABLE under AS SELECT rule, key, held.* FROM batch JOIN (SELECT id, {held_keys} FROM feature) AS held USING (id)",
        # a pair that shares several keys stands under the strictest of them alone
        "CREATE TABLE pair AS SELECT l.id AS join_key_l, r.id AS join_key_r FROM under AS l JOIN under AS r"
        f" ON l.rule = r.rule AND l.key = r.key AND l.id < r.id WHERE CASE {first} END = l.rule",
        f"CREATE TABLE likely AS {heavy_sql(weights[0], 'pair')}",
        f"CREATE TABLE heavy AS {heavy_sql(weights[1], 'likely')}",
        edges_sql(model, held),
    )


def weighed(
    batches: Iterator[pa.RecordBatch], statements: Sequence[str], paired: Accumulator[int]
) -> Iterator[pa.RecordBatch]:
    """The edges among the records under each key, by :func:`edge_statements`; ``paired`` counts the pairs."""
    *steps, asked = statements
    with _worker() as connection:
        if (table := _whole(batches)) is not None:
            connection.register("batch", table)
            for step in steps:
                connection.execute(step)
            paired += connection.table("pair").shape[0]
            yield from _answered(connection, asked)


def _signed(key: str) -> str:
    return f"(({key}) >> 1)::BIGINT"  # Spark knows no unsigned numbers


def _whole(batches: Iterator[pa.RecordBatch]) -> pa.Table | None:
    held = list(batches)
    return pa.Table.from_batches(held) if held else None


def _answered(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    yield from connection.sql(query).to_arrow_table().combine_chunks().to_batches()


@contextlib.contextmanager
def _worker() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(WORKER_MEMORY) as connection:
        connection.execute("SET threads = 1")
        # Pushed down through the projection, a threshold would compute each comparison twice.
        connection.execute("SET disabled_optimizers = 'filter_pushdown'")
        yield connection
