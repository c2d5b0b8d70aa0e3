"""``python -m kehu.collect.inbox``: takes in what channels sent, as a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

import django
import psycopg
from django.db import Error, connection

_PAUSE = 0.5  # seconds between looks where nothing waits
_AWAY = 2.0
_FORGET = 3_600.0
_log = logging.getLogger("kehu.collect.inbox")


def main() -> None:
    """Take in until told to stop; a lost connection is made anew."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    django.setup()
    from kehu.collect.imports.garbage import collected_by_batch  # noqa: PLC0415  (models are there only now)
    from kehu.collect.inbox.drain import drain, forget_seen, forget_unread  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    forget = time.monotonic()
    with collected_by_batch() as collect:  # a fifth less time for a chunk than looking all the time
        while not stop.is_set():
            try:
                if time.monotonic() >= forget:
                    forget = time.monotonic() + _FORGET
                    forget_seen()
                    forget_unread()
                    collect()
                if drain():
                    collect()
                else:
                    stop.wait(_PAUSE)
            except (Error, psycopg.Error):
                connection.close()
                _log.warning("inbox.reconnect")
                stop.wait(_AWAY)


if __name__ == "__main__":
    main()
