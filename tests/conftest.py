"""One embedded PostgreSQL for the whole run, migrated once; each test gets a copy and runs as the application."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_home = Path(tempfile.mkdtemp(prefix="kehu-test-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)  # also where no test asked for the server
os.environ["KEHU_HOME"] = str(_home)
os.environ["DJANGO_SETTINGS_MODULE"] = "kehu.host.settings"
os.environ["KEHU_SECOND_FACTOR_FROM"] = "2100-01-01"  # signing in with one has tests of its own
os.environ.pop("KEHU_TOKEN", None)
os.environ.pop("KEHU_DATABASE_URL", None)

import django  # noqa: E402  (settings read the home above)
import psycopg  # noqa: E402

from kehu.host.database import Database  # noqa: E402
from kehu.host.home import Home  # noqa: E402
from kehu.host.keyring import make_home  # noqa: E402

make_home(Home(_home))
django.setup()

from django.contrib.auth.hashers import Argon2PasswordHasher  # noqa: E402

# a quarter of a second and a hundred megabytes for each account that a test makes; what ships has a test of its own
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1

from kehu.guard.gate import quotas  # noqa: E402
from tests.collect import dovecot  # noqa: E402

quotas.shipped_quotas = dict  # type: ignore[assignment]  (bulk tests read thousands; quotas have tests of their own)

from django.test.client import ClientHandler  # noqa: E402

pytest_plugins = ["tests.caller", "tests.smtp", "tests.suppliers", "tests.visitor"]
"""Fixtures that several rooms share."""

_load_middleware = ClientHandler.load_middleware
_chain: dict[str, object] = {}


def _loaded_once(handler: ClientHandler, is_async: bool = False) -> None:
    """The same chain for every client, as every request of a process has it: made anew it looks all static files up."""
    if not _chain:
        _load_middleware(handler, is_async)
        _chain.update({name: held for name, held in vars(handler).items() if "middleware" in name})
    vars(handler).update(_chain)


ClientHandler.load_middleware = _loaded_once  # type: ignore[method-assign]


_MEMORY = Path("/dev/shm")
_LONG_FIRST = ("browser", "clients", "doors", "collect", "refine", "host")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: spread over processes file by file, a long one that came last would be waited for alone."""
    order = {name: number for number, name in enumerate(_LONG_FIRST)}
    tests = Path(__file__).parent
    items.sort(key=lambda item: order.get(item.path.relative_to(tests).parts[0], len(order)))


def _write_at_leisure(database: Database) -> Iterator[None]:
    """No test pulls the plug of this server, and copying a database for each is half of many a test's time.

    Where memory can be a folder the copies lie there: 25 ms each instead of 600.
    """
    assert database.embedded is not None
    room = Path(tempfile.mkdtemp(prefix="kehu-test-", dir=_MEMORY)) if _roomy(_MEMORY) else None
    with psycopg.connect(database.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
        for name in ("fsync", "full_page_writes", "autovacuum"):
            owner.execute(f"alter system set {name} = off")
        if room is not None:
            held = database.embedded.data.stat()
            os.chown(room, held.st_uid, held.st_gid)
            owner.execute(f"create tablespace memory location '{room}'")
        owner.execute("select pg_reload_conf()")
    yield
    if room is not None:
        shutil.rmtree(room, ignore_errors=True)


def _roomy(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 1 << 30


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """The installation all tests share: home, keys, database ``kehu`` migrated as a template."""
    home = Home(_home)
    database = Database(home)
    database.start()
    leisure = _write_at_leisure(database)
    next(leisure)
    from django.db import connection

    from kehu.guard.setup import migrate

    migrate(database)

    connection.close()
    yield database
    database.release()
    for folder in [*database.folders(), str(_home)]:
        shutil.rmtree(folder, ignore_errors=True)
    next(leisure, None)


class _Copies:
    """Copies of the migrated database, made and dropped over one connection: a new one for each costs more than the copy."""

    def __init__(self, server: Database) -> None:
        assert server.embedded is not None
        self._conninfo = server.embedded.conninfo("kehu_owner", "postgres")
        self._held: psycopg.Connection[Any] | None = None

    def run(self, statement: str) -> Any:
        """Run it as the owner, on a new connection where a test took the server down meanwhile."""
        if self._held is not None:
            try:
                return self._held.execute(statement)
            except psycopg.OperationalError:
                self._held.close()
        self._held = psycopg.connect(self._conninfo, autocommit=True)
        return self._held.execute(statement)

    def close(self) -> None:
        if self._held is not None:
            self._held.close()


@pytest.fixture(scope="session")
def copies(server: Database) -> Iterator[_Copies]:
    held = _Copies(server)
    yield held
    held.close()


@pytest.fixture
def database(server: Database, copies: _Copies, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh database for one test, Django's connection on it, as ``kehu_app``."""
    from django.db import connections

    name = f"t{uuid.uuid4().hex[:12]}"
    (server.home / "checkpoints").unlink(missing_ok=True)  # those of the last test's log
    lies = copies.run("select spcname from pg_tablespace where spcname = 'memory'").fetchone()
    copies.run(
        f"create database {name} template kehu strategy file_copy tablespace {lies[0] if lies else 'pg_default'}"
    )
    monkeypatch.setenv("KEHU_DBNAME", name)
    connections["default"].settings_dict["NAME"] = name
    _as_shipped()
    yield server
    connections.close_all()
    copies.run(f"drop database {name} with (force)")


def _as_shipped() -> None:
    """The rules that this process holds are those of the fresh database, whatever the last test put in force."""
    from kehu.govern.models import Rules
    from kehu.guard.installation import installation

    held, newest = installation(), Rules.objects.order_by("-version").first()
    if newest is not None and bytes(newest.digest) != held.rules.digest:
        held.held_rules.read_again()


@pytest.fixture(scope="module")
def imap():
    """A mail server of this machine."""
    if dovecot.find_dovecot() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no dovecot, and with CI=true no test is skipped")
        pytest.skip("no dovecot: apt-get install dovecot-imapd")
    with dovecot.running() as server:
        yield server
