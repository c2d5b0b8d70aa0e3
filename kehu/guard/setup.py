"""Making an installation, and finishing what a crash left half made: every step can run again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from kehu.govern import notices, register
from kehu.govern.models import Channel, Controller, Notice, Rules
from kehu.govern.slugs import CHANNELS
from kehu.guard.access.owners import own_what_ships, things_of_the_rules
from kehu.guard.access.wordings import ship_texts
from kehu.guard.installation import rules_in_force
from kehu.guard.staff.actions import ensure_owner
from kehu.guard.tombstones import replay
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.postgres import PostgresError


def migrate(database: Database) -> None:
    """Bring the schema up to date as its owner, then register the rules and what every installation has.

    Raises:
        PostgresError: a newer program has done so, or the database cannot be prepared.
    """
    database.prepare()
    with as_owner(database):
        if unknown := newer():
            raise PostgresError(
                f"a newer Kehu has brought this database up to date ({unknown[0]}): run that one,"
                " or bring back a copy from before (docs/how-to/back-up.md)"
            )
        call_command("migrate", verbosity=0, interactive=False)
        ship()
    prepare()


def newer() -> list[str]:
    """Migrations of ours that were applied to this database and that this program does not know."""
    loader = MigrationLoader(connection)
    ours = {one.label for one in apps.get_app_configs() if one.name.startswith("kehu.")}
    return sorted(
        f"{app}.{name}" for app, name in loader.applied_migrations.keys() - loader.disk_migrations.keys() if app in ours
    )


@contextmanager
def as_owner(database: Database) -> Iterator[None]:
    """Use the owner's role on Django's connection for a while."""
    settings = connections["default"].settings_dict
    kept = dict(settings)
    dbname = os.environ.get("KEHU_DBNAME", "kehu")
    owner = database.for_django("kehu_owner", dbname)
    connection.close()
    # migrations hold several statements each, which cannot be prepared
    settings.update({name: owner[name] for name in ("USER", "PASSWORD", "OPTIONS")})
    try:
        yield
    finally:
        connection.close()
        settings.update(USER=kept["USER"], PASSWORD=kept["PASSWORD"], OPTIONS=kept["OPTIONS"])


def ship() -> None:
    """The purposes and the notice that ship, into the register; only the schema's owner may, and what the office put in
    force stays before them."""
    register.register_shipped()
    ship_texts()
    held = register.in_force("purpose")
    as_shipped = {slug: one for slug, one in register.purposes_in_force().items() if held[slug].shipped}
    notices.register_shipped(ensure_owner().id, as_shipped)


def prepare() -> None:
    """Epoch, rules in force, owner, controller and channels; as the application, any number of times.

    A database restored from an older backup is erased again here, before anything opens.
    """
    owner = ensure_owner()
    with connection.cursor() as cursor:
        cursor.execute("insert into key_epoch (epoch) select 1 where not exists (select 1 from key_epoch)")
    own_what_ships(owner.id)
    register_rules()
    Controller.objects.get_or_create(name="main", defaults={"country": "CN", "owner": owner.id})
    for name in CHANNELS:
        Channel.objects.get_or_create(name=name, defaults={"kind": name, "owner": owner.id})
    connection.ensure_connection()
    replay(connection.connection, Home.current())


@transaction.atomic
def register_rules() -> None:
    """Put the rules of this program and of the register in force where others (or none) are.

    One at a time: of two changes that come in force at once the later one's rules hold both.
    """
    register.lock("rules", "")
    begun = timezone.now()
    rules = rules_in_force()
    newest = Rules.objects.order_by("-version").first()
    if newest is None or bytes(newest.digest) != rules.digest:
        made = Rules.objects.create(
            digest=rules.digest,
            content={"policies": rules.policies.digest, "dictionary": rules.dictionary.digest}
            | {slug: purpose.digest for slug, purpose in rules.purposes.items()}
            | {"owned": things_of_the_rules()},
        )
        if _came_due(begun, made.since):  # read before its moment, and later it would count as looked at
            register_rules()


def register_due_notices() -> bool:
    """Put the rules in force anew where a notice's day has come since they were; returns whether it did."""
    newest = Rules.objects.order_by("-version").first()
    if newest is None or not _came_due(newest.since, timezone.now()):
        return False
    register_rules()
    return True


def _came_due(after: datetime, until: datetime) -> bool:
    """Whether a notice came in force between the two."""
    return Notice.objects.filter(in_force_from__gt=after, in_force_from__lte=until).exists()


def open_owner(database: Database) -> psycopg.Connection[tuple[object, ...]]:
    """A connection as owner, for what only the owner does (restores, rotation of partitions, tests)."""
    return psycopg.connect(database.conninfo("kehu_owner", os.environ.get("KEHU_DBNAME", "kehu")), autocommit=True)
