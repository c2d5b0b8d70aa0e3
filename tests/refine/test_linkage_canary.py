"""Linkage of marked people that does not fit into its memory: what it spills holds no value, and it leaves nothing."""

from __future__ import annotations

import random
import subprocess
import threading
from pathlib import Path

import duckdb

from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host.home import Home
from kehu.refine.resolve import runs
from kehu.refine.resolve.linkage import link as linking
from tests.cast import admit
from tests.places import places

MARK = "canaryzq5127"
COUNT = 12_000
MEMORY = "32MB"  # their rows are 40 MB: enough to spill, whatever becomes of the run


class Watch:
    """Reads whatever lies in folders of spilled data while a run goes on."""

    def __init__(self) -> None:
        self.bytes = self.marks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _files(self) -> list[Path]:
        try:
            return list(Home.current().path.glob("linkage-*/**/*"))
        except OSError:  # a folder went while it was read
            return []

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for file in self._files():
                try:
                    content = file.read_bytes() if file.is_file() else b""
                except OSError:  # gone meanwhile
                    continue
                self.bytes += len(content)
                self.marks += content.count(MARK.encode())


def marked() -> list[dict[str, str]]:
    chance = random.Random(1)
    return [
        {
            "full_name": f"{MARK} {chr(97 + n // 2 % 26) * 3}{n // 2}",
            "birth_date": f"19{n // 2 % 89 + 10}-01-01",
            "occupation": f"{MARK} {chance.randbytes(1_500).hex()}",
        }
        for n in range(COUNT)
    ]


def places_with_mark(database) -> list[str]:
    with open_owner(database) as owner:
        owner.execute("checkpoint")
    roots = places(database)
    return subprocess.run(["grep", "-rlaF", MARK, *roots], capture_output=True, text=True).stdout.splitlines()


def test_a_run_that_spills_leaves_no_value_behind(database, monkeypatch, capfd):
    admit(*marked())
    monkeypatch.setattr(runs, "MEMORY", MEMORY)
    with Watch() as seen:
        failed = _run()
    assert (seen.bytes > 0, seen.marks) == (True, 0)
    assert failed in (None, "LinkageFailed")  # at the edge of its memory it may give up, but it says no value
    assert places_with_mark(database) == []
    assert not list(Home.current().path.glob("linkage-*"))
    said = capfd.readouterr()
    assert MARK not in said.out + said.err


def test_spilled_in_clear_it_would_be_found(database, monkeypatch):
    """The control: the same run without the key finds the mark in what it spills."""
    admit(*marked())
    monkeypatch.setattr(runs, "MEMORY", MEMORY)

    def in_clear(memory: str, folder: Path | None = None) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:")
        connection.execute("SET memory_limit = ?", [memory])
        connection.execute("SET temp_directory = ?", [str(folder)])
        connection.execute("SET preserve_insertion_order = false")
        return connection

    monkeypatch.setattr(linking, "connect", in_clear)
    with Watch() as seen:
        _run()
    assert seen.marks > 0


def _run() -> str | None:
    try:
        runs.resolve(actor=owner_actor(), everything=True)
    except linking.LinkageFailed as failed:
        assert MARK not in str(failed)
        return type(failed).__name__
    return None


def test_a_folder_left_by_a_killed_run_is_removed(database):
    left = Home.current().path / "linkage-left"
    left.mkdir()
    (left / "spilled").write_bytes(b"sealed")
    _run()
    assert not left.exists()
