"""Stops the embedded server once nobody uses it, however its users ended: also after a ``kill -9`` of the supervisor.

Users hold a shared lock on ``pg.users``, which the kernel drops when they die. The keeper, a process of its own run by
path with the standard library alone (small, started at once), waits for the exclusive one, looks again under
``pg.lock`` (held by whoever starts or stops the server), stops the server and leaves. Its own lock, ``pg.keeper``,
says that there is one; it is dropped before ``pg.lock``, so a starter never counts on a keeper about to leave.
A starter killed half-way leaves ``pg.starting``: the server it began may come up only later, and is waited for.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kehu.host.home import Home

STARTING: Final = "pg.starting"
_APPEARS_SECONDS: Final = 15


def start_keeper(home: Home, data: Path, binaries: Path) -> None:
    """See that there is a keeper for the server in ``data``. The caller holds ``pg.users`` already."""
    descriptor = os.open(home / "pg.keeper", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # there is one
    else:
        subprocess.run(
            [sys.executable, "-I", "-S", __file__, *map(str, (home.path, descriptor, binaries / "pg_ctl", data))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            pass_fds=(descriptor,), start_new_session=True, check=True,
        )  # fmt: skip
    finally:
        os.close(descriptor)


def await_keeper(home: Home, seconds: float = 10) -> bool:
    """Wait until the keeper has left, that is, until the server has been stopped; False where others still use it."""
    descriptor = os.open(home / "pg.keeper", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(int(seconds * 50)):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return True
            if _used_by_others(home):
                return False
        return False
    finally:
        os.close(descriptor)


def _used_by_others(home: Home) -> bool:
    """Whether somebody holds the server: the keeper never keeps its own lock on it for more than an instant."""
    users = os.open(home / "pg.users", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(5):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)
            else:
                return False
        return not _locked(home / "pg.lock")  # a keeper at work holds both
    finally:
        os.close(users)


def _locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _keep(home: str, keeper: int, pg_ctl: str, data: str) -> None:
    while True:
        users = os.open(f"{home}/pg.users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_EX)
        os.close(users)  # given back at once: a user who is starting waits for it while holding pg.lock
        lock = os.open(f"{home}/pg.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        users = os.open(f"{home}/pg.users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _stop(pg_ctl, data, Path(home, STARTING))
            os.close(keeper)
            return
        finally:
            os.close(users)
            os.close(lock)


def _stop(pg_ctl: str, data: str, begun: Path) -> None:
    end = time.monotonic() + _APPEARS_SECONDS
    while not _stopped(pg_ctl, data) and begun.exists() and time.monotonic() < end:
        time.sleep(0.1)
    begun.unlink(missing_ok=True)


def _stopped(pg_ctl: str, data: str) -> bool:
    owner = os.stat(data)
    command = [pg_ctl, "-D", data, "-m", "fast", "-w", "stop"]
    nowhere = subprocess.DEVNULL
    if owner.st_uid == os.geteuid():
        done = subprocess.run(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=False)
    else:  # started by root: pg_ctl refuses to run as root
        done = subprocess.run(
            command, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=False,
            user=owner.st_uid, group=owner.st_gid, extra_groups=[],
        )  # fmt: skip
    return done.returncode == 0


if __name__ == "__main__":
    if os.fork():  # the starter waits for this process only; the keeper is nobody's child
        os._exit(0)
    _keep(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
