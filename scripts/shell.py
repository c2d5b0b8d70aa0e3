"""A Python shell inside the installation, which is made where there is none; the database runs for its time."""

from __future__ import annotations

import os

from kehu.doors.cli.installation import install
from kehu.host.database import Database
from kehu.host.home import Home


def main() -> None:
    """Start the database, hand over to Django's shell, stop it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    home = Home.current()
    install(home)
    database = Database(home)
    database.start()
    try:
        from django.core.management import call_command

        call_command("shell")
    finally:
        from django.db import connections

        connections.close_all()
        database.release()


if __name__ == "__main__":
    main()
