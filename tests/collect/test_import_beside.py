"""A large file is prepared in a process beside the one that writes; whatever becomes of that process, nothing is lost."""

from __future__ import annotations

import dataclasses
from multiprocessing import active_children

import pytest
from django.db import connection

from kehu.collect.imports import actions, beside
from kehu.collect.imports.queries import status
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.imports.staging import stage
from kehu.guard.staff.actions import owner_actor

ROWS = 25_000


@pytest.fixture
def large(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "WORTH_IT", 0)
    path = tmp_path / "large.csv"
    lines = [f"K{n},Ann {n},ann{n}@mail.example\n" for n in range(ROWS)]
    lines[17_000] = ",,nothing\n"
    path.write_text("external_id,full_name,email\n" + "".join(lines), encoding="utf-8")
    return ImportTerms(files=(path,), channel="store", basis="contract", residence="DE")


def bring_in(terms, progress=None):
    who = owner_actor()
    begun = actions.start(actions.plan(terms, actor=who), actor=who)
    return actions.run(begun, actor=who, progress=progress, link=False)


def test_the_same_counts_as_in_one_process(database, large):
    seen = []
    done = bring_in(large, progress=lambda _: seen.append(len(active_children())))
    assert max(seen) == 1  # it was beside us
    assert (done.rows, done.created, done.quarantined) == (ROWS, ROWS - 1, 1)
    assert not active_children()


def test_an_upload_too_and_its_opening_stands_in_the_ledger(database, large):
    who = owner_actor()
    with large.files[0].open("rb") as stream:
        upload = stage(stream, name="large.csv", actor=who)
    before = opened_uploads(upload)
    seen = []
    done = bring_in(dataclasses.replace(large, files=(upload,)), lambda _: seen.append(len(active_children())))
    assert max(seen) == 1 and not active_children()
    assert (done.rows, done.created, done.quarantined) == (ROWS, ROWS - 1, 1)
    assert opened_uploads(upload) > before


def opened_uploads(upload):
    """Rows of the ledger under the upload's id."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where detail = %s", [upload])
        return cursor.fetchone()[0]


def test_killed_in_the_middle_its_work_goes_on_here(database, large):
    def kill(_: object) -> None:
        for child in active_children():
            child.kill()

    done = bring_in(large, progress=kill)
    assert (done.rows, done.created, done.quarantined) == (ROWS, ROWS - 1, 1)


def test_a_file_that_goes_meanwhile_loses_nothing(database, large):
    who = owner_actor()
    begun = actions.start(actions.plan(large, actor=who), actor=who)
    path = large.files[0]
    content = path.read_bytes()

    def spoil(_: object) -> None:
        path.unlink(missing_ok=True)

    try:
        done = actions.run(begun, actor=who, progress=spoil, link=False)
    except OSError:
        assert status(begun).rows < ROWS
    else:
        assert done.rows == ROWS  # it had the whole file open already
    path.write_bytes(content)
    again = actions.run(begun, actor=who, link=False)
    assert again.rows == ROWS and again.created == ROWS - 1
