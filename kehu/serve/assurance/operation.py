"""How the installation runs: what waits, how far behind it is, what room is left. Counts and no one in particular.

What is wrong and what to do is what ``kehu doctor`` finds (:func:`findings`); the page for engineers shows the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.utils import DatabaseError

from kehu.collect.inbox.health import check_inbox, check_terms
from kehu.collect.mail.health import check_mailboxes
from kehu.guard.checks import check_installation
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.delay import Delay, delay
from kehu.guard.ledger.witness import Standing, standings
from kehu.host import checks, jobs, supervisor
from kehu.host.away import AWAY
from kehu.host.checks import Finding, Said
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.supervisor import Running
from kehu.refine.derive.health import check_traits
from kehu.serve.register.health import check_notices
from kehu.serve.rights.health import check_clocks, check_held, check_informing

_QUIET: Final = 60.0  # seconds; a worker is heard of every ten
_TASKS: Final = """
select task_name, count(*) filter (where status = 'todo'), count(*) filter (where status = 'doing'),
    count(*) filter (where status = 'failed'), min(coalesce(scheduled_at, clock_timestamp())) filter (where status = 'todo')
from procrastinate_jobs where status in ('todo', 'doing', 'failed') and (task_name not like 'queue:%%' or status = 'failed')
group by task_name order by 4 desc, 3 desc, 1
"""
_INBOX: Final = """
select c.name, sum(i.messages)::bigint, min(i.at) from inbox i join govern_channel c on c.id = i.channel
group by c.name order by 3
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a channel's inbox holds: messages, and since when the oldest waits."""

    channel: str
    messages: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """Jobs of one kind that are not done: by status, and when the next is due (None: none waits)."""

    name: str
    todo: int
    doing: int
    failed: int
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Room:
    """A folder that holds a part of the installation: bytes in all and free on its disk."""

    path: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Operation:
    """The whole of it. ``heard``: seconds since a worker of the jobs last said that it is there, None where none did."""

    embedded: bool
    server: str
    database_bytes: int
    rooms: list[Room]
    heard: float | None
    tasks: list[Task]
    inbox: list[Waiting]
    ledger: Delay
    witnesses: list[Standing]
    epoch: int
    epoch_since: datetime | None

    @property
    def silent(self) -> bool:
        """Whether nobody seems to do the jobs."""
        return _quiet(self.heard)


def operation(*, actor: Actor) -> Operation:
    """How it runs now.

    Raises:
        ActRefused: the role may not look.
    """
    require_act("operate", actor)
    home = Home.current()
    database = Database(home)
    [(server, size)] = _rows("select current_setting('server_version'), pg_database_size(current_database())")
    epochs = _rows("select epoch, began_at from key_epoch order by epoch desc limit 1")
    return Operation(
        embedded=database.embedded is not None,
        server=str(server).partition(" ")[0],
        database_bytes=size,
        rooms=[Room(path, *_disk(path)) for path in (str(home.path), *database.folders())],
        heard=jobs.heard(),
        tasks=[Task(*row) for row in _rows(_TASKS)],
        inbox=[Waiting(*row) for row in _rows(_INBOX)],
        ledger=delay(),
        witnesses=_witnesses(home),
        epoch=epochs[0][0] if epochs else 0,
        epoch_since=epochs[0][1] if epochs else None,
    )


def _rows(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, ())
        found: list[Any] = cursor.fetchall()
        return found


def _disk(path: str) -> tuple[int, int]:
    found = shutil.disk_usage(path)
    return found.total, found.free


def _witnesses(home: Home) -> list[Standing]:
    try:
        return standings(home)
    except ValueError:  # the doctor says what is wrong with the setting
        return []


def found_wrong(*, actor: Actor) -> list[Finding]:
    """What is wrong and what to do, worst first, as the running system sees it; nothing is changed.

    Raises:
        ActRefused: the role may not look.
    """
    require_act("operate", actor)
    home = Home.current()
    database = Database(home)
    machine = checks.check_machine(home, database.folders())
    return checks.worst_first([*checks.check_home(home), *checks.check_settings(database), *machine, *findings(home)])


def findings(home: Home) -> list[Finding]:
    """What the processes, the database and the rules tell."""
    held = supervisor.status(home)
    running = bool(held and held.ready)
    try:
        found = [*_processes(home, held), *check_installation(running=running)]
        if not any(one.id == "database.schema" for one in found):
            found += check_inbox(running=running)
            found += [*check_clocks(), *check_held(), *check_informing(), *check_mailboxes(), *check_traits()]
            found += [*check_notices(), *check_terms()]
        return found
    except AWAY:
        text = Said("The database does not answer, or lets nobody in.")
        return [Finding("database.away", "error", text, "See that it runs, and its own log.")]
    except DatabaseError as failed:  # its text may quote a value
        text = Said("The database refused a look ({name}).", name=type(failed).__name__)
        return [Finding("database.refused", "error", text, "Run: kehu init")]


def _processes(home: Home, held: Running | None) -> Iterator[Finding]:
    """What ought to run and does not; a system that is starting or stopping is let be."""
    if held is None:
        if supervisor.was_killed(home):
            yield Finding(
                "system.down", "error", "The system is down, and nobody stopped it: it was killed, or its machine was.",
                "Run: kehu up (and have the machine run it when it starts)",
            )  # fmt: skip
        else:
            yield Finding("system.down", "note", "The system is down.", "Run: kehu up")
    elif held.ready:
        if not supervisor.answers(held.port):
            yield Finding(
                "web.down",
                "error",
                "The web process does not answer.",
                "See log/web.log; it is started again by itself.",
            )
        if _quiet(jobs.heard()) and supervisor.ready_for(home) > _QUIET:
            yield Finding(
                "jobs.stopped", "error", "No process does the jobs.", "See log/jobs.log; it is started again by itself."
            )


def _quiet(heard: float | None) -> bool:
    return heard is None or heard > _QUIET
