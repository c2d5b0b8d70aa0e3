"""Every folder in which an installation, or a test's own server, keeps anything."""

from __future__ import annotations

import psycopg

from kehu.host.database import Database
from kehu.host.home import Home


def places(database: Database) -> list[str]:
    """The home, the folders of the database's server, and where its tablespaces are."""
    assert database.embedded is not None
    with psycopg.connect(database.embedded.conninfo("kehu_owner", "postgres")) as owner:
        spaces = owner.execute("select pg_tablespace_location(oid) from pg_tablespace").fetchall()
    return [str(Home.current().path), *map(str, database.folders()), *(place for (place,) in spaces if place)]
