"""Commands on how the installation is: status and doctor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from kehu import __version__
from kehu.doors.cli.frame import DONE, FAILED, command, set_django_up
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import KeysAreGone, RootDoesNotOpen
from kehu.host.postgres import PostgresError

if TYPE_CHECKING:
    from kehu.host.supervisor import Running

_QUIET: Final = 60.0  # seconds; a worker is heard of every ten
_COUNTED = ("subjects", "sources", "facets", "quarantined", "review", "ledger", "jobs")


@click.command(epilog="Example: kehu status --json")
@command(needs_home=False, starts=False)
def status() -> Any:
    """Health and counts; down or not even made, too."""
    from kehu.host import supervisor

    home = Home.current()
    running = supervisor.status(home) if home.exists() else None
    answer: dict[str, Any] = {
        "running": bool(running and running.ready),
        "version": __version__,
        "home": str(home.path),
        "folders": [],
    }
    database = Database(home)
    if not home.exists() or not database.exists():
        return answer | {"database": "absent"} | dict.fromkeys(_COUNTED)
    database.start()
    try:
        set_django_up()
        from kehu.serve.assurance.counts import counts

        return answer | {
            "folders": database.folders(),
            "database": "embedded" if database.embedded else "outside",
            **counts(),
        }
    finally:
        _close(database)


@click.command(epilog="Example: kehu doctor --json | jq '.findings[] | select(.severity == \"error\")'")
@command(needs_home=False, starts=False)
def doctor() -> Any:
    """Look for what is wrong, and say what to do; 1 where something is an error. Nothing is changed."""
    from kehu.host import checks

    home = Home.current()
    if not home.exists():
        return _report([checks.Finding("home.absent", "error", "There is no installation here.", "Run: kehu init")])
    database = Database(home)
    found = [*checks.check_home(home), *checks.check_settings(database)]
    found += checks.check_machine(home, database.folders())  # a full disk is why a database does not start
    try:
        database.start()
        found += _inside(home)
    except (RootDoesNotOpen, KeysAreGone):
        pass  # told by then; nobody can look inside without them
    except (PostgresError, OSError) as failed:
        found.append(checks.Finding("database.down", "error", str(failed), "See the database's log."))
    finally:
        _close(database)
    return _report(found)


def _inside(home: Home) -> list[Any]:
    from kehu.host import checks, supervisor

    set_django_up()
    from django.db.utils import DatabaseError

    from kehu.collect.inbox.health import check_inbox
    from kehu.collect.mail.health import check_mailboxes
    from kehu.guard.checks import check_installation
    from kehu.host.away import AWAY
    from kehu.refine.derive.health import check_traits
    from kehu.serve.rights.health import check_clocks, check_held, check_informing

    held = supervisor.status(home)
    running = bool(held and held.ready)
    try:
        found = [*_processes(home, held), *check_installation(running=running)]
        whole = not any(one.id == "database.schema" for one in found)
        if whole:
            found += check_inbox(running=running)
            found += [*check_clocks(), *check_held(), *check_informing(), *check_mailboxes(), *check_traits()]
        return found
    except AWAY:
        text, remedy = "The database does not answer, or lets nobody in.", "See that it runs, and its own log."
        return [checks.Finding("database.away", "error", text, remedy)]
    except DatabaseError as failed:  # its text may quote a value
        text = f"The database refused a look ({type(failed).__name__})."
        return [checks.Finding("database.refused", "error", text, "Run: kehu init")]


def _processes(home: Home, held: Running | None) -> Iterator[Any]:
    """What ought to run and does not; a system that is starting or stopping is let be."""
    from kehu.host import jobs, supervisor
    from kehu.host.checks import Finding

    if held is None:
        if supervisor.was_killed(home):
            text = "The system is down, and nobody stopped it: it was killed, or its machine was."
            yield Finding("system.down", "error", text, "Run: kehu up (and have the machine run it when it starts)")
        else:
            yield Finding("system.down", "note", "The system is down.", "Run: kehu up")
    elif held.ready:
        if not supervisor.answers(held.port):
            text, remedy = "The web process does not answer.", "See log/web.log; it is started again by itself."
            yield Finding("web.down", "error", text, remedy)
        seconds = jobs.heard()
        if (seconds is None or seconds > _QUIET) and supervisor.ready_for(home) > _QUIET:
            text, remedy = "No process does the jobs.", "See log/jobs.log; it is started again by itself."
            yield Finding("jobs.stopped", "error", text, remedy)


def _report(found: list[Any]) -> tuple[dict[str, Any], int]:
    order = ("error", "warning", "note")
    rows = [asdict(one) for one in sorted(found, key=lambda one: order.index(one.severity))]
    return {"findings": rows}, FAILED if any(row["severity"] == "error" for row in rows) else DONE


def _close(database: Database) -> None:
    from django.apps import apps

    if apps.ready:
        from django.db import connections

        connections.close_all()
    database.release()
