"""Jobs of forms: letters (in :mod:`.waiting`), and every hour the end of what nobody confirmed."""

from __future__ import annotations

from procrastinate.contrib.django import app

from kehu.collect.forms.waiting import forget_over, send_letter

__all__ = ["forget_unconfirmed", "send_letter"]


@app.periodic(cron="7 * * * *")
@app.task(name="forms:forget_unconfirmed", queueing_lock="forms_forget_unconfirmed", pass_context=False)
def forget_unconfirmed(timestamp: int) -> None:
    """Destroy what nobody confirmed in time."""
    forget_over()
