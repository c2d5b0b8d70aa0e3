"""The web process with a fault: as `kehu up` runs it, but for what a test wants to go wrong. Started by those tests only."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

from granian.constants import Interfaces
from granian.server import Server

from kehu.host import wsgi
from kehu.host.web import THREADS, WORKERS

# the statements that accept, without their memory of what was here before
_REMEMBERS = "insert into inbox_seen (token)\n        select"
_FORGETS = "on conflict do nothing returning token"


def main():
    """Serve the application that ``FAULT`` names."""
    Server(
        f"tests.clients.failing:{os.environ['FAULT']}", address="127.0.0.1", port=int(os.environ["KEHU_PORT"]),
        interface=Interfaces.WSGI, workers=WORKERS, blocking_threads=THREADS, websockets=False, log_access=False,
    ).serve()  # fmt: skip


def cut(environ, start_response):
    """Die by kill -9 with a request of each sender kept and not answered: the second that each sends."""
    answered = list(wsgi.application(environ, start_response))
    if environ["REQUEST_METHOD"] == "POST":
        folder, sender = Path(os.environ["FAULT_FOLDER"]), environ["HTTP_AUTHORIZATION"].encode()
        mark = folder / hashlib.sha256(sender).hexdigest()[:16]
        with mark.open("ab") as counted:
            counted.write(b".")
            counted.flush()
            second = counted.tell() == 2
        if second:
            mark.with_suffix(".kept").touch()
            while len(list(folder.glob("*.kept"))) < int(os.environ["FAULT_SENDERS"]):
                time.sleep(0.01)
            os.killpg(0, signal.SIGKILL)
    return answered


def forgetful(environ, start_response):
    """Accept whatever comes as new."""
    from kehu.collect.inbox import accept as accepting

    for name in ("_TAKE", "_TAKE_ONE"):
        text = getattr(accepting, name)
        if _FORGETS in text:
            setattr(accepting, name, text.replace(_REMEMBERS, "select").replace(_FORGETS, ""))
    return wsgi.application(environ, start_response)
