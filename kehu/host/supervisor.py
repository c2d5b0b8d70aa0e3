"""``kehu up``: one supervisor over database, web, jobs and sequencer.

It starts again what dies, says when it is ready, and on SIGTERM or SIGINT drains: web first, then jobs, sequencer and
database. Killed itself, it takes all with it: children die with their parent, the database with its last user. That it
runs is a lock on ``run/supervisor.lock``, which no crash leaves behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from kehu.host.children import Child, Program, line_log
from kehu.host.database import Database
from kehu.host.home import Home, write_file
from kehu.host.keeper import await_keeper
from kehu.host.logs import JsonFormatter
from kehu.host.mail import Outbox
from kehu.host.postgres import EmbeddedPostgres, PostgresError
from kehu.host.process import harden

_log = logging.getLogger("kehu.supervisor")
_READY_SECONDS: Final = 90
_STOP_SECONDS: Final = 90
_LOOK_SECONDS: Final = 0.2
_DATABASE_LOOK_SECONDS: Final = 2.0
PROGRAMS: Final = (
    Program("sequencer", "kehu.guard.ledger.__main__:main", 10, {"KEHU_ROLE": "kehu_sequencer"}),
    Program("inbox", "kehu.collect.inbox.__main__:main", 15, {"KEHU_ROLE": "kehu_app"}),
    Program("jobs", "kehu.host.jobs:main", 30, {"KEHU_ROLE": "kehu_app"}),
    Program("web", "kehu.host.web:main", 30, {"KEHU_ROLE": "kehu_app"}, repeat=True, answers=True),
)


class SupervisorError(RuntimeError):
    """The system does not start or stop; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running system: where it answers, and its supervisor's process id."""

    url: str
    pid: int
    port: int
    ready: bool


def chosen_port(port: int | None = None) -> int:
    """The port asked for, else ``KEHU_PORT``, else 8000.

    Raises:
        SupervisorError: no port has that number.
    """
    try:
        number = port if port is not None else int(os.environ.get("KEHU_PORT") or 8000)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise SupervisorError("a port is a number from 1 to 65535: see --port and KEHU_PORT")
    return number


def status(home: Home) -> Running | None:
    """The running system, or None."""
    try:
        descriptor = os.open(home / "run" / "supervisor.lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        starting = Running(url="", pid=0, port=0, ready=False)
        try:
            found = Running(**json.loads((home / "run" / "supervisor.json").read_text()))
        except (OSError, ValueError, TypeError):
            return starting
        return found if _alive(found.pid) else starting  # a killed one's word stands until the next one's
    finally:
        os.close(descriptor)
    return None


def answers(port: int) -> bool:
    """Whether the web process on that port answers, and has a database."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/healthz", headers={"Host": "localhost"})
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def ready_for(home: Home) -> float:
    """Seconds since a running system said that it is ready."""
    try:
        return time.time() - (home / "run" / "supervisor.json").stat().st_mtime
    except OSError:
        return 0.0


def was_killed(home: Home) -> bool:
    """Of a system that does not run: whether nobody stopped it, for it takes its own word back when it ends."""
    return (home / "run" / "supervisor.json").exists()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def up(
    home: Home, port: int | None = None, *, detach: bool = False, ready: Callable[[Running], None] | None = None
) -> Running:
    """Run the system of an initialised home.

    In the foreground this returns when it has been stopped, and calls ``ready`` once it answers; with ``detach`` it
    returns as soon as it answers. On a running system it changes nothing and returns at once.

    Raises:
        SupervisorError: it does not come up.
        PostgresError: the database does not start.
    """
    found = running(home)
    if found is None:
        if not home.exists():
            raise SupervisorError("there is no installation here: run `kehu init`")
        if detach:
            found = _detach(home, chosen_port(port))
        else:
            return Supervisor(home, chosen_port(port), ready).run()
    if ready:
        ready(found)
    return found


def running(home: Home) -> Running | None:
    """The system once it is ready; None where none runs, or the one that ran has drained.

    Raises:
        SupervisorError: it is neither within a minute and a half.
    """
    return _await_ready(home) if status(home) else None


def down(home: Home) -> bool:
    """Stop the system; returns whether one was running.

    Raises:
        SupervisorError: it is still running after a minute and a half.
    """
    found = status(home)
    if found is None:
        return False
    end, asked = time.monotonic() + _STOP_SECONDS, 0
    while found and time.monotonic() < end:
        if found.pid and asked != found.pid:
            os.kill(found.pid, signal.SIGTERM)
            asked = found.pid
        time.sleep(0.05)
        found = status(home)
    if found:
        raise SupervisorError(f"it does not stop: end process {found.pid} by hand")
    return True


def _await_ready(home: Home, process: subprocess.Popen[bytes] | None = None) -> Running | None:
    """The system once it is ready, or None where it ended before that."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        found = status(home)
        if found and found.ready:
            return found
        if process.poll() is not None if process else found is None:
            return None
        time.sleep(0.05)
    raise SupervisorError(f"it is not ready after {_READY_SECONDS} seconds: see {home / 'log'}")


def _detach(home: Home, port: int) -> Running:
    check_free(port)
    process = subprocess.Popen(
        [sys.executable, "-m", "kehu.host.supervisor", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        env=os.environ | {"KEHU_HOME": str(home.path)}, start_new_session=True,
    )  # fmt: skip
    running = _await_ready(home, process)
    if running is None:
        raise SupervisorError(f"it ended before it was ready: see {home / 'log' / 'supervisor.log'}")
    process.returncode = 0  # it lives on, and is nobody's to wait for
    return running


def check_free(port: int) -> None:
    """See that the port can be used.

    Raises:
        SupervisorError: it cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SupervisorError(
                f"port {port} cannot be used (taken, or kept for root): choose another with --port or KEHU_PORT"
            ) from None


class Supervisor:
    """The running of one home."""

    def __init__(
        self,
        home: Home,
        port: int,
        ready: Callable[[Running], None] | None = None,
        programs: Sequence[Program] = PROGRAMS,
    ) -> None:
        self._home = home
        self._port = port
        self._ready = ready
        self._database = Database(home)
        self._outbox = Outbox(home)
        self._stop = threading.Event()
        self._restart: threading.Thread | None = None
        self._children = [Child(program, home / "log") for program in programs]
        self._state = Running(url=f"http://localhost:{port}", pid=os.getpid(), port=port, ready=False)

    def run(self) -> Running:
        """Start all, watch until told to stop, drain.

        Raises:
            SupervisorError: another one runs, the port is taken, or it does not get ready.
        """
        self._home.create()
        lock = self._lock()
        try:
            self._log_to_file()
            harden()
            check_free(self._port)
            previous = {number: signal.signal(number, self._told) for number in (signal.SIGTERM, signal.SIGINT)}
            try:
                self._run()
            finally:
                for number, handler in previous.items():
                    signal.signal(number, handler)
        finally:
            (self._home / "run" / "supervisor.json").unlink(missing_ok=True)
            os.close(lock)
        return self._state

    def _run(self) -> None:
        os.environ["KEHU_PORT"] = str(self._port)
        self._publish(ready=False)
        try:
            if not self._database.start(kept=True, given_up=self._stop.is_set):
                return
            self._outbox.open()
            for child in self._children:
                if child.program.answers:
                    child.start()
            if self._await_web():
                for child in self._children:
                    if not child.program.answers:
                        child.start()
                self._home.record(port=self._port, pid=os.getpid())
                self._publish(ready=True)
                _log.info("supervisor.ready", {"port": self._port})
                if self._ready:
                    self._ready(self._state)
                self._watch()
        finally:
            self._drain()

    def _watch(self) -> None:
        look = time.monotonic()
        while not self._stop.wait(_LOOK_SECONDS):
            for child in self._children:
                child.watch()
            if time.monotonic() >= look:
                look = time.monotonic() + _DATABASE_LOOK_SECONDS
                self._watch_database()

    def _watch_database(self) -> None:
        """Start it again where it has ended, beside the watch: it may recover for long."""
        embedded = self._database.embedded
        if embedded is None or (self._restart and self._restart.is_alive()) or embedded.running():
            return
        _log.warning("database.ended")
        self._restart = threading.Thread(target=self._restart_database, args=[embedded], name="database")
        try:
            self._restart.start()
        except RuntimeError:  # no thread to be had just now
            self._restart = None
            _log.error("database.does-not-start", exc_info=True)

    def _restart_database(self, embedded: EmbeddedPostgres) -> None:
        try:
            embedded.start(given_up=self._stop.is_set)
        except (PostgresError, OSError, subprocess.SubprocessError):  # a full disk, say: it is tried again
            _log.error("database.does-not-start", exc_info=True)

    def _await_web(self) -> bool:
        """Whether it got ready; False where it was told to stop meanwhile."""
        end = time.monotonic() + _READY_SECONDS
        while not self._stop.is_set():
            if answers(self._port):
                return True
            if time.monotonic() > end:
                raise SupervisorError(f"the web process does not answer: see {self._home / 'log' / 'web.log'}")
            for child in self._children:
                child.watch()
            self._stop.wait(0.05)
        return False

    def _drain(self) -> None:
        with contextlib.suppress(OSError):  # of a full disk: the word stands, and the lock goes
            self._publish(ready=False)  # who starts one now waits for our end, and is not told that it runs
        _log.info("supervisor.draining")
        for child in reversed(self._children):
            child.drain()
        self._outbox.close()
        if self._restart:
            self._restart.join()
        self._database.release()
        await_keeper(self._home)
        _log.info("supervisor.stopped")

    def _told(self, number: int, _: object) -> None:
        if self._stop.is_set() and number == signal.SIGINT:  # a second Ctrl-C means now
            for child in self._children:
                child.kill()
        self._stop.set()

    def _lock(self) -> int:
        descriptor = os.open(self._home / "run" / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(50):  # who asks for the status holds it for an instant
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)
            else:
                return descriptor
        os.close(descriptor)
        raise SupervisorError("another supervisor runs in this home: `kehu down` stops it")

    def _publish(self, *, ready: bool) -> None:
        self._state = Running(url=self._state.url, pid=os.getpid(), port=self._port, ready=ready)
        write_file(self._home / "run" / "supervisor.json", json.dumps(asdict(self._state)).encode())

    def _log_to_file(self) -> None:
        log = line_log(self._home / "log" / "supervisor.log")
        handler = _LineHandler(log)
        handler.setFormatter(JsonFormatter())
        logger = logging.getLogger("kehu")
        for old in [old for old in logger.handlers if isinstance(old, _LineHandler)]:
            logger.removeHandler(old)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _LineHandler(logging.Handler):
    """Writes records of the supervisor to its own log."""

    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._log.write(self.format(record).encode())


def main() -> None:
    """The detached supervisor: ``python -m kehu.host.supervisor PORT``."""
    try:
        Supervisor(Home.current(), int(sys.argv[1])).run()
    except (SupervisorError, PostgresError):
        _log.critical("supervisor.failed", exc_info=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
