"""Killed at any moment an import goes on: nothing lost, nothing doubled (promise D1). And counts always add up."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_RUN = """
import sys
from pathlib import Path
from kehu.collect.imports import plan
plan.SIZE = 100
from kehu.collect.imports import actions
actions.SIZE = 100
actions._SLOW, actions._FEWEST = 0.05, 20  # so that batches are written in parts, too
from kehu.doors.cli.main import main
main(sys.argv[1:])
"""


def one(query: str, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        row = cursor.fetchone()
        return row[0] if row and len(row) == 1 else row


def start(*words) -> subprocess.Popen:
    program = f"import django; django.setup()\n{_RUN}"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "kehu.host.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_killed_at_random_moments_nothing_is_lost_or_doubled(database, tmp_path):
    """Rows: 2,000 customers, some twice, some changed, some refused; chunks of 100 so that there are many moments."""
    chance = random.Random(7391)
    rows = [f"K{n},Ann {n},a{n}@mail.example" for n in range(2000)]
    rows += [rows[n] for n in range(0, 300, 3)] + [f"K{n},Eve {n},e{n}@mail.example" for n in range(1, 300, 3)]
    rows += [",,no mail"] * 50
    chance.shuffle(rows)
    path = tmp_path / "people.csv"
    path.write_text("external_id,full_name,email\n" + "\n".join(rows) + "\n")
    words = ("import", path, "--channel", "store", "--basis", "contract")
    kills = 0
    for _ in range(12):
        running = start(*words)
        before = one("select count(*) from collect_importchunk")
        end = time.monotonic() + 60
        while one("select count(*) from collect_importchunk") == before and running.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        ended = running.poll() is not None
        running.send_signal(signal.SIGKILL)
        running.communicate()
        if ended or one("select state from collect_import") == "done":  # all is kept, but for the last word about it
            break
        kills += 1
        chunked = one("select coalesce(sum(created + updated), 0) from collect_importchunk")
        assert one("select count(*) from record") == chunked  # a chunk is whole or not there
        if kills == 4:
            break
    assert kills >= 2
    if one("select state from collect_import") != "done":
        out = start(*words).communicate(timeout=180)[0]
        assert b'"rows": 2250' in out and b'"quarantined": 50' in out, out
    assert one("select count(*) from collect_import") == 1
    assert one(
        "select sum(rows), sum(created), sum(updated), sum(duplicates), sum(quarantined) from collect_importchunk"
    )[:2] == (2250, 2000)
    # what a run without interruption comes to, worked out by hand
    newest: dict[str, str] = {}
    created = updated = duplicates = refused = 0
    for row in rows:
        own = row.split(",")[0]
        if not own:
            refused += 1
        elif own not in newest:
            created += 1
        elif newest[own] == row:
            duplicates += 1
        else:
            updated += 1
        newest[own] = row
    assert one("select sum(created), sum(updated), sum(duplicates), sum(quarantined) from collect_importchunk") == (
        created, updated, duplicates, refused,
    )  # fmt: skip
    assert one("select count(*) from record") == created + updated
    assert one("select count(*) from subject_state") == 2000
    assert one("select count(*) from collect_quarantined where not accepted") == 50
    assert one("select count(distinct subject) from ledger_use") == 2000
    again = start(*words).communicate(timeout=180)[0]
    assert b'"created": 0' in again and b'"updated": 0' in again, again


def test_resume_by_id_and_by_nothing_else(kehu, tmp_path, monkeypatch):
    from kehu.collect.imports import actions

    path = tmp_path / "in.csv"
    path.write_text("external_id,full_name\n" + "".join(f"K{n},Ann {n}\n" for n in range(350)))
    monkeypatch.setattr(actions, "SIZE", 100)
    write = actions.write_chunk

    def dies(prepared, place, *rest, **more):
        if place.number == 2:
            raise KeyboardInterrupt
        return write(prepared, place, *rest, **more)

    monkeypatch.setattr(actions, "write_chunk", dies)
    stopped = kehu("import", path, "--channel", "store", "--basis", "contract")
    assert stopped.code == 1 and one("select count(*) from record") == 200
    monkeypatch.setattr(actions, "write_chunk", write)
    import_id = stopped.lines[0]
    path2 = tmp_path / "other.csv"
    path2.write_text("external_id,full_name\nK1,Somebody Else\n")
    other = kehu("import", path2, "--channel", "store", "--basis", "contract", "--resume", import_id)
    assert other.code == 1 and one("select count(*) from record") == 200
    assert other.json["error"]["code"] == "changed" and other.json["error"]["remedy"]
    assert one("select count(*) from collect_import") == 1  # no other one has begun and waits
    done = kehu("import", "--resume", import_id)
    assert done.counts() == (350, 350, 0, 0, 0, 0) and done.json["import"] == import_id
    assert kehu("import", "--resume", import_id).counts() == (350, 350, 0, 0, 0, 0)  # done is done


def test_a_file_that_changed_is_not_gone_on_with(kehu, tmp_path, monkeypatch):
    from kehu.collect.imports import actions

    path = tmp_path / "in.csv"
    path.write_text("external_id,full_name\nK1,Ann\n")
    monkeypatch.setattr(actions, "write_chunk", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    import_id = kehu("import", path, "--channel", "store", "--basis", "contract").lines[0]
    monkeypatch.undo()
    path.write_text("external_id,full_name\nK1,Eve\n")
    assert kehu("import", "--resume", import_id).code == 1
    assert one("select count(*) from record") == 0


_CELL = st.one_of(
    st.sampled_from(
        ["", "K1", "K2", "K3", "Ann Lee", "林婉清", "a@b.example", "13800006721", "11010519491231002X", "1990-01-02"]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(_CELL, min_size=3, max_size=7), min_size=1, max_size=25))
def test_counts_add_up_for_any_dirty_file(bring, rows):
    text = "external_id,full_name,email,phone,national_id\n" + "\n".join(",".join(row) for row in rows) + "\n"
    answer = bring(text)
    assert answer.code in (0, 1), answer
    if answer.code == 0:
        counted = answer.counts()
        assert (
            one("select count(*) from collect_quarantined where not accepted and batch = %s", answer.json["import"])
            == counted[5]
        )
        assert bring(text).counts()[1:4] == (0, 0, 0)
        assert (
            one("select count(*) from source_key k where not exists (select 1 from record r where r.id = k.record)")
            == 0
        )


def test_two_imports_at_once_wait_for_each_other(database, tmp_path):
    """The same customers in two files at the same time: each is created once."""
    paths = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.csv"
        path.write_text("external_id,full_name\n" + "".join(f"K{n},{name} {n}\n" for n in range(800)))
        paths.append(path)
    running = [start("import", path, "--channel", "store", "--basis", "contract") for path in paths]
    for process in running:
        process.communicate(timeout=240)
        assert process.returncode == 0
    assert one("select sum(created), sum(updated) from collect_importchunk") == (800, 800)
    assert one("select count(*) from subject_state") == 800


def test_the_same_file_twice_at_once_doubles_nothing(database, tmp_path):
    """Two people send the same file at the same moment: it is one import, and whoever comes second finds it done."""
    path = tmp_path / "people.csv"
    path.write_text("full_name,email\n" + "".join(f"Ann {n},a{n}@mail.example\n" for n in range(800)))
    running = [start("import", path, "--channel", "store", "--basis", "contract") for _ in range(3)]
    for process in running:
        process.communicate(timeout=240)
    assert [process.returncode for process in running] == [0, 0, 0]
    assert one("select sum(rows), sum(created) from collect_importchunk where rows > duplicates") == (800, 800)
    assert one("select count(*) from subject_state") == one("select count(*) from record") == 800


@pytest.mark.parametrize("lost", ["chunk", "lock"])
def test_the_protections_are_what_protects(database, tmp_path, monkeypatch, lost):
    """Without its chunk's row an import would be done twice over; a chunk that is here already is refused."""
    from kehu.collect.imports import actions
    from kehu.collect.imports.recipe import ImportTerms
    from kehu.collect.models import Import, ImportChunk
    from kehu.guard.staff.actions import owner_actor

    path = tmp_path / "in.csv"
    path.write_text("full_name\nAnn\n")
    who = owner_actor()
    terms = ImportTerms(files=(path,), channel="store", basis="contract")
    done = actions.run(actions.start(actions.plan(terms, actor=who), actor=who), actor=who)
    Import.objects.filter(id=done.id).update(state="running")
    if lost == "chunk":
        ImportChunk.objects.all().delete()
        assert actions.run(done.id, actor=who).duplicates == 1  # done again: what was written shows as repeats
    else:
        assert actions.run(done.id, actor=who).created == 1
