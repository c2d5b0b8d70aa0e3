"""The database copied into one file while it is in use, lost with its machine, and brought back elsewhere by its keys."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from kehu.host.database import Database
from kehu.host.dumps import NoDump, dump, last_dump, restore
from kehu.host.home import Home
from kehu.host.keyring import make_home
from kehu.host.postgres import PostgresError


def rows(database):
    with psycopg.connect(database.conninfo("kehu_app")) as connection:
        return connection.execute("select held from things").fetchall()


def made_twice(database, file):
    """Two write one file at once, as a night's copy and somebody by hand: one does, and says so; the other is refused."""
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(dump, database, file) for _ in range(2)]
        return [failed for one in both if (failed := one.exception(timeout=60)) is not None]


def brought_back_twice(home, file):
    """Two begin at once: one brings it back, the other touches nothing of what that one makes."""
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(restore, home, file) for _ in range(2)]
        [refused] = [failed for one in both if (failed := one.exception(timeout=60)) is not None]
    assert isinstance(refused, NoDump) and "somebody else" in str(refused)
    return next(one.result() for one in both if one.exception() is None)


_RESTORE = """
import sys
from pathlib import Path
from kehu.host.dumps import restore
from kehu.host.home import Home
restore(Home(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@contextmanager
def cut_off_midway(home, file, slow):
    """Killed while the copy came in, as by a line that was lost; what it had begun is still at work meanwhile."""
    os.mkfifo(slow)
    begun = subprocess.Popen([sys.executable, "-c", _RESTORE, str(home.path), str(slow)])
    content = file.read_bytes()
    with slow.open("wb") as half:  # there is a reader now: the server runs, and pg_restore begins
        half.write(content[: len(content) // 2])
        half.flush()
        begun.kill()
        begun.wait()
        yield


def test_what_was_copied_is_there_again_on_another_machine(tmp_path):
    home, elsewhere, file = Home(tmp_path / "home"), Home(tmp_path / "elsewhere"), tmp_path / "all.dump"
    make_home(home)
    lost = Database(home)
    lost.start()
    lost.prepare()
    with psycopg.connect(lost.conninfo("kehu_owner")) as owner:
        owner.execute("create table things (held bytea)")
        owner.execute("insert into things values ('sealed')")
        owner.execute("revoke update, delete on things from kehu_app")
    assert last_dump(lost) is None
    before = datetime.now(UTC)
    [taken] = made_twice(lost, file)
    assert isinstance(taken, NoDump) and "there already" in str(taken)
    copied = last_dump(lost)
    assert before <= copied <= datetime.now(UTC) and stat.S_IMODE((home / "last-backup").stat().st_mode) == 0o600
    subprocess.run([lost.embedded.binaries / "pg_restore", "-f", os.devnull, file], check=True)
    size = file.stat().st_size
    file.unlink()
    with pytest.raises(NoDump, match="No such file"):
        dump(lost, tmp_path / "nowhere" / "all.dump")
    assert last_dump(lost) == copied  # what failed is no copy
    assert dump(lost, file) == size == file.stat().st_size and stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(NoDump, match="there already"):
        dump(lost, file)
    with pytest.raises(NoDump, match="has a database"):
        restore(home, file)
    lost.release()
    for folder in lost.folders():
        shutil.rmtree(folder)
    elsewhere.create()
    with pytest.raises(NoDump, match="keys"):
        restore(elsewhere, file)
    shutil.copytree(home / "keys", elsewhere / "keys", dirs_exist_ok=True)  # what docs/how-to/back-up.md says to keep
    shutil.copy(home / "installation.json", elsewhere / "installation.json")
    shutil.copy(home / "last-backup", elsewhere / "last-backup")
    torn = tmp_path / "torn.dump"
    torn.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(PostgresError):
        restore(elsewhere, torn)
    with cut_off_midway(elsewhere, file, tmp_path / "slow"):
        with pytest.raises(PostgresError, match="kehu restore"):
            Database(elsewhere).start()  # else an installation without anybody would be made of what is there
        held = brought_back_twice(elsewhere, file)  # and what failed before is in no way
    again = Database(elsewhere)
    assert rows(again) == [(b"sealed",)]
    assert last_dump(again) is None  # of the one that is lost; whether that copy is there still nobody knows
    with psycopg.connect(again.conninfo("kehu_app")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from things")  # what a migration took from the application stays taken
    assert again.release() is False  # the one that restored uses it still
    assert held.release() and not held.embedded.running()
    for folder in held.folders():
        shutil.rmtree(folder)
