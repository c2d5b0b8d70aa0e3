"""The web process: granian, WSGI, a worker for each core, of four threads with connections that stay open."""

from __future__ import annotations

import os
from typing import Final

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from kehu.host.logs import configuration

THREADS: Final = 4
WORKERS: Final = min(8, max(2, os.cpu_count() or 1))
"""Each thread holds a connection of the database, which has 60 for all."""


def main() -> None:
    """Serve on ``KEHU_PORT`` of this machine until told to stop; requests under way are finished first."""
    Server(
        "kehu.host.wsgi:application",
        address="127.0.0.1",
        port=int(os.environ["KEHU_PORT"]),
        interface=Interfaces.WSGI,
        workers=WORKERS,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=configuration(),
        log_access=False,  # an address with who and when is personal data; what counts stands in the ledger
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=20,
    ).serve()
