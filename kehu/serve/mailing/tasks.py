"""Jobs on suppression lists: one is looked at, or put in force."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from kehu.host.jobs import WHILE_DATABASE_AWAY, app, is_last


@app.task(name="mailing:list", pass_context=True, retry=WHILE_DATABASE_AWAY)
def work_on_list(context: JobContext, bringing: str) -> None:
    """Do what is next for a list that was sent; done again after a crash it goes on where it was."""
    from kehu.serve.mailing import bringing as lists  # every process loads this module; few bring lists in

    lists.work(UUID(bringing), last=is_last(context))
