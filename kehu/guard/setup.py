"""Making an installation, and finishing what a crash left half made: every step can run again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from kehu.govern.models import Channel, Controller, Notice, Rules
from kehu.govern.slugs import CHANNELS, PURPOSES
from kehu.guard.installation import load_rules
from kehu.guard.staff.actions import ensure_owner
from kehu.guard.tombstones import replay
from kehu.host.database import Database
from kehu.host.home import Home

_NOTICE = {
    "zh-hans": "我们为提供服务、履行合同和遵守法律而处理您的资料；营销、个性化和分析需要您的同意，您可随时撤回。",
    "zh-hant": "我們為提供服務、履行合約和遵守法律而處理您的資料；行銷、個人化和分析需要您的同意，您可隨時撤回。",
    "en": "We use your data to serve you, to perform our contract and to obey the law; marketing, personalisation and"
    " analytics need your consent, which you can withdraw at any time.",
}


def migrate(database: Database) -> None:
    """Bring the schema up to date as its owner, then register the rules and what every installation has."""
    database.prepare()
    with as_owner(database):
        call_command("migrate", verbosity=0, interactive=False)
    prepare()


@contextmanager
def as_owner(database: Database) -> Iterator[None]:
    """Use the owner's role on Django's connection for a while."""
    settings = connections["default"].settings_dict
    kept = dict(settings)
    dbname = os.environ.get("KEHU_DBNAME", "kehu")
    parameters = database.parameters("kehu_owner", dbname)
    connection.close()
    # migrations hold several statements each, which cannot be prepared
    settings.update(USER=parameters.get("user", ""), PASSWORD=parameters.get("password", ""), OPTIONS={})
    try:
        yield
    finally:
        connection.close()
        settings.update(USER=kept["USER"], PASSWORD=kept["PASSWORD"], OPTIONS=kept["OPTIONS"])


def prepare() -> None:
    """Epoch, rules in force, owner, controller, channels and notice; as the application, any number of times.

    A database restored from an older backup is erased again here, before anything opens.
    """
    owner = ensure_owner()
    with connection.cursor() as cursor:
        cursor.execute("insert into key_epoch (epoch) select 1 where not exists (select 1 from key_epoch)")
    register_rules()
    Controller.objects.get_or_create(name="main", defaults={"country": "CN", "owner": owner.id})
    for name in CHANNELS:
        Channel.objects.get_or_create(name=name, defaults={"kind": name, "owner": owner.id})
    Notice.objects.get_or_create(
        name="privacy",
        version=1,
        defaults={
            "purposes": sorted(PURPOSES.values()),
            "texts": _NOTICE,
            "in_force_from": timezone.now(),
            "owner": owner.id,
        },
    )
    connection.ensure_connection()
    replay(connection.connection, Home.current())


def register_rules() -> None:
    """Put the shipped rules in force where others (or none) are."""
    rules = load_rules()
    newest = Rules.objects.order_by("-version").first()
    if newest is None or bytes(newest.digest) != rules.digest:
        Rules.objects.create(
            digest=rules.digest,
            content={"policies": rules.policies.digest, "dictionary": rules.dictionary.digest}
            | {slug: purpose.digest for slug, purpose in rules.purposes.items()},
        )


def open_owner(database: Database) -> psycopg.Connection[tuple[object, ...]]:
    """A connection as owner, for what only the owner does (restores, rotation of partitions, tests)."""
    return psycopg.connect(database.conninfo("kehu_owner", os.environ.get("KEHU_DBNAME", "kehu")), autocommit=True)
