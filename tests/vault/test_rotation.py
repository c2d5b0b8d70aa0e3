"""Rotation: the old epoch's key outlives the last key under it by a minute, then is gone; writers meet the new epoch."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import connection

from kehu.guard import tasks
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner
from kehu.host import jobs
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.vault.keys import current_epoch
from kehu.vault.rotation import destroy_retired
from tests.cast import admit, staff


def held_epochs():
    return {name for name in Keyring(Home.current()).names() if name.startswith("epoch-")}


@pytest.fixture
def alone(database):
    """The keyring belongs to all tests: what this one made is taken out, what it destroyed is made anew."""
    before = held_epochs()
    yield database
    ring = Keyring(Home.current())
    for name in held_epochs() - before:
        ring.destroy(name)
    for name in before:
        ring.secret(name, create=True)
    held = installation().epochs
    for epoch in range(1, 20):
        held.forget(epoch)


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
