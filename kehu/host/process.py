"""What every process of ours does first, and how the supervisor's children begin.

``python -m kehu.host.process module:function`` hardens itself, ties its life to its parent's and calls the function.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import logging
import logging.config
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Final

import django

from kehu.host.logs import configuration

PARENT: Final = "KEHU_PARENT"
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4


def harden() -> None:
    """No core file, no reading of this process's memory by its account, no file of ours for others: keys are in all."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def supervised() -> bool:
    """Whether the supervisor started this process (or its parent)."""
    return PARENT in os.environ


def follow_parent() -> None:
    """Die with the parent, however it dies: Linux does it, elsewhere a thread looks once a second."""
    child_of = multiprocessing.parent_process()
    parent = child_of.pid if child_of else int(os.environ[PARENT])
    if not _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL):
        threading.Thread(target=_watch, args=(parent,), name="follow-parent", daemon=True).start()
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def begin_child() -> None:
    """All of it, with logging, for a child of the supervisor."""
    harden()
    follow_parent()
    logging.config.dictConfig(configuration())
    silence_tracebacks()


def begin_pooled() -> None:
    """Begin a process of a pool that shares a long work; what it is given to do can be imported after this only."""
    harden()
    follow_parent()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    django.setup()
    gc.disable()  # what such work makes forms no cycles, and looking for them took a third of its time


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles while very many tuples are made that hold none: it takes a third of the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def spawned(sender: Connection, call: bytes) -> None:
    """Begin a process that another of ours spawned for a part of its work, and call ``function(sender, *arguments)``.

    The call comes pickled: what it names cannot be imported before Django is set up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    harden()
    follow_parent()
    silence_tracebacks()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    django.setup()
    function, arguments = pickle.loads(call)  # noqa: S301  (our parent wrote it)
    with closing(sender):
        function(sender, *arguments)


def silence_tracebacks() -> None:
    """Write what nobody caught as class and place: Python's own report quotes the exception's text."""
    log = logging.getLogger("kehu.process")

    def uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and not issubclass(kind, (KeyboardInterrupt, SystemExit)):
            log.critical("process.uncaught", exc_info=(kind, error, trace))

    sys.excepthook = uncaught
    threading.excepthook = lambda found: uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    sys.unraisablehook = lambda found: uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    logging.captureWarnings(True)


def _watch(parent: int | None) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)


def main() -> None:
    """Run one child."""
    begin_child()
    module, _, function = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), function)()


if __name__ == "__main__":
    main()
