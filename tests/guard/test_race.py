"""Withdrawal and revocation against reads in flight: none that starts after the commit opens anything."""

from __future__ import annotations

import threading
import time

from django.db import connection

from kehu.govern.consent import Statement, give_consent, withdraw_consent
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate import read as gate_read
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from kehu.vault.ids import new_id
from tests.cast import admit, before_its_end, staff

MARKETING = PURPOSES["marketing"]
TRIALS = 200


def say_yes(subject, by):
    statement = Statement(notice=1, way="recorded by staff")
    give_consent(subject, purpose=MARKETING, purpose_version=1, statement=statement, recorded_by=by, id=new_id())


def say_no(subject, by):
    withdraw_consent(subject, purpose=MARKETING, purpose_version=1, recorded_by=by, id=new_id())


def opened(subject, actor):
    return any(one.contributions for one in gate().open([subject], actor=actor, purpose="marketing"))


def in_thread(work):
    """Run beside us on a connection of its own; returns the thread and where its results go."""
    results = []

    def run():
        try:
            results.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def slow_ledger(database, seconds):
    with open_owner(database) as owner:
        owner.execute(
            "create function slow() returns trigger language plpgsql as"
            f" 'begin perform pg_sleep({seconds}); return new; end'"
        )
        owner.execute("create trigger slow before insert on ledger_entry for each row execute function slow()")


def test_no_read_that_starts_after_a_withdrawal_opens_anything(database):
    mia = staff("marketing")
    [lin] = admit({"email": "lin@mail.example", "full_name": "林婉清"})
    late = 0
    for trial in range(TRIALS):
        say_yes(lin, mia.staff)
        said = []

        def reads(said=said, trial=trial):
            seen = []
            for _ in range(3):
                began = time.perf_counter()
                seen.append((began, opened(lin, mia)))
            return seen

        thread, results = in_thread(reads)
        time.sleep((trial % 10) * 0.0005)
        say_no(lin, mia.staff)
        acknowledged = time.perf_counter()
        thread.join()
        after = [held for began, held in results[0] if began > acknowledged]
        late += len(after)
        assert not any(after), trial
        assert not opened(lin, mia)
    assert late > TRIALS // 4  # the race was run, not missed


def test_a_withdrawal_waits_for_the_read_in_flight(database):
    mia = staff("marketing")
    [lin] = admit({"email": "lin@mail.example"})
    say_yes(lin, mia.staff)
    assert opened(lin, mia)
    slow_ledger(database, 0.6)

    def read():
        held = opened(lin, mia)
        return held, time.perf_counter()

    thread, results = in_thread(read)
    time.sleep(0.25)
    say_no(lin, mia.staff)
    acknowledged = time.perf_counter()
    thread.join()
    held, done = results[0]
    assert held  # it started before
    assert acknowledged > done - 0.15, "acknowledged while a read under the old consent was still on its way"


def test_a_withdrawal_longer_in_waiting_than_the_lock_timeout_is_not_lost(database):
    mia = staff("marketing")
    [lin] = admit({"email": "lin@mail.example"})
    say_yes(lin, mia.staff)
    assert opened(lin, mia)
    slow_ledger(database, 2.6)  # the lock timeout is 2 s
    thread, _ = in_thread(lambda: opened(lin, mia))
    time.sleep(0.25)
    say_no(lin, mia.staff)
    thread.join()
    assert not opened(lin, mia)


def test_a_revoked_credential_opens_nothing_from_its_commit_on(database):
    mia = staff("service")
    [lin] = admit({"email": "lin@mail.example"})
    read = lambda: any(one.contributions for one in gate().open([lin], actor=mia, purpose="service"))
    assert read()
    slow_ledger(database, 0.6)
    thread, results = in_thread(lambda: (read(), time.perf_counter()))
    time.sleep(0.25)
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set revoked_at = clock_timestamp() where actor = %s", [mia.credential])
    acknowledged = time.perf_counter()
    thread.join()
    held, done = results[0]
    assert held and acknowledged > done - 0.15
    assert not read()


def test_a_withdrawal_during_a_stream_stops_the_rest(database, monkeypatch):
    monkeypatch.setattr(gate_read, "CHUNK", 20)
    mia = staff("marketing")
    subjects = admit(*({"email": f"c{n}@mail.example"} for n in range(60)))
    for subject in subjects:
        say_yes(subject, mia.staff)
    seen = {}
    for number, chunk in enumerate(gate().stream(subjects, actor=mia, purpose="marketing")):
        if number == 0:
            for subject in subjects[40:50]:
                say_no(subject, mia.staff)
        seen |= {one.customer: bool(one.contributions) for one in chunk}
    assert [seen[subject] for subject in subjects] == [True] * 40 + [False] * 10 + [True] * 10


def test_a_consent_that_ends_denies_the_next_read(database):
    mia = staff("marketing")
    [lin] = admit({"email": "lin@mail.example"})

    def used(until):
        statement = Statement(kind="temporary", until=until, notice=1, way="recorded by staff")
        give_consent(lin, purpose=MARKETING, purpose_version=1, statement=statement, recorded_by=mia.staff, id=new_id())
        return opened(lin, mia)

    assert before_its_end(used)
    assert not opened(lin, mia)
