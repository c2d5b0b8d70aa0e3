"""Jobs of this room: a trial of policies, one at a time; and the end of old ones."""

from __future__ import annotations

from uuid import UUID

from procrastinate.contrib.django import app


@app.task(name="assurance:try_policies", lock="try_policies", pass_context=False)
def try_policies(trial: str) -> None:
    """Decide again what was decided, under the policies of a trial."""
    from kehu.serve.assurance.trials import run  # every process loads this module

    run(UUID(trial))


@app.periodic(cron="37 3 * * *")
@app.task(name="assurance:forget_trials", queueing_lock="forget_trials", pass_context=False)
def forget_trials(timestamp: int) -> None:
    """Every night: drop trials that are older than thirty days."""
    from kehu.serve.assurance.trials import forget_old

    forget_old()
