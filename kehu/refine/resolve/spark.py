"""Linkage on Spark, for what one machine's memory does not hold: the same steps, batch by batch of Arrow.

Folding, keys and weighing are functions from Arrow batches to Arrow batches; on a worker they run the very SQL that
:mod:`kehu.refine.resolve.link` runs, in a DuckDB of its own that spills nowhere. Spark does the shuffles between them:
who shares a key, how common a value is, both records of a pair side by side. Weights are learned on the driver of a
sample; edges come back to the driver and are grouped as everywhere.

What Spark shuffles or spills lies encrypted in a folder of the home, under keys that live in memory only, and goes with
the session. Settings: KEHU_SPARK_MASTER, KEHU_SPARK_MEMORY. Docs: decisions/0029.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kehu.refine.resolve.blocking import ALL_PAIRS_UP_TO, LARGEST_BLOCK, LEAST_BUDGET, PAIRS_PER_RECORD, keys_sql
from kehu.refine.resolve.cluster import Edge
from kehu.refine.resolve.conditions import ALIASED
from kehu.refine.resolve.edges import (
    Contradictions,
    Weighed,
    at_most_sql,
    chains,
    edges_sql,
    grouped,
    heavy_sql,
    weight_sql,
)
from kehu.refine.resolve.features import FIELDS, Features, Kind, prepare
from kehu.refine.resolve.guards import Guards, guards
from kehu.refine.resolve.link import LinkageFailed, LinkResult, Progress, connect, contradictions, learn, link
from kehu.refine.resolve.model import LEAST_RECORDS, Model
from kehu.refine.resolve.whole import says_wide

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import DataFrame, SparkSession

SAMPLE: Final = 200_000
"""Records that teach the weights; all, where there are no more."""
MASTER: Final = "local[2]"
MEMORY: Final = "2g"
_FOLDER: Final = "linkage-spark-"
_WORKER_MEMORY: Final = "1GB"  # of DuckDB
_SOUNDS: Final = ("first_s", "last_s", "first_b")  # features of a set where some name is not in Latin letters
_PARTS: Final = 16  # of a shuffle
_RECORDS_PER_PART: Final = 20_000
_ROWS_AT_ONCE: Final = 100_000  # compared by a worker: to plan its statements takes as long as a few thousand rows
_PART_BITS: Final = 33  # of a row's number within its partition, as monotonically_increasing_id makes it
_EDGE: Final = "l bigint, r bigint, weight double, sure boolean, household boolean, shown boolean, never boolean"


class SparkMissing(RuntimeError):
    """pyspark or Java 17 is not here: ``pip install 'kehu[spark]'``, and a Java runtime."""


def require() -> None:
    """See to it that Spark can begin, before anybody is opened for it.

    Raises:
        SparkMissing: pyspark or Java is not here.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing("pyspark")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise SparkMissing("java")


@contextlib.contextmanager
def session(home: Path) -> Iterator[SparkSession]:
    """A Spark session for one run; its folder in the home goes with it.

    Raises:
        SparkMissing: pyspark or Java is not here.
    """
    require()
    from pyspark.sql import SparkSession

    folder = tempfile.mkdtemp(prefix=_FOLDER, dir=home)
    try:
        builder = SparkSession.builder
        for name, value in settings(Path(folder)).items():
            builder = builder.config(name, value)
        with _environment(folder):
            held = builder.getOrCreate()
            held.sparkContext.setLogLevel("OFF")  # what fails is told by its class; a message may quote a value
            try:
                yield held
            finally:
                held.stop()
                _end_gateway()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings(folder: Path) -> dict[str, str]:
    """How a session is set up: what leaves a process's memory is encrypted, nothing is written down, nobody else listens."""
    master = os.environ.get("KEHU_SPARK_MASTER", MASTER)
    told = {
        "spark.master": master,
        "spark.app.name": "kehu",
        "spark.driver.memory": os.environ.get("KEHU_SPARK_MEMORY", MEMORY),
        "spark.io.encryption.enabled": "true",
        "spark.io.encryption.keySizeBits": "256",
        "spark.authenticate": "true",
        "spark.network.crypto.enabled": "true",
        "spark.eventLog.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={folder} -XX:-UsePerfData -XX:-HeapDumpOnOutOfMemoryError",
        "spark.sql.shuffle.partitions": str(_PARTS),
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
        "spark.sql.session.timeZone": "UTC",
    }
    if master.startswith("local"):
        told |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    return told


@contextlib.contextmanager
def _environment(folder: str) -> Iterator[None]:
    """Temporary files of Spark's Python side lie in the folder, too; no settings of the machine's own are read."""
    wanted = {"TMPDIR": folder, "SPARK_LOCAL_DIRS": folder, "SPARK_CONF_DIR": folder, "SPARK_LOCAL_IP": "127.0.0.1"}
    wanted["PYSPARK_PYTHON"] = sys.executable  # of the workers: the packages of this one
    if not os.environ.get("KEHU_SPARK_MASTER", MASTER).startswith("local"):
        del wanted["SPARK_LOCAL_IP"]
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    held, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = held
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _end_gateway() -> None:
    """End the Java process that the session started; else it would live as long as this one, and keep its folder."""
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway  # pyspark keeps it for the next session, which reads other settings
    if gateway is not None:
        gateway.shutdown()
        process = getattr(gateway, "proc", None)
        if process is not None:
            process.stdin.close()
            process.wait(20)
    of: Any = SparkContext
    of._gateway = of._jvm = None


def link_on_spark(
    table: pa.Table | DataFrame,
    *,
    spark: SparkSession,
    kind: Kind = "person",
    weights: Mapping[str, Any] | None = None,
    everybody: bool = False,
    progress: Progress | None = None,
) -> LinkResult:
    """:func:`kehu.refine.resolve.link.link` on Spark; a frame's columns are those of its table.

    Raises:
        LinkageFailed: a step went wrong; the message names it and the kind of error, never a value.
        ValueError: column `record` is missing or not unique.
    """
    from pyspark.errors import PySparkException

    broken: Any = sys.modules["py4j.protocol"].Py4JError  # what pyspark rests on, and brings
    started = time.perf_counter()
    run = _Run(spark, kind, weights, progress or (lambda _step, _share: None), everybody=everybody)
    try:
        if isinstance(table, pa.Table):
            if len(table) <= ALL_PAIRS_UP_TO:
                return link(table, kind=kind, weights=weights, everybody=everybody, progress=progress)
            known = ["record", *(name for name in FIELDS[kind] if name in table.column_names)]
            table = spark.createDataFrame(table.select(known))
        merges, proposals = run(table)
    except (broken, PySparkException, duckdb.Error) as error:
        raise LinkageFailed(f"{run.step}: {type(error).__name__}") from None
    run.report("done", 1.0)
    return LinkResult(merges, proposals, time.perf_counter() - started, run.model, run.pairs, run.learned)


class _Run:
    """One linkage on Spark: the steps in order, with what they hand on."""

    model: Model

    def __init__(
        self, spark: SparkSession, kind: Kind, weights: Mapping[str, Any] | None, report: Progress, *, everybody: bool
    ) -> None:
        self._spark = spark
        self._kind = kind
        self._weights = weights
        self._everybody = everybody
        self.report = report
        self.learned: Mapping[str, Any] | None = None
        self.pairs = 0
        self.step = "load"

    def __call__(self, incoming: DataFrame) -> tuple[list[list[str]], list[tuple[str, str, float]]]:
        self._begin("features", 0.0)
        folded, count, wide, columns = self._folded(incoming)
        self._begin("train", 0.15)
        self.model, self.learned = self._taught(folded, count, columns, wide)
        shape = self._shape(columns, wide, count)
        held = guards(shape, self._kind)
        self._begin("block", 0.3)
        blocks = self._blocks(folded, shape, count)
        self._begin("score", 0.4)
        found = self._weighed(folded, blocks, shape, held, count)
        self._begin("cluster", 0.9)
        groups, asked = grouped(found, lambda sure: self._kept_apart(folded, columns, held, sure))
        names = folded.select("id", "record").toArrow().sort_by("id")["record"]
        folded.unpersist()
        merges = [[names[one].as_py() for one in group] for group in groups]
        return merges, [(names[one].as_py(), names[two].as_py(), weight) for one, two, weight in asked]

    def _begin(self, step: str, share: float) -> None:
        self.step = step
        self.report(step, share)

    @staticmethod
    def _shape(columns: Sequence[str], wide: bool, count: int) -> Features:
        """Features of these columns, none of whose rows are looked at."""
        empty = {"id": pa.array([], pa.int32()), **{name: pa.array([], pa.string()) for name in columns}}
        return Features(pa.table(empty), [""] * min(count, LEAST_RECORDS), wide)

    def _folded(self, incoming: DataFrame) -> tuple[DataFrame, int, bool, list[str]]:
        """Folded records, numbered in the order of their names; how many, whether wide, and which columns any has."""
        from pyspark.sql import functions as sql

        if "record" not in incoming.columns:
            raise ValueError("linkage needs a column 'record'")
        kind, wide = self._kind, bool(self._weights) and says_wide(self._weights or {}, self._kind)
        ordered = incoming.sort("record").withColumn("id", sql.monotonically_increasing_id()).persist()
        seen = ordered.mapInArrow(
            lambda batches: _survey(batches, kind), "part bigint, size bigint, wide boolean, columns array<string>"
        ).collect()
        wide = wide or any(row.wide for row in seen)
        columns = sorted({name for row in seen for name in row.columns if wide or name not in _SOUNDS})
        begins, count = dict[int, int](), 0
        for row in sorted(seen, key=lambda row: row.part):
            begins[row.part] = begins.get(row.part, count)
            count += row.size
        schema = "id bigint, record string, " + ", ".join(f"{name} string" for name in columns)
        folded = ordered.mapInArrow(lambda batches: _fold(batches, kind, wide, columns, begins), schema).persist()
        if folded.select("record").distinct().count() != count:
            raise ValueError("column 'record' must be unique and without nulls")
        ordered.unpersist()
        return folded, count, wide, columns

    def _taught(
        self, folded: DataFrame, count: int, columns: Sequence[str], wide: bool
    ) -> tuple[Model, Mapping[str, Any] | None]:
        """The weights to link by; those of a few records are given, a sample of all teaches others."""
        if self._weights and not self._everybody:
            return learn(self._shape(columns, wide, count), self._kind, self._weights, everybody=False)
        sample = folded if count <= SAMPLE else folded.sample(SAMPLE / count, 1)
        table = sample.select("id", *columns).toArrow().sort_by("id")
        table = table.set_column(0, "id", pa.array(range(len(table)), pa.int32()))
        return learn(Features(table, [""] * len(table), wide), self._kind, self._weights, everybody=self._everybody)

    def _blocks(self, folded: DataFrame, shape: Features, count: int) -> DataFrame:
        """Who stands under which key, for keys that are worth their pairs: the budget of :mod:`blocking`."""
        from pyspark.sql import functions as sql

        rules = keys_sql(shape, self._kind)
        query = " UNION ALL ".join(
            # Spark knows no unsigned numbers
            f"SELECT {number}::SMALLINT AS rule, (key >> 1)::BIGINT AS key, id FROM (SELECT {key} AS key, id FROM batch)"
            " WHERE key IS NOT NULL"
            for number, key in enumerate(rules)
        )
        keyed = folded.mapInArrow(
            lambda batches: _queried(batches, query), "rule smallint, key bigint, id bigint"
        ).persist()
        sized = keyed.groupBy("rule", "key").agg(sql.count("*").alias("size"))
        sized = sized.where(f"size BETWEEN 2 AND {LARGEST_BLOCK}").persist()
        counts: dict[int, list[tuple[int, int]]] = {}
        for rule, size, number in sized.groupBy("rule", "size").count().collect():
            counts.setdefault(rule, []).append((size, number))
        largest = largest_blocks(counts, len(rules), max(LEAST_BUDGET, PAIRS_PER_RECORD * count))
        kept = " OR ".join(f"(rule = {rule} AND size <= {size})" for rule, size in largest.items()) or "false"
        return keyed.join(sized.where(kept).select("rule", "key"), ["rule", "key"])

    def _weighed(
        self, folded: DataFrame, blocks: DataFrame, shape: Features, held: Guards, count: int
    ) -> list[Weighed]:
        """The records under each key side by side, weighed on the workers; what is heavy enough comes back.

        A record goes out once for each of its keys, not once for each of its pairs, which are more, and through two shuffles.
        """
        from pyspark.sql import functions as sql

        rules = len(keys_sql(shape, self._kind))
        keys = [
            sql.max(sql.when(sql.col("rule") == rule, sql.col("key"))).alias(f"key_{rule}") for rule in range(rules)
        ]
        rows = blocks.groupBy("id").agg(*keys).join(self._with_shares(folded).drop("record"), "id")
        each = rows.select(
            "*", sql.posexplode(sql.array(*(f"key_{rule}" for rule in range(rules)))).alias("rule", "key")
        )
        keyed = each.where("key IS NOT NULL").repartition(max(_PARTS, count // _RECORDS_PER_PART), "key")
        keyed = keyed.sortWithinPartitions("key")
        paired = self._spark.sparkContext.accumulator(0)
        statements = _statements(self.model, held, rules)
        found = keyed.mapInArrow(lambda batches: _compared(batches, statements, paired), _EDGE).toArrow()
        self.pairs = paired.value
        return sorted(Weighed(*row) for row in zip(*(column.to_pylist() for column in found.columns), strict=True))

    def _with_shares(self, folded: DataFrame) -> DataFrame:
        """Folded records, and how common each value is whose rarity counts."""
        from pyspark.sql import functions as sql

        columns = self.model.rare
        if not columns:
            return folded
        stacked = ", ".join(f"'{name}', {name}" for name in columns)
        values = folded.selectExpr("id", f"stack({len(columns)}, {stacked}) AS (column, value)").where(
            "value IS NOT NULL"
        )
        counts = values.groupBy("column", "value").agg(sql.count("*").alias("size"))
        totals: dict[str, int] = dict(counts.groupBy("column").agg(sql.sum("size")).collect())
        told = values.join(counts, ["column", "value"])
        shares = told.groupBy("id").agg(
            *(
                sql.max(sql.when(sql.col("column") == name, sql.col("size") / totals.get(name, 1))).alias(
                    f"share_{name}"
                )
                for name in columns
            )
        )
        return folded.join(shares, "id", "left")

    def _kept_apart(
        self, folded: DataFrame, columns: Sequence[str], held: Guards, sure: Sequence[Edge]
    ) -> Contradictions:
        """Who of a chain contradicts whom, on the driver: chains are short, and few records are in one."""
        members = sorted(member for group in chains(sure) for member in group)
        wanted = self._spark.createDataFrame(pa.table({"id": pa.array(members, pa.int64())}))
        table = folded.join(wanted, "id", "left_semi").select("id", *columns).toArrow()
        with connect(_WORKER_MEMORY) as connection:
            connection.register("incoming", table)
            connection.execute("CREATE TABLE feature AS FROM incoming")
            return contradictions(connection, held, sure)


def largest_blocks(counts: Mapping[int, Sequence[tuple[int, int]]], rules: int, budget: int) -> dict[int, int]:
    """By rule the size up to which its blocks are worth their pairs; what strict rules leave over goes to the looser ones.

    Args:
        counts: by rule, sizes of blocks and how many there are of each.
        budget: pairs in all.
    """
    largest, total = dict[int, int](), 0
    for rule in range(rules):
        pairs, allowance = 0, (budget - total) // (rules - rule)
        for size, number in sorted(counts.get(rule, ())):
            if pairs + number * (size * (size - 1) // 2) > allowance:
                break
            pairs += number * (size * (size - 1) // 2)
            largest[rule] = size
        total += pairs
    return largest


def _survey(batches: Iterator[pa.RecordBatch], kind: Kind) -> Iterator[pa.RecordBatch]:
    """Of each batch its partition, size, whether a name is not in Latin letters, and the features some record has."""
    for batch in batches:
        if len(batch):
            part = batch["id"][0].as_py() >> _PART_BITS
            seen = prepare(pa.table(batch).drop_columns(["id"]), kind)
            whole = prepare(pa.table(batch).drop_columns(["id"]), kind, wide=True)
            rows = {
                "part": [part], "size": [len(batch)], "wide": [seen.wide], "columns": [sorted(whole.columns - {"id"})],
            }  # fmt: skip
            yield pa.RecordBatch.from_pydict(
                rows,
                schema=pa.schema(
                    {"part": pa.int64(), "size": pa.int64(), "wide": pa.bool_(), "columns": pa.list_(pa.string())}
                ),
            )


def _fold(
    batches: Iterator[pa.RecordBatch], kind: Kind, wide: bool, columns: Sequence[str], begins: Mapping[int, int]
) -> Iterator[pa.RecordBatch]:
    """Features of each batch, as every table's are made, numbered without gaps."""
    schema = pa.schema([("id", pa.int64()), *((name, pa.string()) for name in ("record", *columns))])
    for batch in batches:
        if not len(batch):
            continue
        table = pa.table(batch)
        features = prepare(table.drop_columns(["id"]), kind, wide=wide)
        numbers = dict(zip(table["record"].to_pylist(), table["id"].to_pylist(), strict=True))
        ids = [
            begins[n >> _PART_BITS] + (n & ((1 << _PART_BITS) - 1)) for n in (numbers[one] for one in features.records)
        ]
        nothing = pa.nulls(len(ids), pa.string())
        cells = [features.table[name].combine_chunks() if name in features.columns else nothing for name in columns]
        cells = [
            cell.cast(pa.string()) if isinstance(cell, pa.Array) else pa.concat_arrays(cell.chunks) for cell in cells
        ]
        yield pa.RecordBatch.from_arrays(
            [pa.array(ids, pa.int64()), pa.array(features.records, pa.string()), *cells], schema=schema
        )


def _statements(model: Model, held: Guards, rules: int) -> tuple[str, ...]:
    """What finds the edges among records in table `batch`, each there once for each of its keys."""
    weights = at_most_sql(model, *ALIASED), weight_sql(model, *ALIASED)
    first = " ".join(f"WHEN l.key_{rule} = r.key_{rule} THEN {rule}" for rule in range(rules))
    return (
        "CREATE TABLE feature AS SELECT DISTINCT ON (id) * FROM batch",
        "CREATE VIEW weighable AS FROM feature",
        # a pair that shares several keys stands under the strictest of them alone
        "CREATE TABLE pair AS SELECT l.id AS join_key_l, r.id AS join_key_r FROM batch AS l JOIN batch AS r"
        f" ON l.rule = r.rule AND l.key = r.key AND l.id < r.id WHERE CASE {first} END = l.rule",
        f"CREATE TABLE likely AS {heavy_sql(weights[0], 'pair')}",
        f"CREATE TABLE heavy AS {heavy_sql(weights[1], 'likely')}",
        edges_sql(model, held),
    )


def _compared(
    batches: Iterator[pa.RecordBatch], statements: Sequence[str], paired: Accumulator[int]
) -> Iterator[pa.RecordBatch]:
    """The edges among records under one key; ``batches``: in the order of keys, so that a key may go on in the next."""
    with _worker() as connection:
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            waiting.append(batch)
            if sum(map(len, waiting)) >= _ROWS_AT_ONCE:
                table = pa.Table.from_batches(waiting)
                whole = pc.index(table["key"], table["key"][-1]).as_py()
                yield from _edges(connection, table.slice(0, whole), statements, paired)
                waiting = table.slice(whole).to_batches()
        if waiting:
            yield from _edges(connection, pa.Table.from_batches(waiting), statements, paired)


def _edges(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, statements: Sequence[str], paired: Accumulator[int]
) -> Iterator[pa.RecordBatch]:
    if not len(table):
        return
    *steps, asked = statements
    connection.register("batch", table)
    for step in steps:
        connection.execute(step)
    paired += connection.table("pair").shape[0]
    yield from connection.sql(asked).to_arrow_table().combine_chunks().to_batches()
    connection.execute("DROP VIEW weighable; DROP TABLE feature; DROP TABLE pair; DROP TABLE likely; DROP TABLE heavy")
    connection.unregister("batch")


def _queried(batches: Iterator[pa.RecordBatch], query: str) -> Iterator[pa.RecordBatch]:
    """The query's answer for each batch, which it calls `batch`; in memory only."""
    with _worker() as connection:
        for batch in batches:
            if len(batch):
                connection.register("batch", pa.table(batch))
                yield from connection.sql(query).to_arrow_table().combine_chunks().to_batches()
                connection.unregister("batch")


@contextlib.contextmanager
def _worker() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(_WORKER_MEMORY) as connection:
        connection.execute("SET threads = 1")
        # Pushed down through the projection, a threshold would compute each comparison twice.
        connection.execute("SET disabled_optimizers = 'filter_pushdown'")
        yield connection
