"""What may be wrong inside an installation: ledger, keys, rules, jobs, accounts; read, never mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import identify_hasher
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kehu.guard.access.owners import lacking
from kehu.guard.gate.read import raw_connection
from kehu.guard.ledger.health import check_delay, check_witnesses
from kehu.guard.setup import newer
from kehu.guard.staff.grace import check_grace
from kehu.guard.staff.models import Staff
from kehu.guard.staff.passwords import check_breached
from kehu.guard.staff.sign_on_checks import check_sign_on
from kehu.guard.tombstones import ErasuresUnreadable, not_done
from kehu.guard.watch.health import check_watch
from kehu.host import jobs
from kehu.host.checks import Finding, Said
from kehu.host.database import Database
from kehu.host.dumps import last_dump
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.paths import policies_dir
from kehu.vault.rotation import ENDS_WITHIN, EPOCH

_OLDEST: Final = 150_000  # server_version_num
_COPIED_WITHIN: Final = timedelta(days=2)  # one a night, of which one may fail
_BUILT: Final = datetime(2026, 11, 1, tzinfo=UTC)  # no clock is right that shows an earlier time
_SOURCE: Final = re.compile(r'^(?:source = |@source\()"([^"]+)"', re.MULTILINE)


def check_installation(*, running: bool) -> Iterator[Finding]:
    """Everything that the database and the rules tell; ``running`` says whether the system serves."""
    pending = _pending_migrations()
    yield from _check_server(pending)
    if not pending:
        yield from _check_ledger(running=running)
        yield from _check_epoch(running=running)
        yield from _check_erasures()
        yield from _check_jobs(running=running)
        yield from _check_accounts()
        yield from check_watch(running=running)
        yield from _check_owners()
        yield from check_grace()
        yield from check_breached()
        yield from check_sign_on()
    yield from _check_laws()
    yield from _check_backup()


def _pending_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _check_server(pending: int) -> Iterator[Finding]:
    version, now = _one("select current_setting('server_version_num')::int, clock_timestamp()")
    if version < _OLDEST:
        yield Finding(
            "database.version", "error", Said("PostgreSQL {n} is too old.", n=version // 10_000), "Use 15 or newer."
        )
    if pending:
        yield Finding("database.schema", "error", Said("{n} migrations are not applied.", n=pending), "Run: kehu init")
    if unknown := newer():
        yield Finding(
            "database.newer", "error",
            Said("A newer Kehu has brought this database up to date ({name}).", name=unknown[0]),
            "Run that one, or bring back a copy from before.",
        )  # fmt: skip
    here = datetime.now(UTC)
    if abs((now - here).total_seconds()) > 5:
        yield Finding("clock.apart", "error", "This clock and the database's differ by over 5 s.", "Run NTP on both.")
    if here < _BUILT:
        yield Finding("clock.past", "error", "This machine's clock shows a time long past.", "Run NTP.")


def _check_ledger(*, running: bool) -> Iterator[Finding]:
    if running:
        yield from check_delay()
    yield from check_witnesses(Home.current(), running=running)
    (ahead,) = _one(
        "select max(at) > clock_timestamp() + interval '1 minute'"
        " from (select at from ledger_entry order by seq desc limit 20000) e"
    )
    if ahead:
        yield Finding("clock.back", "error", "The ledger has rows later than now: the clock was put back.", "Run NTP.")


def _check_epoch(*, running: bool) -> Iterator[Finding]:
    age, left = _one(
        "select extract(epoch from clock_timestamp() - max(began_at)), count(*) filter (where destroyed_at is null"
        " and retired_at < clock_timestamp() - interval '1 day') from key_epoch"
    )
    if age is None or age > (EPOCH + ENDS_WITHIN).total_seconds():
        days = int((age or 0) // 86_400)
        text = Said("The epoch of the keys is {n} days old; it should end at 7.", n=days)
        remedy = (
            Said("See jobs.failed.")
            if running
            else Said("Run: kehu keys rotate (the running system does it by itself)")
        )
        yield Finding("keys.epoch", "warning", text, remedy)
    ring = Keyring(Home.current()).names()
    with connection.cursor() as cursor:
        cursor.execute("select epoch, count(*) from subject_key group by epoch order by epoch")
        wrapped = cursor.fetchall()
    for epoch, of in wrapped:
        if f"epoch-{epoch}" not in ring:
            told = Said(
                "{n} keys are wrapped under epoch {epoch}, whose key is not in keys/: nobody can open them.",
                n=of,
                epoch=epoch,
            )
            yield Finding("keys.missing", "error", told, "Bring keys/ back as it was when the database was copied.")
    if left:
        yield Finding(
            "keys.left", "warning", Said("{n} ended epochs still have their key.", n=left), "Run: kehu keys rotate"
        )


def _check_erasures() -> Iterator[Finding]:
    try:
        left = not_done(raw_connection(), Home.current())
    except ErasuresUnreadable:
        yield Finding(
            "erasures.unreadable", "error", "A line of the home's file erasures is no erasure: nobody is served.",
            "Put the line back as it was; what is not known to be an erasure may be somebody erased.",
        )  # fmt: skip
        return
    if left:
        yield Finding(
            "erasures.waiting", "error",
            Said("{n} erasures that stand in the home's file are not done in this database.", n=left),
            "Bring keys/ back as it was when the database was copied, then run: kehu init",
        )  # fmt: skip


def _check_jobs(*, running: bool) -> Iterator[Finding]:
    if running and (held := jobs.behind()) is not None:
        text = Said("{n} jobs wait that are due, the oldest for {minutes} minutes.", n=held.jobs, minutes=held.minutes)
        for name, minutes in held.at_work:
            text = Said(
                "{before} {name} has been at work for {minutes} minutes.", before=text, name=name, minutes=minutes
            )
        yield Finding(
            "jobs.behind", "warning", text, "See log/jobs.log. kehu down and up: what was begun is done again."
        )
    failed = jobs.counts()["failed"]
    if failed:
        yield Finding(
            "jobs.failed", "warning", Said("{n} jobs failed.", n=failed),
            "See log/jobs.log and kehu jobs list; each can be done again: kehu jobs retry",
        )  # fmt: skip


def _check_accounts() -> Iterator[Finding]:
    """No account has a password that we, or anybody, gave everywhere; none is kept in a weak form."""
    weak = 0
    for held in Staff.objects.filter(is_active=True).values_list("password", flat=True).iterator():
        if held.startswith("!"):
            continue  # no password: no sign-in
        try:
            weak += identify_hasher(held).algorithm != "argon2"
        except ValueError:
            weak += 1
    if weak:
        text = Said("{n} passwords are kept in a weak form.", n=weak)
        yield Finding("staff.password", "error", text, "Give these anew.")
    if settings.DEBUG:
        yield Finding("settings.debug", "error", "Debug pages are on: they show values.", "Use the shipped settings.")


def _check_owners() -> Iterator[Finding]:
    """Somebody answers for each thing: named while all still belongs to the home's owner, for want of a person."""
    things, unnamed, alone = lacking()
    remedy = Said("See kehu owners list; name people: kehu owners set KIND --all --owner EMAIL --deputy EMAIL")
    if unnamed:
        text = Said(
            "Of {things} things that need an owner {n} have no person, only the home's owner.", things=things, n=unnamed
        )
        yield Finding("owners.unnamed", "note", text, remedy)
    if alone > unnamed:
        text = Said("{n} of {things} things have no deputy.", n=alone, things=things)
        yield Finding("owners.deputy", "note", text, remedy)


def _check_backup() -> Iterator[Finding]:
    database = Database(Home.current())
    if database.embedded is None:
        yield Finding(
            "backup.outside", "note", "Whether copies of the outside database are made cannot be seen from here.",
            "Have them made each night by its own programs; keep keys/, checkpoints and erasures elsewhere.",
        )  # fmt: skip
        return
    last = last_dump(database)
    remedy = Said("Have one made each night: kehu backup FILE; keep keys/, checkpoints and erasures elsewhere.")
    if last is None:
        yield Finding("backup.none", "warning", "No copy of this database was made by kehu backup.", remedy)
    elif (age := datetime.now(UTC) - last) > _COPIED_WITHIN:
        text = Said("The last copy of this database was begun {n} days ago.", n=age // timedelta(days=1))
        yield Finding("backup.old", "warning", text, remedy)


def _check_laws() -> Iterator[Finding]:
    files = [*policies_dir().glob("*.cedar"), *(policies_dir().parent / "laws").glob("*.toml")]
    sources = [source for path in files for source in _SOURCE.findall(path.read_text(encoding="utf-8"))]
    unread = sum(source not in ("V", "house") for source in sources)
    if unread:
        yield Finding(
            "laws.unverified", "note",
            Said(
                "Of {rules} rules of law {n} rest on a text nobody has read yet; they show as unverified.",
                rules=len(sources), n=unread,
            ),
            "Have counsel read the articles, and set their source to V.",
        )  # fmt: skip


def _one(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()
