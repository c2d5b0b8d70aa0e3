"""A home for one measurement: made, migrated, and removed at the end, with all that lies outside it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

import django

from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import make_home


class BenchHome:
    """An installation that lives as long as its ``with`` block."""

    def __init__(self) -> None:
        """Make the home and set Django up in it: before anything else of Django is imported."""
        self.home = Home(Path(tempfile.mkdtemp(prefix="kehu-bench-")))
        os.environ |= {"KEHU_HOME": str(self.home.path), "DJANGO_SETTINGS_MODULE": "kehu.host.settings"}
        os.environ.pop("KEHU_DATABASE_URL", None)
        make_home(self.home)
        self.database = Database(self.home)
        django.setup()

    def __enter__(self) -> BenchHome:
        from kehu.guard.setup import migrate

        self.database.start()
        self.home.record(folders=self.database.folders())
        migrate(self.database)
        self._free()
        return self

    def _free(self) -> None:
        """Set no quotas, as an office may: what is measured is reading, not being refused."""
        from kehu.govern.quotas import FREE, shipped_quotas
        from kehu.guard.gate.quotas import set_limit
        from kehu.guard.staff.actions import owner_actor

        for role, meter in shipped_quotas():
            set_limit(role, meter, FREE, actor=owner_actor())

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        from django.db import connections

        connections.close_all()
        self.database.release()
        for folder in (*self.database.folders(), str(self.home.path)):
            shutil.rmtree(folder, ignore_errors=True)
