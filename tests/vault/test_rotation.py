"""Rotation: the old epoch's key outlives the last key under it by a minute, then is gone; writers meet the new epoch."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import connection

from kehu.guard import tasks
from kehu.guard.checks import check_installation
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner
from kehu.host import jobs
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.vault import rotation
from kehu.vault.keys import EpochKeys, KeyDoesNotOpen, current_epoch
from kehu.vault.rotation import destroy_retired, rotate_keys
from tests.cast import admit, staff


def held_epochs():
    return {name for name in Keyring(Home.current()).names() if name.startswith("epoch-")}


@pytest.fixture
def alone(database):
    """The keyring belongs to all tests: what others left is taken out, and what this one made; what it destroyed is made anew."""
    ring, before = Keyring(Home.current()), {"epoch-1"}

    def as_it_was():
        for name in held_epochs() - before:
            ring.destroy(name)
        for name in before:
            ring.secret(name, create=True)
        for epoch in range(1, 20):
            installation().epochs.forget(epoch)

    as_it_was()  # of databases that are gone
    yield database
    as_it_was()


def age(seconds):
    with connection.cursor() as cursor:
        cursor.execute(
            "update key_epoch set emptied_at = emptied_at - make_interval(secs => %s) where emptied_at is not null",
            [float(seconds)],
        )


def test_the_old_key_is_destroyed_a_minute_after_it_was_left(alone):
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    alice = staff("service")
    done = tasks.rotate()
    assert done.rewrapped == 1 and {"epoch-1", f"epoch-{done.epoch}"} <= held_epochs()
    tasks.destroy_left_keys()
    assert "epoch-1" in held_epochs()  # a read may still hold a key wrapped under it
    age(59)
    tasks.destroy_left_keys()
    assert "epoch-1" in held_epochs()
    age(2)
    tasks.destroy_left_keys()
    assert "epoch-1" not in held_epochs()
    assert gate().open([lin], actor=alice, purpose="service")[0].contributions


def test_a_key_still_in_use_is_never_destroyed(alone):
    admit({"full_name": "林婉清"})
    with connection.cursor() as cursor:
        cursor.execute("update key_epoch set retired_at = now(), emptied_at = now() - interval '1 day'")
    assert destroy_retired(raw_connection(), Keyring(Home.current()), installation().epochs) == []
    assert "epoch-1" in held_epochs()


def test_a_due_epoch_is_rotated_by_its_job_and_a_young_one_is_not(alone):
    tasks.rotate_when_due(0)
    with connection.cursor() as cursor:
        cursor.execute("select max(epoch) from key_epoch")
        assert cursor.fetchone() == (1,)
        cursor.execute("update key_epoch set began_at = now() - interval '7 days 1 minute'")
    for number in range(
        2
    ):  # as where one that was asked for meets the hour's own: one rotates, the other finds it done
        tasks.rotate_when_due.configure(queueing_lock=f"rotate_when_due {number}").defer(timestamp=0)
    jobs.run_pending()
    with connection.cursor() as cursor:
        cursor.execute("select max(epoch) from key_epoch")
        assert cursor.fetchone() == (2,)
        cursor.execute("select count(*) from procrastinate_jobs where task_name = 'guard:destroy_left_keys'")
        assert cursor.fetchone() == (1,)


def test_a_rotation_that_was_cut_off_is_finished_within_the_hour(alone, monkeypatch):
    """The certificate of an erasure names the day from which no old key opens it: not seven days after that."""
    admit({"full_name": "林婉清"})
    monkeypatch.setattr(rotation, "_rewrap_step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tasks.rotate()  # a new epoch has begun, and nothing is wrapped under it
    monkeypatch.undo()
    tasks.rotate_when_due(0)
    age(61)
    tasks.rotate_when_due(0)
    assert held_epochs() == {"epoch-2"}


def test_a_key_that_does_not_open_keeps_no_other_from_being_rewrapped(alone):
    lin, wang = admit({"full_name": "林婉清"}, {"full_name": "王小明"})
    with open_owner(alone) as owner:
        owner.execute("update subject_key set wrapped = sha256(wrapped) where subject = %s", (lin,))
    with pytest.raises(KeyDoesNotOpen):
        tasks.rotate()
    found = dict(raw_connection().execute("select subject, epoch from subject_key").fetchall())
    assert found[wang] == 2 and found[lin] == 1 and held_epochs() == {"epoch-1", "epoch-2"}


def test_a_writer_that_waited_for_a_rotation_takes_the_new_epoch(alone):
    with open_owner(alone) as rotating:
        rotating.autocommit = False
        rotating.execute("insert into key_epoch (epoch) values (2)")
        rotating.execute("update key_epoch set retired_at = now() where epoch = 1")
        found = []

        def write():
            with psycopg.connect(rotating.info.dsn, autocommit=True) as other, other.transaction():
                found.append(current_epoch(other))

        writer = threading.Thread(target=write)
        writer.start()
        writer.join(0.5)
        assert writer.is_alive()  # it waits for the row
        rotating.commit()
        writer.join(10)
    assert found == [2]


class _Halting(EpochKeys):
    """Epoch keys whose first wrapping waits: a rotation that is slow, or on a machine that was suspended."""

    def __init__(self, keyring):
        super().__init__(keyring)
        self.at_work, self.go_on = threading.Event(), threading.Event()

    def wrap(self, key, *, subject, epoch):
        made = super().wrap(key, subject=subject, epoch=epoch)
        self.at_work.set()
        self.go_on.wait(30)
        return made


def test_a_slow_rotation_wraps_no_key_under_an_epoch_that_was_destroyed_beside_it(alone):
    [lin] = admit({"full_name": "林婉清"})
    alice = staff("service")
    ring, slow = Keyring(Home.current()), _Halting(Keyring(Home.current()))
    failed = []

    def rotate_slowly():
        with open_owner(alone) as other:
            try:
                rotate_keys(other, ring, slow)
            except Exception as wrong:  # noqa: BLE001  (whatever it is, the test tells of it)
                failed.append(wrong)

    def next_epoch_and_more_than_a_minute():
        with open_owner(alone) as other:
            other.execute("set lock_timeout = '2s'")
            try:
                with other.transaction():
                    ring.secret("epoch-3", create=True)
                    other.execute("insert into key_epoch (epoch) values (3)")
                    other.execute("update key_epoch set retired_at = now() where epoch < 3 and retired_at is null")
                destroy_retired(other, ring, installation().epochs)
                other.execute("update key_epoch set emptied_at = emptied_at - interval '61 seconds'")
                destroy_retired(other, ring, installation().epochs)
            except psycopg.errors.LockNotAvailable:
                pass  # it waits for who is at work

    slower = threading.Thread(target=rotate_slowly)
    slower.start()
    assert slow.at_work.wait(10)
    next_epoch_and_more_than_a_minute()
    slow.go_on.set()
    slower.join(30)
    assert not failed
    assert gate().open([lin], actor=alice, purpose="service")[0].contributions


def test_a_copy_older_than_the_last_rotation_says_whose_keys_it_wants(alone, monkeypatch):
    """Its keys are wrapped under an epoch that was destroyed since; a later epoch takes no number that the ring knows."""
    admit({"full_name": "林婉清", "email": "lin@mail.example"})
    monkeypatch.setattr(rotation, "GRACE_SECONDS", 0)
    with open_owner(alone) as owner:
        kept = owner.execute("select epoch, wrapped from subject_key").fetchone()
        newest = tasks.rotate().epoch
        tasks.destroy_left_keys()
        assert "epoch-1" not in held_epochs()
        owner.execute("update subject_key set epoch = %s, wrapped = %s", kept)  # the copy is brought back
        owner.execute("delete from key_epoch where epoch > 1")
        owner.execute("update key_epoch set retired_at = null, emptied_at = null, destroyed_at = null")
    found = {finding.id: finding for finding in check_installation(running=False)}
    assert found["keys.missing"].severity == "error" and "epoch 1" in found["keys.missing"].text
    with pytest.raises(KeyDoesNotOpen):
        tasks.rotate()
    assert f"epoch-{newest + 1}" in held_epochs()
