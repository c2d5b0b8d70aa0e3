"""Jobs of the counter: links that are over are forgotten."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="41 3 * * *")
@app.task(name="counter:forget", queueing_lock="counter_forget", pass_context=False)
def forget(timestamp: int) -> None:
    """Every night: forget links that have been over for a day."""
    from kehu.serve.counter.asking import forget_asked  # every process loads this module

    forget_asked()
