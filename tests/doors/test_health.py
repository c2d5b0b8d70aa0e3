"""``status`` and ``doctor``: true counts in every state, and each thing that can be wrong is found by its name."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection

from kehu.guard import checks as inside
from kehu.guard.tasks import forget_sessions
from kehu.host import checks, jobs, supervisor
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import make_home
from tests.cast import admit, staff


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home")
    make_home(made)
    return made


@contextmanager
def as_another_account():
    """Of files alone; who is no other account than root is stopped by modes as it is."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_home_that_cannot_be_used_is_named_with_what_to_do(kehu, tmp_path, monkeypatch):
    def refused(verb, place):
        code, told = kehu(verb)
        assert (code, told["error"]["code"]) == (1, "home"), (verb, told)
        assert str(place) in told["error"]["message"] and "KEHU_HOME" in told["error"]["remedy"]

    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "home"):
        monkeypatch.setenv("KEHU_HOME", str(place))
        refused("init", place)
    theirs = tmp_path / "theirs"
    make_home(Home(theirs))
    for above in (*tmp_path.parents[:2], tmp_path):
        above.chmod(0o755)
    monkeypatch.setenv("KEHU_HOME", str(theirs))
    theirs.chmod(0o700 if os.geteuid() == 0 else 0)
    with as_another_account():
        for verb in ("init", "status", "doctor", "down", "database"):
            refused(verb, theirs)
    theirs.chmod(0o700)


def ids(found, severity="error"):
    return {one.id for one in found if one.severity == severity}


def test_status_before_init_and_while_down(kehu, tmp_path, monkeypatch):
    monkeypatch.setenv("KEHU_HOME", str(tmp_path / "none"))
    code, told = kehu("status")
    assert code == 0 and told["database"] == "absent" and told["running"] is False and told["folders"] == []
    assert all(told[name] is None for name in ("subjects", "sources", "facets", "quarantined", "review", "ledger"))
    code, told = kehu("doctor")
    assert code == 1 and [one["id"] for one in told["findings"]] == ["home.absent"]


def test_status_counts_while_down(kehu):
    admit({"full_name": "林婉清", "email": "lin@mail.example"}, {"full_name": "陈默"})
    code, told = kehu("status")
    assert code == 0 and told["running"] is False and told["database"] == "embedded"
    assert (told["subjects"], told["sources"], told["facets"]) == (2, 2, 3)
    assert (told["quarantined"], told["review"]) == (0, 0) and told["jobs"]["failed"] == 0
    assert told["ledger"].keys() >= {"size", "root"}


def test_a_fresh_installation_has_no_error(kehu):
    code, told = kehu("doctor")
    assert code == 0
    assert {one["severity"] for one in told["findings"]} <= {"warning", "note"}
    assert all(one.keys() == {"id", "severity", "text", "remedy"} and one["remedy"] for one in told["findings"])


def test_a_file_that_others_may_read_is_found(home):
    assert ids(checks.check_home(home)) == set()
    os.chmod(home / "keys" / "ring.json", 0o640)
    assert ids(checks.check_home(home)) == {"home.modes"}
    os.chmod(home / "keys" / "ring.json", 0o600)
    os.chmod(home.path, 0o755)
    assert ids(checks.check_home(home)) == {"home.modes"}
    os.chmod(home.path, 0o700)
    root, elsewhere = home / "keys" / "root", home.path.parent / "root"  # kept on another medium, and led to
    root.rename(elsewhere)
    root.symlink_to(elsewhere)
    assert ids(checks.check_home(home)) == set()
    os.chmod(elsewhere, 0o644)
    [told] = [one for one in checks.check_home(home) if one.severity == "error"]
    assert (told.id, told.remedy) == ("home.modes", f"chmod go= {elsewhere}")


def test_names_of_the_site_may_have_spaces_between(tmp_path):
    make_home(Home(tmp_path / "home"))
    told = subprocess.run(
        [sys.executable, "-c", "from kehu.host import settings; print(settings.ALLOWED_HOSTS)"], check=True, text=True,
        capture_output=True, env=os.environ | {"KEHU_HOME": str(tmp_path / "home"), "KEHU_HOSTS": "a.example, b.example,"},
    )  # fmt: skip
    assert told.stdout.strip() == "['localhost', '127.0.0.1', '[::1]', 'a.example', 'b.example']"


def test_a_root_that_is_gone_or_another_is_found(home):
    (home / "keys" / "root").write_text("A" * 43 + "=\n")
    assert ids(checks.check_home(home)) == {"keys.root"}
    (home / "keys" / "root").unlink()
    assert ids(checks.check_home(home)) == {"keys.root-missing"}


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("root", None, "keys.root-missing"),
        ("root", "A" * 43 + "=\n", "keys.root"),
        ("root", "cut", "keys.root"),
        ("ring.json", None, "keys.ring-missing"),
        ("ring.json", "{", "keys.root"),
    ],
)
def test_keys_that_do_not_open_are_told_by_every_command_and_made_anew_by_none(kehu_process, file, content, expected):
    held = Home.current() / "keys" / file
    kept = held.read_text()
    held.unlink()
    if content is not None:
        held.write_text(content)
    try:
        code, told = kehu_process("doctor")
        assert code == 1 and [one["id"] for one in told["findings"] if one["severity"] == "error"] == [expected]
        for words in (("status",), ("init",), ("find", "email=x@y.example", "--purpose", "service")):
            code, told = kehu_process(*words)
            assert code == 1 and told["error"]["code"] == "keys", told
        assert held.exists() == (content is not None)
    finally:
        held.write_text(kept)


def test_what_fails_before_django_is_set_up_is_told_without_what_python_says(kehu_process, tmp_path):
    """An exception's text may quote a value."""
    (tmp_path / "keys" / ".making").mkdir(parents=True)  # in the place of a file
    code, told = kehu_process("init", env=os.environ | {"KEHU_HOME": str(tmp_path)})
    assert code == 1 and told["error"]["code"] == "fault"


def test_a_full_disk_is_told_where_the_database_does_not_start_for_it(kehu, monkeypatch):
    usage = shutil.disk_usage(Home.current().path)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage._replace(free=0))

    def full(_: Database, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Database, "start", full)
    code, told = kehu("doctor")
    assert code == 1 and {one["id"] for one in told["findings"]} >= {"disk.error", "database.down"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, set()),
        ({"KEHU_HOSTS": "kehu.example"}, {"hosts.plain"}),
        ({"KEHU_HOSTS": "kehu.example", "KEHU_HTTPS": "1"}, {"proxy.unbelieved"}),
        ({"KEHU_HOSTS": "kehu.example, k.example", "KEHU_HTTPS": "1", "KEHU_BEHIND_PROXY": "1"}, set()),
        ({"KEHU_HOSTS": "localhost, *", "KEHU_HTTPS": "1", "KEHU_BEHIND_PROXY": "1"}, {"hosts.any"}),
        ({"KEHU_SMTP_URL": "smtp://mail.example"}, {"mail.plain"}),
        ({"KEHU_SMTP_URL": "smtp://mail.example:587?tls"}, set()),
        ({"KEHU_SMTP_URL": "smtp://127.0.0.1:2525"}, set()),
        (
            {"KEHU_DATABASE_URL": "postgresql://kehu:kehu@db.example/kehu"},
            {"database.plain", "database.password"},
        ),
        (
            {"KEHU_DATABASE_URL": "postgresql:///kehu?host=db.example&user=kehu&password=kehu"},
            {"database.plain", "database.password"},
        ),
        ({"KEHU_DATABASE_URL": "postgresql://o:cH9-long-random@db.example/kehu?sslmode=verify-full"}, set()),
        ({"KEHU_DATABASE_URL": "host=db.example user=o dbname=kehu"}, {"database.url"}),
        ({"KEHU_DATABASE_URL": "postgresql://o:p@db.example/kehu?sslmod=require"}, {"database.url"}),
        ({"KEHU_DATABASE_URL": "postgresql://o:p@db.example"}, {"database.url"}),
        ({"KEHU_DATABASE_URL": "postgresql://o:cH9-long-random@127.0.0.1/kehu"}, set()),
    ],
)
def test_settings(home, monkeypatch, settings, expected):
    for name in ("KEHU_HOSTS", "KEHU_HTTPS", "KEHU_BEHIND_PROXY", "KEHU_SMTP_URL", "KEHU_DATABASE_URL", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert ids(checks.check_settings(Database(home))) == expected


def test_a_full_disk_is_found(home, monkeypatch):
    usage = shutil.disk_usage(home.path)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage._replace(free=2**20))
    assert "disk.error" in ids(checks.check_machine(home, []))


def test_what_is_wrong_inside_is_found(database):
    staff("service")
    (Home.current() / "last-backup").unlink(missing_ok=True)
    assert ids(inside.check_installation(running=True)) == set()
    with connection.cursor() as cursor:
        cursor.execute("update key_epoch set began_at = now() - interval '9 days'")
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, status) values ('default', 'guard:x', 'failed')"
        )
        cursor.execute("update guard_staff set password = 'pbkdf2_sha256$1$a$b' where email = 'service@kehu.example'")
    found = list(inside.check_installation(running=True))
    assert ids(found, "warning") >= {"keys.epoch", "jobs.failed", "backup.none"}
    assert ids(found) == {"staff.password"}


def test_what_failed_is_done_again_and_told_no_more(kehu, database):
    def fail(status="failed"):
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into procrastinate_jobs (queue_name, task_name, args, queueing_lock, status, attempts) values"
                " ('default', 'guard:forget_sessions', '{\"timestamp\": 1}', 'forget_sessions', %s, 9)",
                [status],
            )

    fail()
    fail()  # of two nights
    [told] = [one for one in inside.check_installation(running=True) if one.id == "jobs.failed"]
    assert "kehu jobs retry" in told.remedy
    last, first = (one["id"] for one in kehu("jobs", "list")[1]["jobs"])
    assert last > first and kehu("jobs", "retry", "0")[1]["error"]["code"] == "unknown-job"
    assert kehu("jobs", "retry") == (0, {"retried": 1, "superseded": 1})
    with connection.cursor() as cursor:
        cursor.execute("select id, attempts, scheduled_at <= clock_timestamp() from procrastinate_jobs")
        assert cursor.fetchall() == [(last, 0, True)]
    fail()  # while the other waits
    assert kehu("jobs", "retry") == (0, {"retried": 0, "superseded": 1})
    jobs.run_pending()
    assert jobs.counts() == {"todo": 0, "doing": 0, "failed": 0}
    assert "jobs.failed" not in ids(inside.check_installation(running=True), "warning")


def test_a_command_that_works_off_what_waits_leaves_to_the_worker_what_the_clock_brings(database, monkeypatch):
    at = time.time() // 3600 * 3600 + 29 * 60 + 2  # the minute of forget_sessions
    monkeypatch.setattr("procrastinate.periodic.time", SimpleNamespace(time=lambda: at))
    forget_sessions.defer(timestamp=1)
    jobs.run_pending()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from procrastinate_periodic_defers")
        assert cursor.fetchone() == (0,)
    assert jobs.counts() == {"todo": 0, "doing": 0, "failed": 0} and jobs.app.periodic_registry.periodic_tasks


def test_no_copy_and_an_old_one_are_found_and_a_fresh_one_is_not(kehu, database, tmp_path, monkeypatch):
    def told():
        return {one.id for one in inside.check_installation(running=True) if one.id.startswith("backup.")}

    last = Home.current() / "last-backup"
    last.unlink(missing_ok=True)
    assert told() == {"backup.none"}
    assert kehu("backup", str(tmp_path / "all.dump"))[0] == 0
    assert told() == set()
    held = json.loads(last.read_text())
    last.write_text(json.dumps(held | {"began": (datetime.now(UTC) - timedelta(days=2, hours=1)).isoformat()}))
    assert told() == {"backup.old"}
    for untrue in ("", "[]", json.dumps(held | {"began": "soon"}), json.dumps(held | {"cluster": "1"})):
        last.write_text(untrue)
        assert told() == {"backup.none"}
    last.unlink()
    monkeypatch.setenv("KEHU_DATABASE_URL", Database(Home.current()).url("kehu_owner"))
    assert told() == {"backup.outside"}


def test_a_ledger_that_is_not_hashed_is_found(database):
    admit({"full_name": "林婉清"})
    from kehu.guard.setup import open_owner

    with open_owner(database) as owner:
        owner.execute("alter table ledger_entry disable trigger user")
        owner.execute("update ledger_entry set at = at - interval '61 seconds'")
    assert ids(inside.check_installation(running=True)) == {"ledger.delay"}
    assert ids(inside.check_installation(running=False)) == set()  # the next start or verify takes it
    with open_owner(database) as owner:
        owner.execute("update ledger_entry set at = now() + interval '1 hour'")
    assert ids(inside.check_installation(running=True)) == {"clock.back"}


def test_what_ought_to_run_and_does_not_is_found(kehu, monkeypatch):
    def told():
        code, answer = kehu("doctor")
        return code, {one["id"]: one["severity"] for one in answer["findings"]}

    said = Home.current() / "run" / "supervisor.json"
    assert told()[1]["system.down"] == "note"
    said.write_text("{}")  # it takes its own word back when it is stopped
    try:
        assert told() == (1, told()[1]) and told()[1]["system.down"] == "error"
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            held = supervisor.Running("", os.getpid(), nobody.getsockname()[1], ready=True)
            monkeypatch.setattr(supervisor, "status", lambda _: held)
            found = told()[1]
            assert found["web.down"] == "error" and "jobs.stopped" not in found and "system.down" not in found
            os.utime(said, (0, 0))
            assert told()[1]["jobs.stopped"] == "error"  # a minute after it began no worker has been heard of
            with connection.cursor() as cursor:
                cursor.execute("insert into procrastinate_workers default values")
            assert "jobs.stopped" not in told()[1]
    finally:
        said.unlink()


def test_a_job_that_never_ends_is_found_by_those_behind_it(database):
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, status) values ('default', 'guard:watch', 'doing'),"
            " ('default', 'guard:erase_again', 'todo')"
        )
        cursor.execute(
            "insert into procrastinate_jobs (queue_name, task_name, scheduled_at)"
            " values ('default', 'later', now() + interval '1 hour')"
        )
        assert "jobs.behind" not in ids(inside.check_installation(running=True), "warning")
        cursor.execute("update procrastinate_events set at = at - interval '11 minutes' where type = 'deferred'")
        cursor.execute(
            "insert into procrastinate_events (job_id, type, at) select id, 'started', now() - interval '2 hours'"
            " from procrastinate_jobs where status = 'doing'"
        )
    [behind] = [one for one in inside.check_installation(running=True) if one.id == "jobs.behind"]
    assert behind.text == (
        "1 jobs wait that are due, the oldest for 11 minutes. guard:watch has been at work for 120 minutes."
    )
    assert "jobs.behind" not in ids(inside.check_installation(running=False), "warning")
