"""Linkage on Spark, for what one process does not hold: the same steps, batch by batch of Arrow.

Folding, keys and weighing are functions from Arrow batches to Arrow batches (:mod:`kehu.refine.resolve.linkage.batches`). Spark
does the shuffles between them: who shares a key, how common a value is, the records under a key side by side. Weights
are learned on the driver of a sample; edges come back to the driver and are grouped as everywhere.

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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import duckdb
import polars as pl
import pyarrow as pa

from kehu.refine.resolve.compare.features import ASKED, WIDE, Features, Kind, in_record_order
from kehu.refine.resolve.compare.guards import Guards, guards
from kehu.refine.resolve.compare.model import LEAST_RECORDS, LINES, Model
from kehu.refine.resolve.compare.pooled import Together
from kehu.refine.resolve.compare.whole import everything, says_wide
from kehu.refine.resolve.linkage import batches
from kehu.refine.resolve.linkage.blocking import ALL_PAIRS_UP_TO, LEAST_BUDGET, PAIRS_PER_RECORD, keys_sql
from kehu.refine.resolve.linkage.cluster import Edge, Pooled
from kehu.refine.resolve.linkage.edges import Contradictions, Weighed, chains, grouped
from kehu.refine.resolve.linkage.link import (
    Found,
    LinkageFailed,
    LinkResult,
    Progress,
    beside_by,
    connect,
    contradictions,
    learn,
    link,
    weigh_by,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SAMPLE: Final = 200_000
"""Records that teach the weights; all, where there are no more."""
MASTER: Final = "local[2]"
MEMORY: Final = "2g"
_FOLDER: Final = "linkage-spark-"
_LOUD: Final = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")  # of pyspark: whatever fails, with its message
_PARTS: Final = 16  # of a table and of a shuffle, where there are many records
_LEAST_PARTS: Final = 4
_RECORDS_PER_PART: Final = (
    20_000  # where they stand under their keys: to plan a worker's statements takes a third of a second
)


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
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    for name in _LOUD:  # what fails is told by its class; a message may quote a value
        PySparkLogger.getLogger(name).disabled = True
    folder = tempfile.mkdtemp(prefix=_FOLDER, dir=home)
    try:
        builder = SparkSession.builder
        for name, value in settings(Path(folder)).items():
            builder = builder.config(name, value)
        with _environment(folder):
            held = builder.getOrCreate()
            held.sparkContext.setLogLevel("OFF")
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
        "spark.default.parallelism": str(_PARTS),
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
    table: pa.Table,
    *,
    spark: SparkSession,
    kind: Kind = "person",
    weights: Mapping[str, Any] | None = None,
    everybody: bool = False,
    progress: Progress | None = None,
) -> LinkResult:
    """:func:`kehu.refine.resolve.linkage.link.link` on Spark.

    Raises:
        LinkageFailed: a step went wrong; the message names it and the kind of error, never a value.
        ValueError: column `record` is missing or not unique.
    """
    from pyspark.errors import PySparkException

    broken: Any = sys.modules["py4j.protocol"].Py4JError  # what pyspark rests on, and brings
    started = time.perf_counter()
    if len(table) <= ALL_PAIRS_UP_TO:
        return link(table, kind=kind, weights=weights, everybody=everybody, progress=progress)
    run = _Run(spark, kind, weights, progress or (lambda _step, _share: None), everybody=everybody)
    try:
        merges, proposals = run(in_record_order(table, kind))
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
        self._persisted: list[DataFrame] = []

    def __call__(self, records: pl.DataFrame) -> Found:
        self._count = len(records)
        self._parts = max(_LEAST_PARTS, self._count // _RECORDS_PER_PART)
        self._spark.conf.set("spark.sql.shuffle.partitions", min(self._parts, _PARTS))
        names = records["record"]
        self._begin("features", 0.0)
        folded, filled, wide = self._folded(records.drop("record"))
        self._begin("train", 0.15)
        shape = self._shape(filled, wide)
        self.model, self.learned = self._taught(folded, shape)
        self._begin("block", 0.3)
        keys = keys_sql(shape, self._kind)
        blocks = self._blocks(folded, keys)
        self._begin("score", 0.4)
        held = guards(shape, self._kind)
        weighable = self._with_shares(folded, filled)
        found = self._weighed(weighable, blocks, keys, held)
        self._begin("cluster", 0.9)
        groups, asked = grouped(
            found,
            lambda sure: self._kept_apart(folded, held, sure),
            self._pooled(weighable, folded, held) if held.pooled else None,
        )
        for frame in self._persisted:
            frame.unpersist()
        merges = [[names[one] for one in group] for group in groups]
        return merges, [(names[one], names[two], weight) for one, two, weight in asked]

    def _begin(self, step: str, share: float) -> None:
        self.step = step
        self.report(step, share)

    def _keep(self, frame: DataFrame) -> DataFrame:
        """A frame that is asked for more than once: made once, and held until the end."""
        self._persisted.append(frame.persist())
        return frame

    def _shape(self, columns: Iterable[str], wide: bool) -> Features:
        """Features of these columns, none of whose rows are looked at."""
        empty = {"id": pa.array([], pa.int32()), **{name: pa.array([], pa.string()) for name in columns}}
        return Features(pa.table(empty), [""] * min(self._count, LEAST_RECORDS), wide)

    def _folded(self, records: pl.DataFrame) -> tuple[DataFrame, dict[str, int], bool]:
        """Folded records, numbered in the order of their names; how many have each column, and whether they are wide."""
        from pyspark.sql import functions as sql

        kind, every = self._kind, sorted(everything(self._kind, wide=True).columns - {"id"})
        numbered = records.insert_column(0, pl.int_range(len(records), dtype=pl.Int64, eager=True).alias("id"))
        schema = f"id bigint, {batches.FOREIGN} boolean, " + ", ".join(f"{name} string" for name in every)
        incoming = self._spark.createDataFrame(numbered.to_arrow()).coalesce(self._parts)
        folded = self._keep(incoming.mapInArrow(lambda some: batches.folded(some, kind), schema))
        found = folded.agg(
            sql.max(batches.FOREIGN).alias(batches.FOREIGN), *(sql.count(name).alias(name) for name in every)
        )
        [counts] = (row.asDict() for row in found.collect())
        told = bool(self._weights) and says_wide(self._weights or {}, kind)
        wide = bool(counts.pop(batches.FOREIGN) or told) and kind == "person"
        filled = {
            name: number
            for name, number in counts.items()
            if (number or (kind == "person" and name in ASKED)) and (wide or name not in WIDE)
        }
        return folded.select("id", *filled), filled, wide

    def _taught(self, folded: DataFrame, shape: Features) -> tuple[Model, Mapping[str, Any] | None]:
        """The weights to link by; those of a few records are given, a sample of all teaches others."""
        if self._weights and not self._everybody:
            return learn(shape, self._kind, self._weights, everybody=False)
        sample = folded if self._count <= SAMPLE else folded.sample(SAMPLE / self._count, 1)
        table = sample.toArrow().sort_by("id")
        table = table.set_column(0, "id", pa.array(range(len(table)), pa.int32()))
        sampled = Features(table, [""] * len(table), shape.wide)
        return learn(sampled, self._kind, self._weights, everybody=self._everybody)

    def _blocks(self, folded: DataFrame, keys: Sequence[str]) -> DataFrame:
        """Who stands under which key, for keys that are worth their pairs: the budget of :mod:`blocking`."""
        from pyspark.sql import functions as sql

        under = folded.mapInArrow(lambda some: batches.keyed(some, keys), batches.STANDS).repartition(
            self._parts, "key"
        )
        blocks = self._keep(under.mapInArrow(batches.sized, f"{batches.STANDS}, size bigint"))
        counts: dict[int, list[tuple[int, int]]] = {}
        for rule, size, standing in blocks.groupBy("rule", "size").count().collect():
            counts.setdefault(rule, []).append((size, standing // size))
        largest = largest_blocks(counts, len(keys), max(LEAST_BUDGET, PAIRS_PER_RECORD * self._count))
        worth = " OR ".join(f"(rule = {rule} AND size <= {size})" for rule, size in largest.items()) or "false"
        under_keys = sql.collect_list(sql.struct("rule", "key")).alias("stands")
        kept = sql.bit_or(sql.expr("shiftleft(1L, rule)")).alias("kept")
        return blocks.where(worth).groupBy("id").agg(under_keys, kept)

    def _weighed(self, records: DataFrame, blocks: DataFrame, keys: Sequence[str], held: Guards) -> list[Weighed]:
        """The records under each key side by side, weighed on the workers; what is heavy enough comes back.

        A record goes out once for each of its keys, not once for each of its pairs, which are more, and through two shuffles.
        """
        rows = blocks.join(records, "id").selectExpr("inline(stands)", "kept", *records.columns)
        paired = self._spark.sparkContext.accumulator(0)
        statements = batches.edge_statements(self.model, held, keys)
        side_by_side = rows.repartition(self._parts, "key")
        found = side_by_side.mapInArrow(lambda some: batches.weighed(some, statements, paired), batches.EDGE).toArrow()
        self.pairs = paired.value
        return sorted(Weighed(*row) for row in zip(*(column.to_pylist() for column in found.columns), strict=True))

    def _with_shares(self, folded: DataFrame, filled: Mapping[str, int]) -> DataFrame:
        """Folded records, and how common each value is whose rarity counts.

        Counted by the hash of a value; told to all workers are those that two have, for of the others one is known.
        """
        from pyspark.sql import functions as sql

        columns = self.model.rare
        if not columns:
            return folded
        hashed = ", ".join(
            f"{number}S, if({name} IS NULL, NULL, xxhash64({name}))" for number, name in enumerate(columns)
        )
        values = folded.selectExpr(f"stack({len(columns)}, {hashed}) AS (of, value)").where("value IS NOT NULL")
        common = self._keep(values.groupBy("of", "value").agg(sql.count("*").alias("size")).where("size > 1"))
        for number, name in enumerate(columns):
            counts = common.where(f"of = {number}").selectExpr("value", f"size / {filled[name]}D AS share_{name}")
            folded = folded.join(sql.broadcast(counts), sql.xxhash64(name) == counts["value"], "left").drop("value")
            alone = sql.lit(1 / max(filled[name], 1))
            folded = folded.withColumn(
                f"share_{name}", sql.coalesce(f"share_{name}", sql.when(sql.col(name).isNotNull(), alone))
            )
        return folded

    def _kept_apart(self, folded: DataFrame, held: Guards, sure: Sequence[Edge]) -> Contradictions:
        """Who of a chain contradicts whom, on the driver: chains are short, and few records are in one."""
        with connect(batches.WORKER_MEMORY) as connection:
            connection.register("feature", self._of(folded, (member for group in chains(sure) for member in group)))
            return contradictions(connection, held, sure)

    def _pooled(self, records: DataFrame, folded: DataFrame, held: Guards) -> Pooled:
        """Compares groups as wholes, on the driver: few are not one by their pairs already."""

        def weigh(groups: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Sequence[Together]:
            with connect(batches.WORKER_MEMORY) as connection:
                members = (member for pair in groups for group in pair for member in group)
                connection.register("weighable", self._of(records, members))
                return weigh_by(connection, self.model, held)(groups)

        return Pooled(weigh, lambda asked: self._beside(folded, asked))

    def _beside(self, folded: DataFrame, asked: Collection[int]) -> Mapping[int, Collection[int]]:
        """Who uses a telephone or mailbox of these, on the driver, too."""
        lines = [name for name in LINES if name in folded.columns]
        columns = folded.select("id", *lines)
        own = self._wanted(columns, asked)
        users = [own, *(columns.join(own.select(line), line, "left_semi").select("id", *lines) for line in lines)]
        with connect(batches.WORKER_MEMORY) as connection:
            tables = [cast(pl.DataFrame, pl.from_arrow(some.toArrow())) for some in users]
            connection.register("feature", pl.concat(tables).unique("id").to_arrow())
            return beside_by(connection, lines)(asked)

    def _of(self, records: DataFrame, members: Iterable[int]) -> pa.Table:
        """These of the records, on the driver."""
        return self._wanted(records, members).toArrow()

    def _wanted(self, records: DataFrame, members: Iterable[int]) -> DataFrame:
        wanted = self._spark.createDataFrame(pa.table({"id": pa.array(sorted(set(members)), pa.int64())}))
        return records.join(wanted, "id", "left_semi")


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
