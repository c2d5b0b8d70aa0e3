"""Linkage on Spark comes to what linkage in one process comes to; what it spills says nothing. One session for all."""

from __future__ import annotations

import os
import shutil
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
from linkage_families import families

from kehu.refine.resolve.link import link
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
