"""Jobs: procrastinate, wired to Django's database. Arguments and lock names hold ids only, never a value.

Tasks stand in a room's ``tasks.py`` (found by name) as ``@app.task``; their arguments lie in the database in clear.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import django
import procrastinate
from django.db import IntegrityError, connection, transaction
from procrastinate.contrib.django import app
from procrastinate.periodic import PeriodicRegistry

from kehu.host.away import AWAY

__all__ = [
    "WHILE_AWAY",
    "WHILE_DATABASE_AWAY",
    "Behind",
    "Failed",
    "add_upkeep",
    "app",
    "behind",
    "counts",
    "failed",
    "heard",
    "is_last",
    "main",
    "retry",
    "run_pending",
    "waits",
]

_TRIES: Final = 9
WHILE_AWAY: Final = procrastinate.RetryStrategy(max_attempts=_TRIES, exponential_wait=3)
"""Of a job that needs a server elsewhere: tried again after 3 s, 9 s, 27 s and so on, for some eight hours in all."""
WHILE_DATABASE_AWAY: Final = procrastinate.RetryStrategy(max_attempts=_TRIES, exponential_wait=3, retry_exceptions=AWAY)
"""Of a job that goes on where it was: tried again as long, where the database went away meanwhile, and for nothing else."""
_CONCURRENCY: Final = 2
_DRAIN_SECONDS: Final = 20
_FAILED_HOURS: Final = 24 * 7
_STALLED_SECONDS: Final = 30  # the heart beats every 10
_LOOK_SECONDS: Final = 10
_BEHIND_MINUTES: Final = 10
_own: Final = set[int]()  # this process's workers, as the queue numbers them


def add_upkeep(started: procrastinate.App) -> None:
    """Register what the queue does for itself (called by Django when all rooms are loaded)."""
    upkeep = procrastinate.Blueprint()

    @upkeep.periodic(cron="17 * * * *")
    @upkeep.task(name="forget_failed", queueing_lock="forget_failed", pass_context=True)
    async def forget_failed(context: procrastinate.JobContext, timestamp: int) -> None:
        await context.app.job_manager.delete_old_jobs(
            nb_hours=_FAILED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )

    started.add_tasks_from(upkeep, namespace="queue")


async def _retry_stalled(running: procrastinate.App) -> None:
    """Put jobs of a worker that died back into the queue; each of our tasks can run again.

    Our own worker's are left out: a machine that slept wakes with an old heartbeat, and all its jobs at work.
    """
    stalled = await running.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_SECONDS)
    for job in stalled:
        if job.worker_id not in _own:
            await running.job_manager.retry_job(job, retry_at=datetime.now(UTC))


async def _watch_stalled(running: procrastinate.App) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        with contextlib.suppress(procrastinate.exceptions.ConnectorException):  # the worker itself tells of that
            await _retry_stalled(running)


def counts() -> dict[str, int]:
    """Jobs by status: ``todo``, ``doing``, ``failed``. Finished ones are deleted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select status::text, count(*) from procrastinate_jobs"
            " where task_name not like 'queue:%%' or status = 'failed' group by 1",
            (),
        )
        found = dict(cursor.fetchall())
    return {status: int(found.get(status, 0)) for status in ("todo", "doing", "failed")}


@dataclass(frozen=True, slots=True)
class Behind:
    """Jobs that wait though they are due, the minutes of the oldest, and what has been at work as long, with its minutes."""

    jobs: int
    minutes: int
    at_work: tuple[tuple[str, int], ...]


def behind() -> Behind | None:
    """What has waited ten minutes for its turn, as where a job never ends; None where nothing has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select j.status::text, j.task_name, floor(extract(epoch from clock_timestamp() - e.at) / 60)::int"
            " from procrastinate_jobs j cross join lateral (select coalesce(j.scheduled_at, max(at)) as at"
            " from procrastinate_events where job_id = j.id and type = 'deferred') e where j.status = 'todo'"
            " union all select j.status::text, j.task_name, floor(extract(epoch from clock_timestamp() - e.at) / 60)::int"
            " from procrastinate_jobs j cross join lateral (select max(at) as at"
            " from procrastinate_events where job_id = j.id and type = 'started') e where j.status = 'doing'"
        )
        rows = [row for row in cursor.fetchall() if (row[2] or 0) >= _BEHIND_MINUTES]
    waiting = [minutes for status, _, minutes in rows if status == "todo"]
    at_work = tuple((name, minutes) for status, name, minutes in rows if status == "doing")
    return Behind(len(waiting), max(waiting), at_work) if waiting else None


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that failed for good: its number, what it was to do, how often it was tried, and when it failed."""

    id: int
    task: str
    attempts: int
    failed_at: datetime | None


def failed() -> list[Failed]:
    """Jobs that failed within a week, the latest first; older ones are forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select j.id, j.task_name, j.attempts, (select max(e.at) from procrastinate_events e where e.job_id = j.id"
            " and e.type = 'failed') as at from procrastinate_jobs j where j.status = 'failed'"
            " order by at desc nulls last, j.id desc",
            (),
        )
        return [Failed(*row) for row in cursor.fetchall()]


def retry(ids: Collection[int] | None = None) -> tuple[int, int]:
    """Have failed jobs done again with all their tries; returns how many, and how many another that waits stands in for.

    Of jobs that wait at most once (a nightly one that failed twice) the last is done; the others are forgotten.

    Args:
        ids: of which; None: of all. A number that is no failed job's is passed over.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                return _retry(cursor, None if ids is None else list(ids))
        except IntegrityError:  # one of the same kind came into the queue at this moment
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _retry(cursor: Any, ids: list[int] | None) -> tuple[int, int]:
    cursor.execute(
        "select id from procrastinate_jobs where status = 'failed' and (%s::bigint[] is null or id = any (%s)) for update",
        [ids, ids],
    )
    held = [id for (id,) in cursor.fetchall()]
    cursor.execute(
        "delete from procrastinate_jobs f where f.id = any (%s) and exists (select 1 from procrastinate_jobs o"
        " where o.queueing_lock = f.queueing_lock and (o.status = 'todo' or (o.id = any (%s) and o.id > f.id)))",
        [held, held],
    )
    superseded = cursor.rowcount
    cursor.execute(
        "update procrastinate_jobs set status = 'todo', attempts = 0, scheduled_at = clock_timestamp()"
        " where id = any (%s)",
        [held],
    )
    return cursor.rowcount, superseded


def heard() -> float | None:
    """Seconds since a worker was last heard of; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select extract(epoch from clock_timestamp() - max(last_heartbeat))::float8 from procrastinate_workers"
        )
        [found] = cursor.fetchone()
    return None if found is None else float(found)


def waits(task: procrastinate.tasks.Task[Any, Any, Any]) -> bool:
    """Whether a job of this task waits or is being done: who asked for it sees that it begins in a moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from procrastinate_jobs where task_name = %s and status in ('todo', 'doing'))",
            [task.name],
        )
        return bool(cursor.fetchone()[0])


def is_last(context: procrastinate.JobContext) -> bool:
    """Whether a job that is tried again by one of these strategies is tried for the last time."""
    return context.job.attempts >= _TRIES


def run_pending() -> None:
    """Work off what waits in the queue, in this process, and return (commands that ``--wait``, and tests).

    What the clock brings into the queue is left to the worker: a command at night would take all of a night upon itself,
    or leave there what it brought.
    """
    asyncio.run(_work(clock=False, wait=False, install_signal_handlers=False, listen_notify=False))


def _at_work(call_next: Callable[[], Any], _: object, worker: Any) -> Any:
    """Around each job: its worker is ours, and its thread ends some time, and nobody else would close the connection it holds."""
    _own.add(worker.worker_id)
    try:
        return call_next()
    finally:
        connection.close()


@contextlib.contextmanager
def _without_clock(working: procrastinate.App) -> Iterator[None]:
    known = working.periodic_registry
    working.periodic_registry = cast(Any, PeriodicRegistry)()
    try:
        yield
    finally:
        working.periodic_registry = known


async def _work(*, clock: bool, **options: Any) -> None:
    connector: Any = app.connector  # Django's, which knows how to make one for a worker
    with (
        app.replace_connector(connector.get_worker_connector()) as working,
        contextlib.nullcontext() if clock else _without_clock(working),
    ):
        async with working.open_async():
            await _retry_stalled(working)
            watch = asyncio.create_task(_watch_stalled(working))
            try:
                await working.run_worker_async(
                    concurrency=_CONCURRENCY,
                    delete_jobs="successful",
                    task_middleware=[_at_work],
                    **options,
                )
            finally:
                watch.cancel()
                _own.clear()


def main() -> None:
    """Work until told to stop: a running job has 20 seconds to end, else it is done again."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    django.setup()
    asyncio.run(_work(clock=True, shutdown_graceful_timeout=_DRAIN_SECONDS))
