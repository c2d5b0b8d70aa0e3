"""``python -m kehu.guard.ledger``: the sequencer as a process of its own, in the role ``kehu_sequencer``."""

from __future__ import annotations

import logging
import signal
import threading

import psycopg

from kehu.guard.ledger.open_log import open_sequencer

_PAUSE = 0.5  # seconds between looks: a row stands in the tree about so long after its commit


def main() -> None:
    """Sequence until told to stop; a lost connection is made anew."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log = logging.getLogger("kehu.ledger")
    while not stop.is_set():
        try:
            with open_sequencer() as sequencer:
                while not stop.is_set():
                    sequencer.run_once()
                    stop.wait(_PAUSE)
        except psycopg.OperationalError:
            log.warning("ledger.sequencer.reconnect")
            stop.wait(1)


if __name__ == "__main__":
    main()
