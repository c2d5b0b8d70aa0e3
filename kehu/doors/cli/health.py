"""Commands on how the installation is: status, doctor and the jobs that failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from kehu import __version__
from kehu.doors.cli.frame import DONE, FAILED, Failure, command, set_django_up
from kehu.doors.cli.installation import owner_only
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import KeysAreGone, RootDoesNotOpen
from kehu.host.postgres import PostgresError

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


@click.group("jobs")
def jobs_() -> None:
    """What runs by itself, where it failed."""


@jobs_.command("list", epilog="Example: kehu jobs list")
@command()
def jobs_list() -> Any:
    """Jobs that failed in the last week, the latest first; log/jobs.log says why."""
    from kehu.host.jobs import failed

    owner_only()
    return {"jobs": [asdict(one) for one in failed()]}


@jobs_.command("retry", epilog="Example: kehu jobs retry 4711")
@click.argument("job", type=int, nargs=-1)
@command()
def jobs_retry(job: tuple[int, ...]) -> Any:
    """Have failed jobs done again, all of them where none is named; the running system begins within seconds.

    Of one kind that waits at most once the last is done, and the others are forgotten.
    """
    from kehu.host.jobs import failed, retry

    owner_only()
    if set(job) - {one.id for one in failed()}:
        raise Failure(FAILED, "unknown-job", "No such job failed.", "Look at: kehu jobs list")
    again, superseded = retry(job or None)
    return {"retried": again, "superseded": superseded}


def _inside(home: Home) -> list[Any]:
    set_django_up()
    from kehu.serve.assurance.operation import findings

    return findings(home)


def _report(found: list[Any]) -> tuple[dict[str, Any], int]:
    from kehu.host.checks import worst_first

    rows = [asdict(one) for one in worst_first(found)]
    return {"findings": rows}, FAILED if any(row["severity"] == "error" for row in rows) else DONE


def _close(database: Database) -> None:
    from django.apps import apps

    if apps.ready:
        from django.db import connections

        connections.close_all()
    database.release()
