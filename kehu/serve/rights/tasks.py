"""Jobs of the rights: interrupted erasures run again by themselves, what has ended goes for good, the young grow older."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="*/10 * * * *")
@app.task(name="rights:finish_erasures", queueing_lock="finish_erasures", pass_context=False)
def finish_erasures(timestamp: int) -> None:
    """End the holds and guardians' consents whose day has come, then run what is left of every erasure."""
    from kehu.govern.guardians import end_guardians
    from kehu.host.each import each
    from kehu.serve.rights.erasing.ending import end_holds  # every process loads this module
    from kehu.serve.rights.erasing.erasure import finish_unfinished

    each(lambda one: one(), (end_holds, end_guardians, finish_unfinished))


@app.periodic(cron="23 3 * * *")
@app.task(name="rights:end_residues", queueing_lock="end_residues", pass_context=False)
def end_what_is_over(timestamp: int) -> None:
    """Take out of every residue what no law keeps any longer, and of old requests what people who are no customers wrote."""
    from kehu.host.each import each
    from kehu.serve.rights.erasing.ending import end_residues
    from kehu.serve.rights.requests import end_texts_of_nobody

    each(lambda one: one(), (end_residues, end_texts_of_nobody))


@app.periodic(cron="11 0 * * *")
@app.task(name="rights:refresh_ages", queueing_lock="refresh_ages", pass_context=False)
def refresh_ages(timestamp: int) -> None:
    """Once a day: whoever has had a birthday is in another band, and what a guardian had consented to is asked anew."""
    from kehu.serve.rights.ages import refresh_ages as refresh

    refresh()


@app.periodic(cron="17 * * * *")
@app.task(name="rights:leave_out", queueing_lock="leave_out", pass_context=False)
def leave_out(timestamp: int) -> None:
    """Parts that nobody confirmed before a request's clock ran out stay out of its answer."""
    from kehu.guard.staff.actions import owner_actor
    from kehu.serve.rights.probable import left_out_when_over

    left_out_when_over(by=owner_actor().staff)


@app.periodic(cron="40 6 * * *")
@app.task(name="rights:inform_due", queueing_lock="inform_due", pass_context=False)
def inform_due(timestamp: int) -> None:
    """Once a day: whoever is soon to have been told where their data came from is written to, should nobody have done so."""
    from django.utils import timezone

    from kehu.guard.staff.actions import owner_actor
    from kehu.serve.sources import informing, untold

    informing.send(actor=owner_actor(), until=timezone.now().date() + untold.SOON)


@app.task(name="rights:inform", lock="inform", queueing_lock="inform")
def inform(human: str, again: bool = False) -> None:
    """Write to everybody who is to be told, for whoever asked for it."""
    from uuid import UUID

    from kehu.guard.gate.acts import ACTS
    from kehu.guard.staff.actions import actor_of, owner_actor
    from kehu.guard.staff.models import Staff
    from kehu.serve.sources import informing

    staff = Staff.objects.filter(id=UUID(human), is_active=True).first()
    actor = actor_of(staff.email) if staff is not None and staff.role in ACTS["inform"] else owner_actor()
    informing.send(actor=actor, again=again)
