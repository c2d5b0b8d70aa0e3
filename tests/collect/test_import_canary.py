"""No value in clear anywhere (promise V1): marked rows are staged, imported, refused, fail, are exported; then grepped for."""

from __future__ import annotations

import io
import subprocess
import tempfile
import uuid

import pytest

from kehu.collect.imports import actions, staging
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.models import Staged
from kehu.collect.tasks import forget_uploads, run_import, start_as_job
from kehu.guard.aside import AsideDoesNotOpen
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import raw_connection
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host import jobs
from kehu.host.home import Home
from tests.cast import staff
from tests.places import places

MARK = f"canary{uuid.uuid4().hex[:12]}"  # of this run alone: the temp folder may hold anything
LEAK = f"leaked{uuid.uuid4().hex[:12]}"
TEXT = (
    "external_id,full_name,email,phone,national_id,wohnort\n"
    f"{MARK}1,{MARK} ann,{MARK}@mail.example,+49301{MARK},{MARK}-9,DE\n"
    f"{MARK}2,{MARK} lin,{MARK}@mail2.example,,,CN\n"
    f"{MARK}3,{MARK} too,many,cells,in,this,row\n"
)


def places_with(mark: str, database) -> set[str]:
    """Files of the home, of the database's folder and of the temp folder that hold the mark."""
    with open_owner(database) as owner:
        owner.execute("checkpoint")
    roots = places(database)
    command = ["grep", "-rlaF", "--exclude-dir=pytest-of-*", mark, *roots, tempfile.gettempdir()]
    found = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return {path for path in found if "/import_canary_input/" not in path}


@pytest.fixture
def quiet(capfd, caplog):
    """Nothing marked was said, either."""
    yield
    out = capfd.readouterr()
    assert MARK not in out.out + out.err and MARK not in caplog.text


def test_marked_rows_are_found_nowhere_in_clear(database, quiet, monkeypatch):
    who = owner_actor()
    staged = staging.stage(io.BytesIO(TEXT.encode()), name=f"{MARK}.csv", actor=who)
    assert places_with(MARK, database) == set()
    terms = ImportTerms(files=(staged,), channel="store", basis="legitimate_interest", residence="wohnort")
    planned = actions.plan(terms, actor=who)
    import_id = start_as_job(planned, actor=who)

    def fails(*_, **__):
        value = TEXT  # a marked value in the scope of an exception whose text quotes it
        raise ValueError(value)

    with monkeypatch.context() as broken:
        broken.setattr(actions, "write_chunk", fails)
        with pytest.raises(ValueError):
            run_import(str(import_id))
    run_import(str(import_id))
    done = actions.status(import_id)
    assert (done.state, done.created, done.quarantined) == ("done", 1, 2)
    assert done.share == 1.0
    with open_owner(database) as owner:
        owner.execute("create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'")
        owner.execute("create trigger no before insert on ledger_entry for each row execute function no()")
    with pytest.raises(Exception) as failed:
        actions.plan(terms, actor=who)
    assert MARK not in str(failed.value)
    assert places_with(MARK, database) == set()


def test_the_search_finds_a_leak_where_there_is_one(database):
    """The control: without it the test above would pass whatever it looked at."""
    with open_owner(database) as owner:
        owner.execute("create table leaky (value text)")
        owner.execute("insert into leaky values (%s)", (LEAK,))
    (Home.current() / "spool" / "leak").write_text(LEAK)
    try:
        found = places_with(LEAK, database)
    finally:
        (Home.current() / "spool" / "leak").unlink()
    assert any("/spool/" in path for path in found)
    assert any("/base/" in path or "/PG_" in path for path in found)  # of the database, or of its tablespace


def test_an_upload_is_sealed_read_anywhere_and_gone_after_its_import(database):
    who = owner_actor()
    text = b"external_id,full_name\n" + b"".join(b"K%d,Ann %d\n" % (n, n) for n in range(200_000))
    staged = staging.stage((text[at : at + 70_000] for at in range(0, len(text), 70_000)), name="a.csv", actor=who)
    with staging.open_staged(staged, actor=who)() as stream:
        assert stream.read() == text
        stream.seek(1_500_000)
        assert stream.read(100) == text[1_500_000:1_500_100]
    assert staging.staged_name(Staged.objects.get(id=staged), actor=who) == "a.csv"
    with pytest.raises(ActRefused):
        staging.open_staged(staged, actor=staff("auditor"))
    staging.discard(staged)
    with pytest.raises(AsideDoesNotOpen):
        staging.open_staged(staged, actor=who)
    assert not list((Home.current() / "spool").glob(f"{staged}*"))


@pytest.mark.parametrize("harm", ["flip", "cut", "swap"])
def test_a_staged_file_that_was_touched_does_not_open(database, harm):
    who = owner_actor()
    staged = staging.stage(io.BytesIO(b"x" * (3 << 20)), name="a.csv", actor=who)
    path = Home.current() / "spool" / f"{staged}.sealed"
    held = bytearray(path.read_bytes())
    frame = (1 << 20) + 28
    if harm == "flip":
        held[100] ^= 1
    elif harm == "cut":
        held = held[: 2 * frame]
    else:
        held[:frame], held[frame : 2 * frame] = held[frame : 2 * frame], held[:frame]
    path.write_bytes(held)
    with pytest.raises(AsideDoesNotOpen), staging.open_staged(staged, actor=who)() as stream:
        stream.read()
    staging.discard(staged)


def test_an_upload_becomes_an_import_as_a_job(database):
    who = staff("service")
    staged = staging.stage(io.BytesIO(b"external_id,full_name\nK1,Ann Lee\nK2,Bob Wu\n"), name="a.csv", actor=who)
    planned = actions.plan(ImportTerms(files=(staged,), channel="store", basis="contract"), actor=who)
    import_id = start_as_job(planned, actor=who)
    assert actions.status(import_id).state == "waiting"
    jobs.run_pending()
    jobs.run_pending()  # the linkage that the first one left waiting
    done = actions.status(import_id)
    assert (done.state, done.created) == ("done", 2) and done.review == 0
    assert Staged.objects.count() == 0
    with open_owner(database) as owner:
        [human] = owner.execute("select distinct human from ledger_entry where action = 5 and subjects > 0").fetchone()
    assert human == who.human


def test_a_job_whose_database_goes_away_goes_on_when_that_is_back(database, monkeypatch):
    who = staff("service")
    staged = staging.stage(io.BytesIO(b"external_id,full_name\nK1,Ann Lee\nK2,Bob Wu\n"), name="a.csv", actor=who)
    planned = actions.plan(ImportTerms(files=(staged,), channel="store", basis="contract"), actor=who)
    import_id = start_as_job(planned, actor=who)
    write = actions.write_chunk

    def cut(*told, **rest):
        with open_owner(database) as owner:
            owner.execute("select pg_terminate_backend(%s, 5000)", [raw_connection().info.backend_pid])
        return write(*told, **rest)

    with monkeypatch.context() as away:
        away.setattr(actions, "write_chunk", cut)
        jobs.run_pending()
    assert actions.status(import_id).state != "done"
    with open_owner(database) as owner:
        owner.execute("update procrastinate_jobs set scheduled_at = null")
    jobs.run_pending()
    assert (actions.status(import_id).state, actions.status(import_id).created) == ("done", 2)


def test_uploads_nobody_imports_are_forgotten(database):
    who = owner_actor()
    staged = staging.stage(io.BytesIO(b"external_id\nK1\n"), name="a.csv", actor=who)
    forget_uploads(0)
    assert Staged.objects.count() == 1
    with open_owner(database) as owner:
        owner.execute("update collect_staged set at = now() - interval '3 days'")
    forget_uploads(0)
    assert Staged.objects.count() == 0 and not (Home.current() / "spool" / f"{staged}.sealed").exists()
