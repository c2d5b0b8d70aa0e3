"""The database of an installation: the embedded one, or the one that ``KEHU_DATABASE_URL`` names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.postgres import EmbeddedPostgres, PostgresError

DBNAME: Final = "kehu"
OTHER_ROLES: Final = ("kehu_app", "kehu_sequencer")
_NAMED: Final = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


class Database:
    """Addresses by role, start and stop; the same whether embedded or outside."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._url = os.environ.get("KEHU_DATABASE_URL")
        self._embedded = None if self._url else EmbeddedPostgres(home)

    @property
    def embedded(self) -> EmbeddedPostgres | None:
        """The embedded server, where this installation has one."""
        return self._embedded

    def start(self, *, kept: bool = False, given_up: Callable[[], bool] | None = None) -> bool:
        """Use the server; the embedded one is started where it does not run, and ``kept`` stopped if we are killed.

        False where it was given up while it recovered: see :meth:`EmbeddedPostgres.start`.
        """
        return self._embedded.start(kept=kept, given_up=given_up) if self._embedded else True

    def release(self) -> bool:
        """Stop using it; the last user stops an embedded one."""
        return self._embedded.release() if self._embedded else False

    def exists(self) -> bool:
        """Whether there is a cluster to start."""
        return self._embedded.initialised() if self._embedded else True

    def folders(self) -> list[str]:
        """Folders outside the home that hold parts of the installation."""
        return self._embedded.folders() if self._embedded else []

    def conninfo(self, role: str = "kehu_app", dbname: str = DBNAME) -> str:
        """Connection string of a role (``kehu_owner``, ``kehu_app``, ``kehu_sequencer``)."""
        if self._embedded:
            return self._embedded.conninfo(role, dbname)
        return self._outside(role)

    def url(self, role: str) -> str:
        """The same as a URL, for people and other programs."""
        if self._embedded:
            return f"postgresql://{role}@/{DBNAME}?host={quote(str(self._embedded.socket), safe='')}"
        return self._outside(role)

    def parameters(self, role: str, dbname: str = DBNAME) -> dict[str, Any]:
        """Connection parameters of a role, as a mapping."""
        return conninfo_to_dict(self.conninfo(role, dbname))

    def for_django(self, role: str, dbname: str = DBNAME) -> dict[str, Any]:
        """The same by Django's names; what it has no name for, as how the connection is encrypted, among its options."""
        found = self.parameters(role, dbname)
        options = {name: value for name, value in found.items() if name not in _NAMED}
        return {theirs: found.get(ours, "") for ours, theirs in _NAMED.items()} | {"OPTIONS": options}

    def prepare(self) -> None:
        """Make the roles and the database, and what new tables grant by default. Idempotent.

        Raises:
            PostgresError: an outside server's owner may not make roles; the message holds the SQL to run.
        """
        self.make()
        with psycopg.connect(self.conninfo("kehu_owner"), autocommit=True) as connection:
            grant_defaults(connection)

    def make(self) -> None:
        """Make the roles and the database where they are not there, and grant nothing yet.

        Raises:
            PostgresError: as :meth:`prepare`.
        """
        self._make_roles()
        if self._embedded:
            with psycopg.connect(self._embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as connection:
                there = connection.execute("select 1 from pg_database where datname = %s", (DBNAME,)).fetchone()
                if not there:
                    connection.execute(sql.SQL("create database {}").format(sql.Identifier(DBNAME)))

    def _make_roles(self) -> None:
        owner = self._embedded.conninfo("kehu_owner", "postgres") if self._embedded else self.conninfo("kehu_owner")
        with psycopg.connect(owner, autocommit=True) as connection:
            for role in OTHER_ROLES:
                statement = sql.SQL("create role {} login").format(sql.Identifier(role))
                if not self._embedded:
                    statement += sql.SQL(" password {}").format(sql.Literal(self._password(role)))
                if connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                    continue
                try:
                    connection.execute(statement)
                except psycopg.errors.InsufficientPrivilege:
                    raise PostgresError(f"run as an administrator: {statement.as_string(connection)};") from None

    def _password(self, role: str) -> str:
        return Keyring(self.home).secret(f"password-{role}", create=True).hex()

    def _outside(self, role: str) -> str:
        parts = address(self._url or "")
        if role == "kehu_owner":
            return self._url or ""
        host = parts.netloc.rpartition("@")[2]
        # who is named behind would come before who is named in front
        rest = [one for one in parts.query.split("&") if unquote(one.partition("=")[0]) not in ("user", "password")]
        return urlunsplit(parts._replace(netloc=f"{role}:{self._password(role)}@{host}", query="&".join(rest)))


def address(url: str) -> SplitResult:
    """The parts of an outside database's address.

    Raises:
        PostgresError: it is none, or not in the form of a URL.
    """
    try:
        parts, said = urlsplit(url), conninfo_to_dict(url)
    except (ValueError, psycopg.ProgrammingError):
        parts, said = urlsplit(""), {}
    if parts.scheme not in ("postgresql", "postgres") or not (said.get("dbname") or said.get("service")):
        raise PostgresError(
            "KEHU_DATABASE_URL is not of the form postgresql://OWNER:PASSWORD@HOST:5432/NAME?sslmode=verify-full"
        )
    return parts


def grant_defaults(connection: psycopg.Connection[Any]) -> None:
    """What tables made from now on grant to the application; migrations of the ledger revoke what it must not have."""
    for statement in (
        "grant usage on schema public to kehu_app, kehu_sequencer",
        "alter default privileges in schema public grant select, insert, update, delete on tables to kehu_app",
        "alter default privileges in schema public grant usage, select on sequences to kehu_app",
        "alter default privileges in schema public grant execute on functions to kehu_app",
    ):
        connection.execute(statement)
