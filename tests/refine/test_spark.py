"""Linkage on Spark comes to what linkage in one process comes to; what it spills says nothing. One session for all."""

from __future__ import annotations

import os
import shutil
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from linkage_families import families

from kehu.refine.resolve import spark
from kehu.refine.resolve.blocking import keys_sql
from kehu.refine.resolve.features import Features, prepare
from kehu.refine.resolve.guards import guards
from kehu.refine.resolve.link import link
from kehu.refine.resolve.model import shipped
from kehu.refine.resolve.spark import largest_blocks, link_on_spark, session, settings

ASKED = os.environ.get("KEHU_TEST_SPARK") == "1"
HERE = find_spec("pyspark") is not None and shutil.which("java") is not None
if ASKED and not HERE:
    raise RuntimeError("Java 17 or pyspark is missing: make spark")
needs_spark = pytest.mark.skipif(not ASKED, reason="linkage on Spark has a run of its own: make spark")
# py4j leaves its sockets to the garbage
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CANARY = b"canaryvalue"


class Watcher:
    """Reads whatever lies in a folder, over and over; what it saw of a marker, and how much was there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
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
            for path in self._folder.rglob("*"):
                try:
                    content = path.read_bytes() if path.is_file() else b""
                except OSError:
                    continue
                size += len(content)
                self.found |= CANARY in content or CANARY.decode().encode("utf-16-le") in content
            self.bytes = max(self.bytes, size)


@needs_spark
def test_spark_comes_to_the_same_and_leaves_nothing_behind(tmp_path: Path):
    made = families(700, seed=17)
    marked = made.table.append_column("occupation", pa.array([CANARY.decode()] * len(made.table)))
    here = link(marked)
    with Watcher(tmp_path) as watcher, session(tmp_path) as spark:
        there = link_on_spark(marked, spark=spark)
        time.sleep(0.5)
    assert there.pairs == here.pairs
    assert there.model.digest == here.model.digest
    assert there.merges == here.merges
    ours, theirs = ({frozenset(pair): weight for *pair, weight in one.proposals} for one in (here, there))
    assert ours.keys() == theirs.keys()
    assert all(abs(ours[pair] - theirs[pair]) < 0.01 for pair in ours)
    assert watcher.bytes > 100_000 and not watcher.found
    assert list(tmp_path.iterdir()) == []


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


def under_keys(features: Features) -> tuple[pa.Table, int]:
    """Each record once for each of its keys, in the order of keys, as Spark sends it to a worker."""
    rules = keys_sql(features, "person")
    with duckdb.connect(":memory:") as connection:
        connection.register("feature", features.table)
        held = ", ".join(f"({key} >> 1)::BIGINT AS key_{rule}" for rule, key in enumerate(rules))
        keys = ", ".join(f"key_{rule}" for rule in range(len(rules)))
        connection.execute(f"CREATE TABLE keyed AS SELECT *, {held} FROM feature")
        rows = connection.sql(
            f"SELECT *, unnest([{keys}]) AS key, unnest(range({len(rules)})) AS rule FROM keyed ORDER BY key, id"
        ).to_arrow_table()
    return rows.filter(pc.is_valid(rows["key"])), len(rules)


def test_a_key_that_goes_on_in_the_next_batch_is_compared_whole_and_each_pair_once(monkeypatch):
    features = prepare(families(60, seed=5).table)
    model = shipped(features, "person", prior=1e-3).without_frequencies()
    rows, rules = under_keys(features)
    statements, found, pairs = spark._statements(model, guards(features, "person"), rules), [], []
    keys = list(zip(rows["rule"].to_pylist(), rows["key"].to_pylist(), strict=True))
    # a pair counts under its strictest key: the batch ends within one of those
    within = next(at for at in range(len(keys) // 3, len(keys)) if keys[at - 1] == keys[at] and keys[at][0] == 0)
    for size in (len(rows), within):
        monkeypatch.setattr(spark, "_ROWS_AT_ONCE", size)
        counted = Sum()
        batches = iter(rows.to_batches(max_chunksize=size))
        found.append([edge for batch in spark._compared(batches, statements, counted) for edge in batch.to_pylist()])
        pairs.append(counted.value)
    ids = [(edge["join_key_l"], edge["join_key_r"]) for edge in found[0]]
    assert len(ids) > 50 and len(set(ids)) == len(ids)
    assert sorted(map(str, found[0])) == sorted(map(str, found[1]))
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", rows)
        shared = "l.rule = r.rule AND l.key = r.key AND l.id < r.id"
        query = f"SELECT count(*) FROM (SELECT DISTINCT l.id, r.id FROM rows AS l JOIN rows AS r ON {shared})"
        assert [connection.execute(query).fetchone()] * 2 == [(count,) for count in pairs]
