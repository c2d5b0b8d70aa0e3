"""The embedded server: shared by processes, back after a kill -9, in reach of nobody else, silent about values."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import pytest

from kehu.host import postgres
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import KEYS, Keyring, KeysAreGone, make_home
from kehu.host.postgres import PostgresError


def server_of(home):
    database = Database(home)
    database.start()
    return database


def test_starts_stops_and_starts_again(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    database = server_of(home)
    assert database.embedded.running()
    assert database.release() is True
    assert not database.embedded.running()
    again = server_of(home)
    assert again.embedded.running()
    again.release()


def test_a_database_that_is_gone_is_not_made_anew(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    database = server_of(home)
    database.release()
    kept = database.embedded.data.rename(database.embedded.data.with_name("elsewhere"))
    with pytest.raises(PostgresError, match="is gone"):
        Database(home).start()
    assert not database.exists()
    kept.rename(database.embedded.data)
    again = server_of(home)
    assert again.release() is True


@pytest.mark.parametrize("name", ["postmaster.pid", ".s.PGSQL.5432.lock"])
def test_killed_while_it_wrote_a_lock_file_it_starts_again(tmp_path, name):
    """Seen once in many hundred kills: PostgreSQL stopped at the empty file at every start from then on."""
    home = Home(tmp_path / "home")
    make_home(home)
    database = server_of(home)
    database.release()
    held = database.embedded
    left = (held.data if name == "postmaster.pid" else held.socket) / name
    left.touch(mode=0o600)
    os.chown(left, held.data.stat().st_uid, held.data.stat().st_gid)
    again = server_of(home)
    assert again.embedded.running() and again.release() is True


def test_the_last_user_stops_it(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    one = server_of(home)
    code = (
        "from pathlib import Path; from kehu.host.database import Database; from kehu.host.home import Home;"
        f"d = Database(Home(Path({str(home.path)!r}))); d.start(); print(d.release())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False" and one.embedded.running()
    assert one.release() is True


def test_a_server_that_recovers_for_long_is_waited_for(tmp_path, monkeypatch):
    """Gigabytes of its log after a power cut: stopped for being late it would begin at the beginning the next time, for ever."""
    home = Home(tmp_path / "home")
    database = server_of(home)
    with psycopg.connect(database.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
        owner.execute("alter system set restore_command = 'sleep 1; false'")  # asked for each file: some seconds in all
    database.release()
    data = database.embedded.data
    (data / "recovery.signal").touch()
    os.chown(data / "recovery.signal", data.stat().st_uid, data.stat().st_gid)
    for name in ("_START_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(postgres, name, 1)
    began = time.monotonic()
    database = server_of(home)
    assert database.embedded.running() and time.monotonic() - began > 2
    database.release()


def test_while_somebody_waits_for_one_that_recovers_others_come_and_go(tmp_path):
    """A command waits for gigabytes of log to be read; whoever stops what they use meanwhile is not made to wait for it."""
    home = Home(tmp_path / "home")
    database = server_of(home)
    with psycopg.connect(database.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
        owner.execute("alter system set restore_command = 'sleep 3; false'")
    database.release()
    data = database.embedded.data
    (data / "recovery.signal").touch()
    os.chown(data / "recovery.signal", data.stat().st_uid, data.stat().st_gid)
    waits, stops = Database(home), Database(home)
    waiting = threading.Thread(target=waits.start)
    waiting.start()
    while not waits.embedded._recovers():
        time.sleep(0.05)
    time.sleep(2.5)  # beyond the first look at it
    assert stops.start(given_up=lambda: True) is False  # it has the lock, and gives it up
    assert stops.release() is False and waits.embedded._recovers() and waiting.is_alive()
    waiting.join()
    assert waits.embedded.running() and waits.release() is True


def test_survives_kill_9_of_the_server(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    database = server_of(home)
    database.prepare()
    with psycopg.connect(database.conninfo("kehu_owner"), autocommit=True) as owner:
        owner.execute("create table kept as select 7 as seven")
    pid = int((database.embedded.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    database.start()
    with psycopg.connect(database.conninfo("kehu_owner")) as owner:
        assert owner.execute("select seven from kept").fetchone() == (7,)
    database.release()


def test_folders_are_closed_and_no_parent_was_opened(tmp_path):
    parent = tmp_path / "closed"
    parent.mkdir(mode=0o700)
    home = Home(parent / "home")
    make_home(home)
    database = server_of(home)
    for folder in (parent, home.path, home / "keys", database.embedded.data, database.embedded.socket):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    if os.geteuid() == 0:
        assert database.embedded.data.stat().st_uid != 0 and database.folders()
    database.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="by anybody else the database lies in the home")
@pytest.mark.parametrize("left", [False, True], ids=["new", "left closed"])
def test_by_root_the_system_folder_lets_the_service_user_through(tmp_path, monkeypatch, left):
    """Commands write for their owner alone: the folder was made with that umask, and the first start ended there."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as there:
        os.chmod(there, 0o711)
        monkeypatch.setattr(postgres, "_BY_ROOT", Path(there) / "kehu")
        if left:
            postgres._BY_ROOT.mkdir(mode=0o700)
        home = Home(tmp_path / "home")
        make_home(home)
        before = os.umask(0o077)
        try:
            assert server_of(home).release() is True
        finally:
            os.umask(before)
        assert stat.S_IMODE(postgres._BY_ROOT.stat().st_mode) & stat.S_IRWXO == stat.S_IXOTH


def test_a_destroyed_secret_is_gone_and_another_root_opens_nothing(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    ring = Keyring(home)
    first = ring.secret("epoch-9", create=True)
    assert Keyring(home).secret("epoch-9") == first
    assert ring.destroy("epoch-9") and "epoch-9" not in ring.names()
    (home / "keys" / "root").write_text("A" * 43 + "=\n")
    try:
        ring.secret("index")
    except RuntimeError as refused:
        assert "index" in str(refused)
    else:
        raise AssertionError("another root opened the keyring")


def test_a_full_disk_costs_no_secret(tmp_path):
    """The keyring is written whole or not at all: half of it would open nobody, for good."""
    home = Home(tmp_path / "home")
    make_home(home)
    ring = Keyring(home)
    before = {name: ring.secret(name) for name in ring.names()}
    there = sorted(path.name for path in (home / "keys").iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # stands for a disk that is full after so many bytes: the kernel writes those and no more
    resource.setrlimit(resource.RLIMIT_FSIZE, ((home / "keys" / "ring.json").stat().st_size, hard))
    try:
        with pytest.raises(OSError):
            ring.secret("epoch-2", create=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {name: ring.secret(name) for name in ring.names()} == before
    assert sorted(path.name for path in (home / "keys").iterdir()) == there


def test_two_who_make_a_home_at_once_make_one(tmp_path):
    for number in range(30):
        home, start = Home(tmp_path / f"home{number}"), threading.Barrier(2)

        def make(home=home, start=start):
            start.wait()
            make_home(home)

        both = [threading.Thread(target=make) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        ring = Keyring(home)
        assert all(ring.secret(name) for name in KEYS)


@pytest.mark.parametrize("lost", ["root", "ring.json"])
def test_keys_that_are_gone_are_not_made_anew(tmp_path, lost):
    """Beside a database that was restored without them they would open nobody, and seal what comes under other keys."""
    home = Home(tmp_path / "home")
    make_home(home)
    kept = (home / "keys" / lost).rename(tmp_path / "kept")
    for making in (make_home, lambda home: Keyring(home).secret("django", create=True)):
        with pytest.raises(KeysAreGone):
            making(home)
        assert not (home / "keys" / lost).exists()
    kept.rename(home / "keys" / lost)
    make_home(home)


_HOW = """
import django
django.setup()
from django.db import connection
from procrastinate.contrib.django.utils import connector_params
from kehu.guard.setup import as_owner
from kehu.host.database import Database
from kehu.host.home import Home
found = [connection.get_connection_params(), connector_params("default")]
with as_owner(Database(Home.current())):
    found.append(connection.get_connection_params())
for one in found:
    print(*[one.get(name) for name in ("user", "host", "dbname", "sslmode", "sslrootcert", "connect_timeout")])
"""


def test_an_outside_database_is_reached_as_its_address_says_by_django_and_its_jobs(tmp_path):
    """Also how the connection is encrypted: without it an address that asks for it was used in clear."""
    home = Home(tmp_path / "home")
    make_home(home)
    url = "postgresql://owner:secret@db.example/kehu?sslmode=verify-full&sslrootcert=/a+b/ca.pem&connect_timeout=4"
    told = subprocess.run(
        [sys.executable, "-c", _HOW], check=True, capture_output=True, text=True,
        env=os.environ | {"KEHU_HOME": str(home.path), "KEHU_DATABASE_URL": url},
    ).stdout  # fmt: skip
    rest = "db.example kehu verify-full /a+b/ca.pem 4"
    assert told.splitlines() == [f"kehu_app {rest}", f"kehu_app {rest}", f"owner {rest}"]


@pytest.mark.parametrize(
    "named", ["owner:secret@db.example/kehu?", "/kehu?host=db.example&us%65r=owner&password=secret&"]
)
def test_whoever_the_address_names_the_application_is_itself(tmp_path, monkeypatch, named):
    home = Home(tmp_path / "home")
    make_home(home)
    monkeypatch.setenv("KEHU_DATABASE_URL", f"postgresql://{named}sslmode=require")
    outside = Database(home)
    assert outside.parameters("kehu_owner")["user"] == "owner"
    for role in ("kehu_app", "kehu_sequencer"):
        found = outside.parameters(role)
        assert (found["user"], found["host"], found["sslmode"]) == (role, "db.example", "require")
        assert found["password"] == Keyring(home).secret(f"password-{role}").hex()
