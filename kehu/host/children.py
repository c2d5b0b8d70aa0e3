"""The supervisor's children: started, listened to, started again with patience, and drained."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from kehu.host.process import PARENT

_log = logging.getLogger("kehu.supervisor")
_SHORTEST, _LONGEST = 0.5, 30.0  # seconds between an end and the next start
_STEADY_SECONDS: Final = 60.0
_REPEAT_SECONDS: Final = 0.5
_LOG_BYTES: Final = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, as ``module:function`` in a process of its own, and how long it may take to drain.

    ``repeat``: tell it and its workers to stop again every half second. A worker of granian that is still starting
    loses the signal and would be waited for in vain. ``answers``: people wait for it, so the others begin once it answers;
    all of them at once would only take its share of the cores.
    """

    name: str
    target: str
    drain_seconds: float
    environment: dict[str, str] = field(default_factory=dict)
    repeat: bool = False
    answers: bool = False


class Child:
    """One program kept running. What it writes goes line by line to ``log/<name>.log``, JSON only."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.restarts = 0
        self._logs = logs
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started = 0.0
        self._pause = _SHORTEST
        self._next = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it. Its death with ours is its own first act (:mod:`kehu.host.process`)."""
        environment = os.environ | self.program.environment | {PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kehu.host.process", self.program.target],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True,  # Ctrl-C is for the supervisor, which drains in order
        )  # fmt: skip
        self._started = time.monotonic()
        self._reader = threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def watch(self) -> None:
        """Start it again where it has ended, sooner or later by how long it held out."""
        if self._process is None or self._process.poll() is None:
            return
        now = time.monotonic()
        if self._started:
            steady = now - self._started > _STEADY_SECONDS
            self._pause = _SHORTEST if steady else min(self._pause * 2, _LONGEST)
            self._next, self._started = now + self._pause, 0.0
            self.restarts += 1
            _log.warning(f"{self.program.name}.ended", {"status": self._process.returncode, "again_in": self._pause})
        if now >= self._next:
            try:
                self.start()
            except OSError:  # no memory, or no process to be had just now: the others run on
                self._next = now + _LONGEST
                _log.error(f"{self.program.name}.not-started", {"again_in": _LONGEST}, exc_info=True)

    def drain(self) -> None:
        """Ask it to finish; after its time, end it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            if not self._ends():
                _log.warning(f"{self.program.name}.killed")
                self.kill()
        if self._reader:
            self._reader.join(2)

    def _ends(self) -> bool:
        if self._process is None:
            return True
        end = time.monotonic() + self.program.drain_seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._process.wait(min(left, _REPEAT_SECONDS) if self.program.repeat else left)
            except subprocess.TimeoutExpired:
                if self.program.repeat:
                    os.killpg(self._process.pid, signal.SIGTERM)
            else:
                return True
        return False

    def kill(self) -> None:
        """End it at once, with what it started."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _copy(self, stream: IO[bytes] | None) -> None:
        if stream is None:
            return
        with line_log(self._logs / f"{self.program.name}.log") as log, stream:
            for line in stream:
                log.write(line)


class LineLog:
    """A log file that takes JSON lines and nothing else: whatever prints around our logging may print a value."""

    def __init__(self, path: Path) -> None:
        self._name = path.stem
        self._handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=3)
        os.chmod(path, 0o600)

    def __enter__(self) -> LineLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._handler.close()

    def write(self, line: bytes) -> None:
        """Write one line; what is no JSON object is told by its length alone."""
        try:
            text = line.decode()
            if not isinstance(json.loads(text), dict):
                raise ValueError
        except ValueError:
            if not line.strip():
                return
            text = json.dumps({"logger": self._name, "event": "output.hidden", "bytes": len(line)})
        record = logging.LogRecord(self._name, logging.INFO, "", 0, text.rstrip("\n"), None, None)
        self._handler.emit(record)


def line_log(path: Path) -> LineLog:
    """Open a log of JSON lines, 0600, turned over at 10 MB."""
    return LineLog(path)
