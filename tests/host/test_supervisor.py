"""The supervisor: comes up, brings back what dies, drains, and leaves nothing behind, not even by kill -9."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from kehu.host import jobs, supervisor
from kehu.host.children import LineLog
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keeper import STARTING, start_keeper
from kehu.host.keyring import make_home
from kehu.host.mail import Outbox, OutboxClosed, read_outbox, smtp_settings

ROOT = Path(__file__).resolve().parents[2]
# jobs need the queue's tables, which the settings do not install yet
RUN = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "kehu.host.settings"
import django
django.setup()
from django.db import connections
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.supervisor import PROGRAMS, Supervisor
from kehu.guard.setup import migrate
home = Home.current()
database = Database(home)
database.start(kept=True)
migrate(database)
connections.close_all()
programs = [program for program in PROGRAMS if program.name in ("web", "sequencer")]
Supervisor(home, int(sys.argv[1]), programs=programs).run()
database.release()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def processes_of(home: Home) -> list[int]:
    """Every process that has this home in its environment, arguments or working folder."""
    wanted = [str(home.path).encode(), *[folder.encode() for folder in home.facts().get("folders", ())]]
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            text += os.fsencode(os.readlink(entry / "cwd"))
        except OSError:
            continue
        if any(part in text for part in wanted):
            found.append(int(entry.name))
    return found


def family(ancestor: int) -> set[int]:
    """A process and all that descend from it: an ordinary user may not read the environment of our hardened ones."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def healthy(port: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/healthz", headers={"Host": "localhost"})
        return line.getresponse().status
    except OSError:
        return 0
    finally:
        line.close()


@contextmanager
def system(home: Home, port: int):
    with starting(home, port) as process:

        def ready():
            assert process.poll() is None, "the supervisor ended"
            found = supervisor.status(home)
            return found if found and found.ready else None

        yield process, wait_for(ready)


@contextmanager
def starting(home: Home, port: int = 0):
    environment = {k: v for k, v in os.environ.items() if k not in ("KEHU_DBNAME", "KEHU_PARENT")}
    environment |= {"KEHU_HOME": str(home.path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", RUN, str(port or free_port())]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        wait_for(lambda: not processes_of(home))


@pytest.fixture
def installed(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    database = Database(home)
    home.record(folders=database.folders())
    yield home
    import shutil

    for folder in database.folders():
        shutil.rmtree(folder, ignore_errors=True)


# A start takes seconds: each below is put to use to its end.


def test_kill_9_of_every_process_and_it_starts_again_answers_and_drains(installed):
    port = free_port()
    with system(installed, port) as (process, _):
        for pid in {*processes_of(installed), *family(process.pid)}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
    with system(installed, port) as (process, running):
        assert (running.port, running.pid, running.url) == (port, process.pid, f"http://localhost:{port}")
        assert healthy(port) == 200
        assert supervisor.up(installed, detach=True) == running  # on a running system: the same answer
        assert supervisor.down(installed) is True
        assert process.wait(30) == 0
        wait_for(lambda: not processes_of(installed), 5)
        assert supervisor.status(installed) is None and supervisor.down(installed) is False
    events = [json.loads(line)["event"] for line in (installed / "log" / "supervisor.log").read_text().splitlines()]
    assert events[0] == "supervisor.ready" and events[-1] == "supervisor.stopped"


def test_kill_9_of_the_supervisor_takes_all_with_it_and_ctrl_c_stops_the_next(installed):
    port = free_port()
    with system(installed, port) as (process, _):
        assert len({*processes_of(installed), *family(process.pid)}) > 5
        process.kill()
        process.wait()
        wait_for(lambda: not processes_of(installed), 15)
    with system(installed, port) as (process, running):
        assert running.ready
        began = time.monotonic()  # at once after it got ready: a worker may still be starting
        process.send_signal(signal.SIGINT)
        log = installed / "log" / "supervisor.log"
        wait_for(lambda: "supervisor.draining" in log.read_text(), 5)
        assert process.poll() is None and supervisor.running(installed) is None  # it is not told to run: it ended first
        assert process.wait(30) == 0 and time.monotonic() - began < 10
        wait_for(lambda: not processes_of(installed), 5)


def test_killed_while_it_starts_the_database_it_leaves_none(installed):
    with starting(installed) as process:
        wait_for((Database(installed).embedded.data / "postmaster.pid").exists)
        process.kill()
        process.wait()
        wait_for(lambda: not processes_of(installed), 30)
    assert not (installed / STARTING).exists()


def test_the_keeper_waits_for_a_server_that_a_killed_one_began(installed):
    """It may come up only after its starter is gone and the keeper found nothing to stop."""
    embedded = Database(installed).embedded
    embedded.start()
    assert embedded.release()
    users = os.open(installed / "pg.users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_SH)
    start_keeper(installed, embedded.data, embedded.binaries)
    (installed / STARTING).touch()
    os.close(users)  # as a kill -9 does
    time.sleep(1)
    socket, log = f"-k '{embedded.socket}'", embedded.data / "start.log"
    embedded._run("pg_ctl", "-D", embedded.data, "-w", "-l", log, "-o", socket, "start", check=False)
    wait_for(lambda: not embedded.running() and not (installed / STARTING).exists(), 15)


def test_what_a_killed_one_said_is_not_the_next_ones_word(installed):
    """Killed, it leaves behind that it was ready; the next one holds the lock before it says anything itself."""
    (installed / "run").mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    said = {"url": "http://localhost:1", "pid": gone.pid, "port": 1, "ready": True}
    (installed / "run" / "supervisor.json").write_text(json.dumps(said))
    holder = os.open(installed / "run" / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        found = supervisor.status(installed)
        assert found is not None and not found.ready
        (installed / "run" / "supervisor.json").write_text(json.dumps(said | {"pid": os.getpid()}))
        assert supervisor.status(installed) == supervisor.Running(**said | {"pid": os.getpid()})
    finally:
        os.close(holder)


def test_brings_back_web_and_database(installed):
    port = free_port()
    with system(installed, port) as (process, _):
        parents = sorted(pid for pid in family(process.pid) if b"kehu.host.web:main" in cmdline(pid))
        os.kill(parents[0], signal.SIGKILL)
        wait_for(lambda: healthy(port) == 0, 5)
        wait_for(lambda: healthy(port) == 200)
        os.kill(postmaster(installed), signal.SIGKILL)
        log = installed / "log" / "supervisor.log"
        # a backend that outlives the postmaster for a moment still answers: wait until the end was seen
        wait_for(lambda: "database.ended" in log.read_text())
        wait_for(lambda: healthy(port) == 200)
        assert "web.ended" in log.read_text()


def test_what_the_machine_refuses_for_a_moment_ends_nothing_that_runs(tmp_path, monkeypatch):
    """No memory for another process, no room on the disk: the others go on, and it is tried again."""
    home = Home(tmp_path / "home")
    make_home(home)
    supervised = supervisor.Supervisor(home, 1, programs=[supervisor.Program("gone", "kehu.host.nothing:main", 1)])
    [child] = supervised._children
    child.start()
    child._process.wait()
    child.watch()  # it ended: begun again after half a second or more
    time.sleep(1.1)

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as full:
        full.setattr(subprocess, "Popen", refused)
        child.watch()
        assert child.pid is None
    child._next = 0.0
    child.watch()
    wait_for(lambda: child._process.poll() is not None)
    embedded = supervised._database.embedded
    monkeypatch.setattr(embedded, "running", lambda: False)
    log, tried = [], lambda: supervised._restart is not None and not supervised._restart.is_alive()
    monkeypatch.setattr(supervisor._log, "error", lambda *said, **_: log.append(said))
    for raised in (refused, lambda **_: subprocess.run(["sleep", "9"], timeout=0.01)):
        monkeypatch.setattr(embedded, "start", raised)
        supervised._watch_database()
        wait_for(tried)
    monkeypatch.setattr(threading.Thread, "start", lambda _: refused_thread())
    supervised._watch_database()
    assert log == [("database.does-not-start",)] * 3


def refused_thread() -> None:
    raise RuntimeError("can't start new thread")


def test_while_the_database_recovers_the_others_are_watched_and_a_stop_is_heard(tmp_path):
    """A log of gigabytes is read for many minutes: what dies meanwhile is begun again, and who stops it is not made to wait."""
    home = Home(tmp_path / "home")
    make_home(home)
    supervised = supervisor.Supervisor(home, 1, programs=[supervisor.Program("gone", "kehu.host.nothing:main", 1)])
    embedded = supervised._database.embedded
    embedded.start()
    with psycopg.connect(embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
        owner.execute("alter system set restore_command = 'sleep 20; false'")  # asked for each file
    embedded._run("pg_ctl", "-D", embedded.data, "-m", "immediate", "-w", "stop")
    (embedded.data / "recovery.signal").touch()
    os.chown(embedded.data / "recovery.signal", embedded.data.stat().st_uid, embedded.data.stat().st_gid)
    [child] = supervised._children
    child.start()
    watched = threading.Thread(target=supervised._watch)
    watched.start()
    wait_for(embedded._recovers)
    before = child.restarts
    wait_for(lambda: child.restarts > before, 10)
    assert embedded._recovers()
    told = time.monotonic()
    supervised._stop.set()
    watched.join()
    supervised._drain()
    assert time.monotonic() - told < 15 and not embedded._recovers() and not (embedded.data / "postmaster.pid").exists()


def test_told_to_stop_while_the_database_recovers_it_never_begins(tmp_path):
    home = Home(tmp_path / "home")
    make_home(home)
    database = Database(home)
    database.start()
    with psycopg.connect(database.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
        owner.execute("alter system set restore_command = 'sleep 20; false'")
    database.release()
    data = database.embedded.data
    (data / "recovery.signal").touch()
    os.chown(data / "recovery.signal", data.stat().st_uid, data.stat().st_gid)
    supervised = supervisor.Supervisor(home, free_port(), programs=[])
    stops = threading.Timer(3, supervised._stop.set)
    stops.start()
    began = time.monotonic()
    supervised._run()
    assert time.monotonic() - began < 15 and not (data / "postmaster.pid").exists()


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def postmaster(home: Home) -> int:
    return next(pid for pid in processes_of(home) if b"/postgres\0-D\0" in cmdline(pid))


def test_a_taken_port_is_told(installed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(supervisor.SupervisorError, match="--port"):
            supervisor.up(installed, taken.getsockname()[1], detach=True)


def test_without_an_installation_it_says_init(tmp_path):
    with pytest.raises(supervisor.SupervisorError, match="kehu init"):
        supervisor.up(Home(tmp_path / "none"))


def test_what_is_no_json_never_reaches_a_log(tmp_path):
    path = tmp_path / "web.log"
    with LineLog(path) as log:
        log.write(b'{"event": "kept"}\n')
        log.write(b"ValueError: CANARY-7731 is not a phone\n")
        log.write(b"\xff\xfe CANARY-7731\n")
        log.write(b'"CANARY-7731"\n')
    lines = path.read_text().splitlines()
    assert json.loads(lines[0]) == {"event": "kept"}
    assert "CANARY-7731" not in path.read_text()
    assert [json.loads(line)["event"] for line in lines[1:]] == ["output.hidden"] * 3


def test_an_uncaught_exception_is_logged_without_its_text(tmp_path):
    code = (
        "import logging.config\nfrom kehu.host.logs import configuration\n"
        "from kehu.host.process import silence_tracebacks\n"
        "logging.config.dictConfig(configuration()); silence_tracebacks()\nraise ValueError('CANARY-7731')"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    line = json.loads(out.stderr)
    assert line["event"] == "process.uncaught" and line["exception"] == "ValueError" and "CANARY" not in out.stderr


def test_outbox_keeps_mail_in_memory_for_the_owner(tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    home.create()
    monkeypatch.setenv("KEHU_HOME", str(home.path))
    from django.core.mail import EmailMessage, get_connection

    backend = get_connection("kehu.host.mail.OutboxBackend")
    letter = EmailMessage("Your code", "123456", "kehu@localhost", ["li@mail.example"])
    with pytest.raises(OutboxClosed):
        backend.send_messages([letter])
    outbox = Outbox(home)
    outbox.open()
    try:
        assert backend.send_messages([letter]) == 1
        (found,) = read_outbox(home)
        assert (found["to"], found["subject"], found["text"]) == (["li@mail.example"], "Your code", "123456")
        (path,) = (home / "run").glob("*.sock")
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        outbox.close()
    with pytest.raises(OutboxClosed):
        read_outbox(home)


def test_outbox_works_below_a_long_path(tmp_path):
    home = Home(tmp_path / ("long" * 30) / "home")
    home.create()
    outbox = Outbox(home)
    outbox.open()
    try:
        assert read_outbox(home) == []
    finally:
        outbox.close()


def test_smtp_url():
    found = smtp_settings("smtps://kehu:p%40ss@mail.example")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_PASSWORD"]) == ("mail.example", 465, "p@ss")
    assert smtp_settings("smtp://mail.example:587?tls")["EMAIL_USE_TLS"] and smtp_settings("") == {}


def test_jobs_that_slept_with_their_machine_are_not_given_out_again(database):
    """On waking, the watch may look before the heart beats: what runs in its own process is at work, whatever the clock says."""
    seen, connector = [], jobs.app.connector

    async def look():
        async with jobs.app.with_connector(connector.get_worker_connector()).open_async() as working:
            await jobs._retry_stalled(working)

    def status(task):
        with connection.cursor() as cursor:
            cursor.execute("select status::text from procrastinate_jobs where task_name = %s", [task])
            return cursor.fetchone()[0]

    @jobs.app.task(name="tests:slept")
    def slept():
        with connection.cursor() as cursor:
            cursor.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
        asyncio.run(look())
        seen.append(status("tests:slept"))

    try:
        slept.defer()
        jobs.run_pending()
    finally:
        del jobs.app.tasks["tests:slept"]
    assert seen == ["doing"]
    jobs.app.configure_task("tests:gone", allow_unknown=True).defer()
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set status = 'doing' where task_name = 'tests:gone'")
    asyncio.run(look())
    assert status("tests:gone") == "todo"  # of a worker that died: it runs again
