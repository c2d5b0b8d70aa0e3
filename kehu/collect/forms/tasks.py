"""Jobs of forms: letters, and every hour the end of what nobody confirmed."""

from __future__ import annotations

from uuid import UUID

from kehu.host.jobs import WHILE_AWAY, app


@app.task(name="forms:send_letter", pass_context=False, retry=WHILE_AWAY)
def send_letter(waiting: str) -> None:
    """Send the letter with the link to the mailbox that confirms."""
    from kehu.collect.forms.waiting import write_to  # it defers this very job

    write_to(UUID(waiting))


@app.periodic(cron="7 * * * *")
@app.task(name="forms:forget_unconfirmed", queueing_lock="forms_forget_unconfirmed", pass_context=False)
def forget_unconfirmed(timestamp: int) -> None:
    """Destroy what nobody confirmed in time."""
    from kehu.collect.forms.waiting import forget_over

    forget_over()
