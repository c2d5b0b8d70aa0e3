"""Upkeep: a new epoch of the keys every seven days, the old one's key destroyed a minute after it was left, notices due."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction

from kehu.guard.gate.pulls import forget_pulls
from kehu.guard.gate.quotas import forget_quotas
from kehu.guard.gate.read import raw_connection
from kehu.guard.installation import installation
from kehu.guard.ledger.open_log import connect, signer_of
from kehu.guard.ledger.record import record_act
from kehu.guard.ledger.retirement import retire
from kehu.guard.ledger.thinning import thin
from kehu.guard.setup import register_due_notices
from kehu.guard.staff.actions import owner_actor
from kehu.guard.tombstones import replay_after_restore
from kehu.host.jobs import WHILE_AWAY, app
from kehu.host.keyring import Keyring
from kehu.vault.keys import KeyDoesNotOpen
from kehu.vault.rotation import EPOCH, GRACE_SECONDS, Rotation, finish_rotation, rotate_keys


def rotate() -> Rotation:
    """Begin a new epoch, record it, and have the old epoch's key destroyed once its minute is over.

    Raises:
        KeyDoesNotOpen: of some keys; it has begun all the same, and is recorded.
    """
    held = installation()
    try:
        done = rotate_keys(raw_connection(), Keyring(held.home), held.epochs)
    except KeyDoesNotOpen:
        _record_rotation()
        raise
    _record_rotation()
    return done


def _record_rotation() -> None:
    with transaction.atomic():
        record_act("rotate", None, actor=owner_actor())
        destroy_left_keys.configure(schedule_in={"seconds": GRACE_SECONDS + 5}).defer()


@app.task(name="guard:destroy_left_keys")
def destroy_left_keys() -> None:
    """Destroy the keys of epochs that nothing is wrapped under any more; a rotation that was cut off is finished first."""
    held = installation()
    finish_rotation(raw_connection(), Keyring(held.home), held.epochs)


@app.periodic(cron="41 * * * *")
@app.task(name="guard:rotate_when_due", queueing_lock="rotate_when_due", lock="rotate_when_due", pass_context=False)
def rotate_when_due(timestamp: int) -> None:
    """Look once an hour whether the epoch has had its seven days; a machine that was off catches up.

    One at a time: two that looked at once would rotate twice.
    """
    row = (
        raw_connection()
        .execute(
            "select coalesce(bool_or(began_at > clock_timestamp() - %s), false) from key_epoch where retired_at is null",
            (EPOCH,),
        )
        .fetchone()
    )
    if not (row and row[0]):
        rotate()
    else:
        destroy_left_keys()


@app.periodic(cron="29 * * * *")
@app.task(name="guard:forget_sessions", queueing_lock="forget_sessions", pass_context=False)
def forget_sessions(timestamp: int) -> None:
    """Drop once an hour sessions that have ended; strangers at the door of a single sign-on begin one each."""
    SessionStore.clear_expired()


@app.periodic(cron="51 * * * *")
@app.task(name="guard:forget_pulls", queueing_lock="forget_pulls", pass_context=False)
def forget_pulled(timestamp: int) -> None:
    """Drop once an hour what counts no more: answers to recipients outside and quotas taken, of days gone by."""
    try:
        forget_pulls()
    finally:
        forget_quotas()


@app.periodic(cron="* * * * *")
@app.task(name="guard:notices_due", queueing_lock="notices_due", pass_context=False)
def notices_due(timestamp: int) -> None:
    """Look once a minute whether a notice's day has come: what it tells of may be used from then on."""
    register_due_notices()


@app.periodic(cron="* * * * *")
@app.task(name="guard:erase_again", queueing_lock="erase_again", lock="erase_again", pass_context=False)
def erase_again(timestamp: int) -> None:
    """Look once a minute whether the database was put back to an older one: whoever was erased since is erased again."""
    replay_after_restore(raw_connection(), installation().home)


@app.periodic(cron="23 3 * * *")
@app.task(name="guard:retire_rows", queueing_lock="retire_rows", pass_context=False)
def retire_rows(timestamp: int) -> None:
    """Each night: rows of the ledger whose time is over lose their body."""
    retire(actor=owner_actor())


@app.periodic(cron="7 4 * * *")
@app.task(name="guard:thin_heads", queueing_lock="thin_heads", lock="thin_heads", pass_context=False)
def thin_heads(timestamp: int) -> None:
    """Each night: of signed heads older than thirty days the last of each hour stays."""
    home = installation().home
    with connect() as connection:
        thin(connection, signer_of(home), home / "checkpoints")


@app.periodic(cron="37 3 * * *")
@app.task(name="guard:forget_cases", queueing_lock="forget_cases", pass_context=False)
def forget_cases(timestamp: int) -> None:
    """Each night: violation cases whose day has come go, with the keys of their texts."""
    from kehu.guard.watch.case_steps import forget_closed  # it defers a job of this file

    forget_closed()


@app.task(name="guard:tell_of_case", retry=WHILE_AWAY)
def tell_of_case(case: str) -> None:
    """Tell somebody that there is something to read about them; tried again while the mail server is away."""
    from kehu.guard.watch.case_own import tell_by_mail

    tell_by_mail(UUID(case))


@app.periodic(cron="37 3 * * *")
@app.task(name="guard:forget_who_left", queueing_lock="forget_who_left", pass_context=False)
def forget_names(timestamp: int) -> None:
    """Each night: who left longer ago than the ledger keeps a row's body loses name and address."""
    from kehu.guard.access.leaving import forget_who_left  # it needs rooms that defer jobs of this one

    forget_who_left()


@app.periodic(cron="* * * * *")
@app.task(name="guard:watch", queueing_lock="watch", lock="watch", pass_context=False)
def watch(timestamp: int) -> None:
    """Look once a minute at what is new in the ledger, and tell of what was found; what was not taken is told again."""
    from kehu.guard.watch.engine import look
    from kehu.guard.watch.tell import deliver

    try:
        look()
    finally:  # what cannot be read holds up nothing that was found before
        deliver()


@app.periodic(cron="37 2 * * *")
@app.task(name="guard:watch_over", queueing_lock="watch_over", pass_context=False)
def watch_over(timestamp: int) -> None:
    """Each night: customers who work here are marked, and what was counted longer than a year ago is dropped."""
    from kehu.guard.watch.marks import find_colleagues
    from kehu.guard.watch.teach import forget_old

    try:
        find_colleagues(actor=owner_actor())
    finally:
        forget_old(raw_connection())


@app.task(name="guard:tell_of_glass", retry=WHILE_AWAY)
def tell_of_glass(grant: str, staff: str | None = None) -> None:
    """Tell one of the office, or the owner (an empty word), that somebody broke the glass; tried again while mail is away."""
    from kehu.guard.access.glass import have_told, tell  # they defer this very job

    if staff is None:  # a job of before each had a letter of their own: one for everybody
        have_told(UUID(grant))
    else:
        tell(UUID(grant), UUID(staff) if staff else None)


@app.task(name="guard:tell_of_account", retry=WHILE_AWAY)
def tell_of_account(staff: str, what: str, at: str) -> None:
    """Tell a person what changed of that which opens their account; tried again while the mail server is away."""
    from kehu.guard.staff.notices import tell

    tell(UUID(staff), what, datetime.fromisoformat(at))
