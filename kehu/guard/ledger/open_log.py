"""The sequencer and the log's key of the current installation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.sequencer import Sequencer
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import Keyring


def signer_of(home: Home) -> Signer:
    """The log's name (``kehu/`` and the installation's id) and its signing key."""
    return Signer(f"kehu/{home.facts()['id']}", Keyring(home).secret("ledger-sign"))


def connect() -> psycopg.Connection[Any]:
    """A connection of its own, in the role of the sequencer."""
    conninfo = Database(Home.current()).conninfo("kehu_sequencer", os.environ.get("KEHU_DBNAME", "kehu"))
    return psycopg.connect(conninfo, autocommit=True)


@contextmanager
def open_sequencer() -> Iterator[Sequencer]:
    """A sequencer on a connection of its own."""
    home = Home.current()
    with connect() as connection:
        yield Sequencer(connection, signer_of(home), home / "checkpoints")
