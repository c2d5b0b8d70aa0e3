"""Linkage on Spark comes to what linkage in one process comes to; what it spills says nothing. One session for all."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from linkage_families import families

from kehu.refine.resolve.compare.features import FIELDS, Features, Kind, prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.model import shipped
from kehu.refine.resolve.linkage import batches
from kehu.refine.resolve.linkage.blocking import LARGEST_BLOCK, keys_sql
from kehu.refine.resolve.linkage.link import link
from kehu.refine.resolve.linkage.spark import largest_blocks, link_on_spark, session, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = find_spec("pyspark") is not None and shutil.which("java") is not None
if os.environ.get("CI") and not HERE:
    raise RuntimeError("Java 17 or pyspark is missing: scripts/java.py")
needs_spark = pytest.mark.skipif(not HERE, reason="no Java 17 or no pyspark here: make spark")
# py4j leaves its sockets to the garbage
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CANARY = b"canaryvalue"


class Watcher:
    """Reads whatever is new in a folder, over and over; what it saw of a marker, and how much was there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._read: dict[Path, tuple[int, int, int]] = {}
        self.bytes, self.found = 0, False

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            size = 0
            # a walk that takes it that folders go meanwhile
            for path in (Path(folder, name) for folder, _, names in os.walk(self._folder) for name in names):
                try:
                    is_now = path.stat()
                    size += is_now.st_size
                    as_read = (is_now.st_ino, is_now.st_size, is_now.st_mtime_ns)
                    if self._read.get(path) == as_read:
                        continue  # seen as it is
                    content = path.read_bytes()
                except OSError:
                    continue
                self._read[path] = as_read
                self.found |= CANARY in content or CANARY.decode().encode("utf-16-le") in content
            self.bytes = max(self.bytes, size)


def companies(count: int) -> pa.Table:
    """Companies of two languages, each there twice, the second time written otherwise."""
    rows = []
    for n in range(count):
        chinese = n % 2 == 0
        name = (
            f"{'光明东方海天'[n % 6]}{'山水木金火土'[n // 6 % 6]}{n}"
            if chinese
            else f"Harbour {chr(65 + n % 26)}{n} Lights"
        )
        forms = ("有限公司", "股份有限公司") if chinese else ("Ltd", "Limited")
        for at, form in enumerate(forms):
            phone = f"+86138{n:08}" if at == 0 or n % 3 else None
            rows.append(
                {"record": f"r{n}-{at}", "legal_name": name + form, "phone": phone, "postal_code": f"{100000 + n}"}
            )
    return pa.Table.from_pylist(rows)


@needs_spark
def test_spark_comes_to_the_same_and_leaves_nothing_behind(tmp_path: Path, capfd, monkeypatch):
    """One session for all that needs one: to start Java and its workers takes longer than to link."""
    # a run of a minute never earns back what the second compiler takes, which is half of its time
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    persons, organisations = marked("birth_place", families(5_100, seed=17).table), marked("address", companies(400))
    with Watcher(tmp_path) as watcher, session(tmp_path) as spark:
        comes_to_the_same(spark, persons, "person")
        comes_to_the_same(spark, organisations, "organisation")
        with pytest.raises(Exception, match=CANARY.decode()):
            spark.sql(f"SELECT int(text) FROM VALUES ('{CANARY.decode()}') AS t (text)").collect()
        time.sleep(0.5)
    assert len(persons) > 20_000
    assert watcher.bytes > 100_000 and not watcher.found
    assert list(tmp_path.iterdir()) == []
    assert CANARY.decode() not in "".join(capfd.readouterr())  # what fails quotes a value, and nobody logs it


def marked(column: str, table: pa.Table) -> pa.Table:
    """The canary in each record."""
    return table.append_column(column, pa.array([CANARY.decode()] * len(table)))


def comes_to_the_same(spark: SparkSession, table: pa.Table, kind: Kind) -> None:
    """As in one process: pairs, weights, groups, questions; and nothing of it stays in Spark's memory."""
    here, there = link(table, kind=kind), link_on_spark(table, spark=spark, kind=kind)
    assert spark.sparkContext._jsc.getPersistentRDDs().isEmpty()
    assert here.merges and there.pairs == here.pairs
    assert there.model.digest == here.model.digest
    assert there.merges == here.merges
    ours, theirs = ({frozenset(pair): weight for *pair, weight in one.proposals} for one in (here, there))
    assert ours.keys() == theirs.keys()
    assert all(abs(ours[pair] - theirs[pair]) < 0.01 for pair in ours)


@pytest.mark.parametrize("name", ["spark.io.encryption.enabled", "spark.authenticate", "spark.network.crypto.enabled"])
def test_what_leaves_memory_is_encrypted(tmp_path: Path, name: str):
    assert settings(tmp_path)[name] == "true"


def test_nobody_listens_and_nothing_is_written_down(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("KEHU_SPARK_MASTER", raising=False)
    told = settings(tmp_path)
    assert (told["spark.eventLog.enabled"], told["spark.ui.enabled"]) == ("false", "false")
    assert told["spark.driver.bindAddress"] == told["spark.driver.host"] == "127.0.0.1"
    assert told["spark.local.dir"] == str(tmp_path)


def test_a_budget_of_pairs_goes_to_strict_rules_first():
    assert largest_blocks({0: [(2, 10)], 1: [(2, 5), (100, 3)]}, 2, 40) == {0: 2, 1: 2}
    assert largest_blocks({0: [(2, 100)], 1: [(2, 5)]}, 2, 40) == {1: 2}


class Sum:
    def __init__(self) -> None:
        self.value = 0

    def __iadd__(self, more: int) -> Sum:
        self.value += more
        return self


def edges_of(rows: pa.Table, features: Features, parts: int) -> tuple[list[str], int]:
    """What workers find, each given a share of the keys; ``rows``: each record once for each of its keys worth their pairs."""
    model = shipped(features, "person", prior=1e-3).without_frequencies()
    statements = batches.edge_statements(model, guards(features, "person"), keys_sql(features, "person"))
    counted, found = Sum(), list[str]()
    for part in range(parts):
        share = rows.filter(pc.equal(pc.bit_wise_and(rows["key"], parts - 1), part))
        for batch in batches.weighed(iter(share.to_batches(max_chunksize=50)), statements, counted):
            found += map(str, batch.to_pylist())
    return sorted(found), counted.value


def rows_under_keys(features: Features, worth: str) -> pa.Table:
    """As Spark brings them together from what workers made of the keys."""
    keys = iter(features.table.to_batches(max_chunksize=70))
    under = pa.Table.from_batches(list(batches.keyed(keys, keys_sql(features, "person"))))
    blocks = pa.Table.from_batches(list(batches.sized(iter(under.to_batches(max_chunksize=100)))))
    with duckdb.connect(":memory:") as connection:
        connection.register("blocks", blocks)
        connection.register("feature", features.table)
        return connection.sql(
            f"WITH kept AS (FROM blocks WHERE {worth}), bits AS"
            " (SELECT id, bit_or(1::BIGINT << rule) AS kept FROM kept GROUP BY id)"
            " SELECT rule, key, kept, feature.* FROM kept JOIN bits USING (id) JOIN feature USING (id)"
        ).to_arrow_table()


@pytest.mark.parametrize("worth", ["true", "size <= 4 OR rule % 3 = 0"])
def test_each_pair_under_a_key_that_is_worth_its_pairs_is_weighed_once(worth: str):
    features = prepare(families(60, seed=5).table)
    rows = rows_under_keys(features, worth)
    at_once, pairs = edges_of(rows, features, 1)
    assert len(at_once) > 50 and len(set(at_once)) == len(at_once)
    assert edges_of(rows, features, 4) == (at_once, pairs)
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", rows)
        shared = "l.rule = r.rule AND l.key = r.key AND l.id < r.id"
        query = f"SELECT count(*) FROM (SELECT DISTINCT l.id, r.id FROM rows AS l JOIN rows AS r ON {shared})"
        assert connection.execute(query).fetchone() == (pairs,)


def test_a_key_is_told_with_how_many_stand_under_it_unless_nobody_or_very_many_do():
    keys = [*([1] * 3), 2, *([3] * (LARGEST_BLOCK + 1)), *([4] * LARGEST_BLOCK)]
    under = pa.table({"rule": pa.array([0] * len(keys), pa.int16()), "key": keys, "id": range(len(keys))})
    rows = pa.Table.from_batches(list(batches.sized(iter(under.to_batches(max_chunksize=7)))))
    assert Counter((row["key"], row["size"]) for row in rows.to_pylist()) == {
        (1, 3): 3,
        (4, LARGEST_BLOCK): LARGEST_BLOCK,
    }
    assert list(batches.sized(iter([]))) == []


@pytest.mark.parametrize("kind", ["person", "organisation"])
def test_workers_fold_a_batch_as_a_table_is_folded(kind: Kind):
    rows = [
        {"full_name": "王小明", "phone": "+8613800000001", "address": "人民路1号"},
        {"full_name": "Dr. Ann Lee", "legal_name": "Lee Ltd", "email": "a.lee+x@gmail.com", "birth_date": "1990-01-02"},
        {"given_name": "Bob", "family_name": None, "legal_name": "光明有限公司", "postal_code": "100 000"},
    ]
    fields = sorted({name for row in rows for name in row})
    table = pa.table(
        {"record": ["a", "b", "c"], **{name: pa.array([row.get(name) for row in rows], pa.string()) for name in fields}}
    )
    whole = prepare(table, kind, wide=True)
    known = [name for name in fields if name in FIELDS[kind]]
    numbered = table.select(known).append_column("id", pa.array(range(3), pa.int64()))
    [*made] = batches.folded(iter(numbered.to_batches(max_chunksize=1)), kind)
    folded = pa.Table.from_batches(made)
    assert folded.num_rows == 3 and whole.columns <= set(folded.column_names)
    foreign = folded[batches.FOREIGN].to_pylist()
    assert foreign == [True, False, kind == "organisation"]
    for name in set(folded.column_names) - {batches.FOREIGN}:
        told = whole.table[name].to_pylist() if name in whole.columns else [None] * 3
        assert folded[name].to_pylist() == told, name
