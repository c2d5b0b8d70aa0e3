"""``python -m kehu.guard.ledger``: the sequencer as a process of its own, in the role ``kehu_sequencer``.

It also shows the checkpoints to the witnesses, each in a thread of its own.
"""

from __future__ import annotations

import logging
import signal
import threading
import time

import psycopg

from kehu.guard.ledger.delay import ALARM, delay_of
from kehu.guard.ledger.open_log import connect, open_sequencer
from kehu.guard.ledger.sequencer import Sequencer
from kehu.guard.ledger.witness import handing
from kehu.host.home import Home

_PAUSE = 0.5  # seconds between looks: a row stands in the tree about so long after its commit
_SIGN = 5.0  # seconds between checkpoints: each goes to every witness; here they grow fewer after a month (thinning)
_WATCH = 10.0  # seconds between looks at the delay
_log = logging.getLogger("kehu.ledger")


def main() -> None:
    """Sequence until told to stop; a lost connection is made anew."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with handing(Home.current(), connect):
        while not stop.is_set():
            try:
                with open_sequencer() as sequencer:
                    _sequence(sequencer, stop)
            except psycopg.OperationalError:
                _log.warning("ledger.sequencer.reconnect")
                stop.wait(1)


def _sequence(sequencer: Sequencer, stop: threading.Event) -> None:
    look = time.monotonic()
    while not stop.is_set():
        sequencer.run_once(sign_every=_SIGN)
        if time.monotonic() >= look:
            look = time.monotonic() + _WATCH
            waited = delay_of(sequencer.connection)
            if waited.seconds > ALARM:
                _log.error(
                    "ledger.delay", {"seconds": int(waited.seconds), "rows": waited.rows, "held": bool(waited.held_by)}
                )
        stop.wait(_PAUSE)


if __name__ == "__main__":
    main()
